//! The comments in a stored `CREATE TABLE`, by table and column. SQLite stores them with the text of the statement, but the parser
//! skips them, so that they are found here, by the rules of SQLite's tokens (SQLite manual, "SQL Comment Syntax").

/// The comments of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableComments {
    /// Those of the table: before the first column and after the last.
    pub table: Option<String>,
    /// Those of each column, in order: above it and at the end of its line. Trailing columns without comments are
    /// omitted.
    pub columns: Vec<Option<String>>,
}

/// Finds the comments of a `CREATE TABLE`.
pub fn table_comments(sql: &str) -> TableComments {
    let mut walk = Walk::default();
    let mut rest = sql;
    while let Some(token) = Token::first(rest) {
        walk.take(&token);
        rest = rest.get(token.length..).unwrap_or_default();
    }
    walk.finish()
}

/// The kind of a token, as far as it matters for comments.
enum TokenKind<'a> {
    Comment(&'a str),
    LineBreak,
    Blank,
    Open,
    Close,
    Comma,
    Other,
}

struct Token<'a> {
    kind: TokenKind<'a>,
    /// Its length in bytes.
    length: usize,
}

impl Token<'_> {
    /// Returns the token at the beginning of `sql`; `None` at its end.
    fn first(sql: &str) -> Option<Token<'_>> {
        let letter = sql.chars().next()?;
        let until = |end: Option<usize>| end.unwrap_or(sql.len());
        let (kind, length) = match letter {
            '\n' => (TokenKind::LineBreak, 1),
            letter if letter.is_whitespace() => (TokenKind::Blank, letter.len_utf8()),
            '(' => (TokenKind::Open, 1),
            ')' => (TokenKind::Close, 1),
            ',' => (TokenKind::Comma, 1),
            '-' if sql.starts_with("--") => {
                let end = until(sql.find('\n'));
                (TokenKind::Comment(sql.get(2..end).unwrap_or_default()), end)
            }
            '/' if sql.starts_with("/*") => {
                let inner = sql.get(2..).unwrap_or_default();
                let end = inner.find("*/");
                let text = inner.get(..end.unwrap_or(inner.len())).unwrap_or_default();
                (TokenKind::Comment(text), end.map_or(sql.len(), |end| end + 4))
            }
            '\'' | '"' | '`' => (TokenKind::Other, quoted_length(sql, letter)),
            '[' => (TokenKind::Other, until(sql.find(']').map(|end| end + 1))),
            letter => (TokenKind::Other, letter.len_utf8()),
        };
        Some(Token { kind, length })
    }
}

/// Returns the length of a quoted token; one with a doubled quote counts as two tokens, which makes no difference here.
fn quoted_length(sql: &str, quote: char) -> usize {
    sql.get(1..).and_then(|inner| inner.find(quote)).map_or(sql.len(), |end| end + 2)
}

/// The position in the statement.
#[derive(Default)]
struct Walk {
    depth: usize,
    /// The index of the column that is being defined; `None` before the first and after a comma.
    column: Option<usize>,
    begun: usize,
    is_inside: bool,
    is_done: bool,
    /// Whether the line has other tokens before.
    is_line_used: bool,
    /// Comments of the next column.
    waiting: Vec<String>,
    of_table: Vec<String>,
    of_columns: Vec<Vec<String>>,
}

impl Walk {
    fn take(&mut self, token: &Token<'_>) {
        match token.kind {
            TokenKind::LineBreak => self.is_line_used = false,
            TokenKind::Blank => {}
            TokenKind::Comment(text) => self.comment(text),
            TokenKind::Open => {
                self.word();
                self.depth += 1;
                self.is_inside |= self.depth == 1 && !self.is_done;
            }
            TokenKind::Close => {
                self.depth = self.depth.saturating_sub(1);
                self.is_line_used = true;
                if self.depth == 0 && self.is_inside {
                    (self.is_inside, self.is_done) = (false, true);
                    self.of_table.append(&mut self.waiting);
                }
            }
            TokenKind::Comma if self.depth == 1 && self.is_inside => {
                self.is_line_used = true;
                self.column = None;
            }
            TokenKind::Comma | TokenKind::Other => self.word(),
        }
    }

    /// Handles a token of a definition.
    fn word(&mut self) {
        self.is_line_used = true;
        if self.is_inside && self.column.is_none() {
            self.column = Some(self.begun);
            self.begun += 1;
            self.of_columns.push(std::mem::take(&mut self.waiting));
        }
    }

    fn comment(&mut self, text: &str) {
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '*').to_owned();
        if text.is_empty() {
            return;
        }
        let is_on_line_of_column = self.is_line_used && self.begun > 0 && self.is_inside;
        match self.of_columns.last_mut().filter(|_| is_on_line_of_column) {
            Some(column) => column.push(text),
            None if self.is_inside && !self.is_line_used => self.waiting.push(text),
            None => self.of_table.push(text),
        }
    }

    fn finish(mut self) -> TableComments {
        self.of_table.append(&mut self.waiting);
        let joined = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join("\n").replace('\0', ""));
        let mut columns: Vec<Option<String>> = self.of_columns.into_iter().map(joined).collect();
        while columns.last().is_some_and(Option::is_none) {
            columns.pop();
        }
        TableComments { table: joined(self.of_table), columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_what_they_stand_at() {
        for (sql, table, columns) in [
            ("CREATE TABLE t (a, b)", None, &[][..]),
            (
                "CREATE TABLE t ( -- people\n  id INTEGER, -- the key\n  -- as they\n  -- write it\n  name TEXT /* shown */, \n  x\n  -- nobody's\n)",
                Some("people\nnobody's"),
                &[Some("the key"), Some("as they\nwrite it\nshown")],
            ),
            (
                "CREATE TABLE /* the */ t (a TEXT DEFAULT '-- no', \"--\" TEXT, [/*] TEXT -- c\n)",
                Some("the"),
                &[None, None, Some("c")],
            ),
            ("CREATE TABLE t (a DECIMAL(1, 2), -- money\n b)", None, &[Some("money")]),
            ("CREATE TABLE t (a, b) -- last", Some("last"), &[]),
            ("CREATE TABLE t (a /* open", None, &[Some("open")]),
            ("CREATE TABLE t (\n/**\n * Many lines.\n */\na)", None, &[Some("Many lines.")]),
            ("'", None, &[]),
            ("-- \n--", None, &[]),
        ] {
            let found = table_comments(sql);
            assert_eq!(found.table.as_deref(), table, "{sql}");
            let found: Vec<Option<&str>> = found.columns.iter().map(Option::as_deref).collect();
            assert_eq!(found, columns, "{sql}");
        }
    }
}

//! Reads a stored `CREATE VIRTUAL TABLE`: its module, and the arguments of full-text modules.
//!
//! SQLite passes the arguments to the module as text. Those of FTS5 are read by the rules of its manual, sections 3.1 and 4, those of
//! FTS3 and FTS4 by theirs, section 6.

use sqlite3_parser::ast::Stmt;

use super::{UnreadableSql, plain_name, with_statement};

/// The facts of a stored `CREATE VIRTUAL TABLE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualTableFacts {
    /// The module, in lower case.
    pub module: String,
    /// The arguments, as written.
    pub arguments: Vec<String>,
}

/// The definition of a full-text table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullTextFacts {
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// The columns that are not searched.
    pub unindexed: Vec<String>,
    /// The location of the text.
    pub content: FullTextContent,
    /// The tokenizer with its options, in lower case; empty for the default.
    pub tokenizer: Vec<String>,
    /// The lengths of indexed prefixes, as written.
    pub prefix: Option<String>,
    /// FTS4's column for the language of a row.
    pub language_id: Option<String>,
}

/// The location of the text of a full-text table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FullTextContent {
    /// In the table itself.
    Own,
    /// In another table or view.
    Table(String),
    /// Nowhere: only the index is stored.
    None,
}

/// Reads a stored `CREATE VIRTUAL TABLE`.
///
/// # Errors
/// [`UnreadableSql`] if it cannot be parsed.
pub fn virtual_table_facts(table: &str, sql: &str) -> Result<VirtualTableFacts, UnreadableSql> {
    let what = || format!("virtual table {table}");
    // Without arguments, brackets are optional.
    with_statement(sql, what, |statement| {
        let Stmt::CreateVirtualTable { module_name, args, .. } = statement else {
            return Err(UnreadableSql {
                what: what(),
                problem: "it is not a CREATE VIRTUAL TABLE".to_owned(),
            });
        };
        Ok(VirtualTableFacts {
            module: plain_name(module_name.0).to_ascii_lowercase(),
            arguments: args.unwrap_or(&[]).iter().map(|argument| argument.trim().to_owned()).collect(),
        })
    })
}

impl VirtualTableFacts {
    /// Whether it is an R*Tree.
    pub fn is_rtree(&self) -> bool {
        matches!(self.module.as_str(), "rtree" | "rtree_i32")
    }

    /// Returns how a table that stores its own rows numbers them: FTS5, FTS3 and FTS4 by a name, an R*Tree
    /// by its first column.
    pub fn row_number(&self) -> Option<RowNumber> {
        if self.is_rtree() {
            return Some(RowNumber::FirstColumn);
        }
        let full_text = self.full_text()?;
        (full_text.content == FullTextContent::Own).then_some(RowNumber::Named(if self.module == "fts5" {
            "rowid"
        } else {
            "docid"
        }))
    }

    /// Returns the definition of a full-text table; `None` for another module.
    pub fn full_text(&self) -> Option<FullTextFacts> {
        let mut facts = FullTextFacts {
            columns: Vec::new(),
            unindexed: Vec::new(),
            content: FullTextContent::Own,
            tokenizer: Vec::new(),
            prefix: None,
            language_id: None,
        };
        match self.module.as_str() {
            "fts5" => self.arguments.iter().for_each(|argument| facts.add_fts5(argument)),
            "fts3" => self.arguments.iter().for_each(|argument| facts.add_fts4(argument, false)),
            "fts4" => self.arguments.iter().for_each(|argument| facts.add_fts4(argument, true)),
            _ => return None,
        }
        // FTS3 and FTS4 have this column by default.
        let has_own_columns = facts.columns.is_empty() && facts.content == FullTextContent::Own;
        if has_own_columns && self.module != "fts5" {
            facts.columns.push("content".to_owned());
        }
        Some(facts)
    }
}

/// How a virtual table numbers its own rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowNumber {
    /// By the rowid, under this name.
    Named(&'static str),
    /// By its first column.
    FirstColumn,
}

impl FullTextFacts {
    fn add_fts5(&mut self, argument: &str) {
        let (name, rest) = first_word(argument);
        if let Some(value) = rest.strip_prefix('=') {
            self.add_option(&name, value);
            return;
        }
        if rest.eq_ignore_ascii_case("UNINDEXED") {
            self.unindexed.push(name.clone());
        }
        self.columns.push(name);
    }

    fn add_fts4(&mut self, argument: &str, has_options: bool) {
        let (name, rest) = first_word(argument);
        let value = rest.strip_prefix('=');
        if name.eq_ignore_ascii_case("tokenize") {
            self.add_option(&name, value.unwrap_or(rest));
            return;
        }
        match value {
            Some(value) if has_options => self.add_option(&name, value),
            _ => self.columns.push(name),
        }
    }

    fn add_option(&mut self, name: &str, value: &str) {
        let (content, _) = first_word(value.trim_start());
        match name.to_ascii_lowercase().as_str() {
            "content" if content.is_empty() => self.content = FullTextContent::None,
            "content" => self.content = FullTextContent::Table(content),
            // The value is one string in FTS5, and words in FTS4.
            "tokenize" => {
                let words = plain_name(value.trim()).to_ascii_lowercase();
                self.tokenizer = words.split_whitespace().map(plain_name).collect();
            }
            "prefix" => self.prefix = Some(plain_name(value.trim())),
            "notindexed" => self.unindexed.push(content),
            "languageid" => self.language_id = Some(content),
            // Other options concern the index.
            _ => {}
        }
    }
}

/// Returns the first name of an argument without its quotes, and the rest.
fn first_word(text: &str) -> (String, &str) {
    let end = match text.chars().next() {
        Some(open @ ('"' | '\'' | '`')) => quoted_end(text, open),
        Some('[') => text.find(']').map_or(text.len(), |end| end + 1),
        _ => text.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(text.len()),
    };
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (plain_name(word), rest.trim())
}

/// Returns the end of a quoted name, which may have doubled quotes.
fn quoted_end(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((place, letter)) = letters.next() {
        if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return place + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_text(sql: &str) -> FullTextFacts {
        virtual_table_facts("t", sql).unwrap().full_text().unwrap()
    }

    #[test]
    fn arguments_of_full_text_tables_are_understood() {
        let own =
            full_text("CREATE VIRTUAL TABLE t USING fts5(title, body UNINDEXED, \"a \"\"b\", prefix='2 3')");
        assert_eq!(own.columns, ["title", "body", "a \"b"]);
        assert_eq!(own.unindexed, ["body"]);
        assert_eq!(own.content, FullTextContent::Own);
        assert_eq!(own.prefix.as_deref(), Some("2 3"));
        let external = full_text(
            "CREATE VIRTUAL TABLE IF NOT EXISTS t USING FTS5(a, content = \"my t\", content_rowid='id', \
             tokenize = 'Porter unicode61 remove_diacritics 1')",
        );
        assert_eq!(external.columns, ["a"]);
        assert_eq!(external.content, FullTextContent::Table("my t".to_owned()));
        assert_eq!(external.tokenizer, ["porter", "unicode61", "remove_diacritics", "1"]);
        let old = full_text(
            "CREATE VIRTUAL TABLE t USING fts4(title TEXT, [b c] VARCHAR(9), tokenize=unicode61 \"tokenchars=.\", notindexed=title, \
             languageid=\"lid\", content=\"\")",
        );
        assert_eq!(old.columns, ["title", "b c"]);
        assert_eq!(old.unindexed, ["title"]);
        assert_eq!(old.tokenizer, ["unicode61", "tokenchars=."]);
        assert_eq!(old.language_id.as_deref(), Some("lid"));
        assert_eq!(old.content, FullTextContent::None);
        assert_eq!(full_text("CREATE VIRTUAL TABLE t USING fts3").columns, ["content"]);
        let oldest = full_text("CREATE VIRTUAL TABLE t USING fts3(a, tokenize porter)");
        assert_eq!((oldest.columns, oldest.tokenizer), (vec!["a".to_owned()], vec!["porter".to_owned()]));
    }

    #[test]
    fn modules_say_how_they_number_rows() {
        for (module, number) in [
            ("fts5(a)", Some(RowNumber::Named("rowid"))),
            ("fts4(a)", Some(RowNumber::Named("docid"))),
            ("fts5(a, content=t)", None),
            ("fts5(a, content='')", None),
            ("RTree(id, x0, x1)", Some(RowNumber::FirstColumn)),
            ("rtree_i32(id, x0, x1)", Some(RowNumber::FirstColumn)),
            ("geopoly(a)", None),
            ("dbstat", None),
        ] {
            let facts = virtual_table_facts("t", &format!("CREATE VIRTUAL TABLE t USING {module}")).unwrap();
            assert_eq!(facts.row_number(), number, "{module}");
        }
        for sql in ["", "CREATE TABLE t(a)", "CREATE VIRTUAL TABLE t"] {
            assert!(virtual_table_facts("t", sql).is_err(), "{sql:?}");
        }
    }
}

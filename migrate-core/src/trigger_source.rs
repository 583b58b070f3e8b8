//! Reads from the source of a trigger function what it may fill: columns of its own row, columns that its UPDATE statements set, and the
//! tables that it writes.
//!
//! This is no parser of PL/pgSQL. It finds what is written plainly, also within strings that are executed, and the result says "may".

use crate::target_schema::UpdatedColumn;

/// A word or a sign of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name or a keyword, in lower case unless it is quoted.
    Word(String),
    /// A sign; `:=` is `=`.
    Sign(char),
}

/// The columns of its own row to which a function assigns: `NEW.column := …`, `NEW.column = …`, `INTO NEW.column`.
pub fn assigned_columns(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    for position in 0..tokens.len() {
        let [Some(Token::Word(new)), Some(Token::Sign('.')), Some(Token::Word(column))] =
            [0, 1, 2].map(|offset| tokens.get(position + offset))
        else {
            continue;
        };
        let before = position.checked_sub(1).and_then(|before| tokens.get(before));
        let is_statement = match before {
            None | Some(Token::Sign(';')) => true,
            Some(Token::Word(word)) => ["then", "else", "begin", "loop"].contains(&word.as_str()),
            Some(Token::Sign(_)) => false,
        };
        let is_assigned = is_statement && tokens.get(position + 3) == Some(&Token::Sign('='));
        let is_into = before == Some(&Token::Word("into".to_owned()));
        if new == "new" && (is_assigned || is_into) && !found.contains(column) {
            found.push(column.clone());
        }
    }
    found
}

/// The columns that UPDATE statements of a function set, those of `ON CONFLICT … DO UPDATE` among them.
pub fn updated_columns(source: &str) -> Vec<UpdatedColumn> {
    let tokens = tokens(source);
    let (mut found, mut inserted) = (Vec::new(), None);
    for (position, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        match word.as_str() {
            "into" => inserted = name(&tokens, position + 1).map(|(name, _)| name),
            "update" => {
                let (table, set) = match tokens.get(position + 1) {
                    Some(Token::Word(next)) if next == "set" => (inserted.clone(), Some(position + 1)),
                    _ => updated_table(&tokens, position + 1),
                };
                let (Some(table), Some(set)) = (table, set) else { continue };
                for column in set_columns(&tokens, set + 1) {
                    let updated = UpdatedColumn { table: table.clone(), column };
                    if !found.contains(&updated) {
                        found.push(updated);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// The tables that a function's INSERT, UPDATE and MERGE statements name, without their schemas.
pub fn written_tables(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let is = |position: usize, word: &str| tokens.get(position) == Some(&Token::Word(word.to_owned()));
    let mut found = Vec::new();
    for position in 0..tokens.len() {
        let written = if is(position, "update") {
            let (table, set) = updated_table(&tokens, position + 1);
            table.filter(|_| set.is_some() && !is(position + 1, "set"))
        } else if (is(position, "insert") || is(position, "merge")) && is(position + 1, "into") {
            name(&tokens, position + 2 + usize::from(is(position + 2, "only"))).map(|(table, _)| table)
        } else {
            None
        };
        found.extend(written);
    }
    found.sort();
    found.dedup();
    found
}

/// The table after UPDATE, and where its SET is.
fn updated_table(tokens: &[Token], position: usize) -> (Option<String>, Option<usize>) {
    let only = tokens.get(position) == Some(&Token::Word("only".to_owned()));
    let Some((table, after)) = name(tokens, position + usize::from(only)) else { return (None, None) };
    // An alias may stand between.
    let set = (after..after + 3).find(|at| tokens.get(*at) == Some(&Token::Word("set".to_owned())));
    (Some(table), set)
}

/// A name, of which the last part counts, and what follows it.
fn name(tokens: &[Token], mut position: usize) -> Option<(String, usize)> {
    loop {
        let Token::Word(word) = tokens.get(position)? else { return None };
        if tokens.get(position + 1) != Some(&Token::Sign('.')) {
            return Some((word.clone(), position + 1));
        }
        position += 2;
    }
}

/// The columns of a SET clause.
fn set_columns(tokens: &[Token], from: usize) -> Vec<String> {
    const ENDS: [&str; 5] = ["where", "from", "returning", "loop", "update"];
    let (mut columns, mut depth, mut is_target) = (Vec::new(), 0_usize, true);
    for token in tokens.iter().skip(from) {
        match token {
            Token::Sign(';') => break,
            Token::Word(word) if depth == 0 && ENDS.contains(&word.as_str()) => break,
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            Token::Sign('=') if depth == 0 => is_target = false,
            Token::Sign(',') if depth == 0 => is_target = true,
            Token::Word(word) if is_target => columns.push(word.clone()),
            _ => {}
        }
    }
    columns
}

fn tokens(source: &str) -> Vec<Token> {
    let letters: Vec<char> = source.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    let until = |from: usize, is_end: &dyn Fn(usize) -> bool| {
        (from..letters.len()).find(|at| is_end(*at)).unwrap_or(letters.len())
    };
    let is = |at: usize, letter: char| letters.get(at) == Some(&letter);
    while let Some(letter) = letters.get(at).copied() {
        if letter == '-' && is(at + 1, '-') {
            at = until(at, &|at| is(at, '\n'));
        } else if letter == '/' && is(at + 1, '*') {
            at = until(at + 2, &|at| is(at, '*') && is(at + 1, '/')) + 2;
        } else if letter == '"' {
            let end = until(at + 1, &|at| is(at, '"'));
            tokens.push(Token::Word(letters.get(at + 1..end).unwrap_or_default().iter().collect()));
            at = end + 1;
        } else if letter.is_alphanumeric() || letter == '_' {
            let end = until(at, &|at| !letters.get(at).is_some_and(|l| l.is_alphanumeric() || *l == '_'));
            let word: String = letters.get(at..end).unwrap_or_default().iter().collect();
            tokens.push(Token::Word(word.to_lowercase()));
            at = end;
        } else if letter == ':' && is(at + 1, '=') {
            tokens.push(Token::Sign('='));
            at += 2;
        } else {
            // The text of a string is read as a statement: it may be executed.
            if !letter.is_whitespace() && letter != '\'' {
                tokens.push(Token::Sign(letter));
            }
            at += 1;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_to_the_row_are_found() {
        for (source, expected) in [
            ("BEGIN NEW.slug := lower(NEW.title); RETURN NEW; END", vec!["slug"]),
            (
                "begin\n new.\"At\" = now(); -- NEW.no := 1\n if NEW.a = 1 then NEW.b := 2; end if;",
                vec!["At", "b"],
            ),
            ("SELECT max(n) + 1 INTO NEW.n FROM t; /* NEW.x := 1; */ RETURN NEW", vec!["n"]),
            ("IF NEW.a = OLD.a AND NEW.b = 1 THEN RETURN NEW; END IF", vec![]),
        ] {
            assert_eq!(assigned_columns(source), expected, "{source}");
        }
    }

    #[test]
    fn updates_of_other_tables_are_found() {
        let of = |table: &str, column: &str| UpdatedColumn { table: table.into(), column: column.into() };
        for (source, expected) in [
            ("UPDATE posts SET n = n + 1 WHERE id = NEW.post_id;", vec![of("posts", "n")]),
            (
                "update only public.\"Post\" as p set a = coalesce(a, 0) + 1, (b, c) = (1, 2) from x where x.a = 1;",
                vec![of("Post", "a"), of("Post", "b"), of("Post", "c")],
            ),
            (
                "INSERT INTO stats (day, n) VALUES (now(), 1) ON CONFLICT (day) DO UPDATE SET n = stats.n + 1;",
                vec![of("stats", "n")],
            ),
            ("EXECUTE 'UPDATE posts SET n = n + 1';", vec![of("posts", "n")]),
            ("IF TG_OP = 'UPDATE' THEN NULL; END IF", vec![]),
            ("UPDATE", vec![]),
        ] {
            assert_eq!(updated_columns(source), expected, "{source}");
        }
    }

    #[test]
    fn written_tables_are_found() {
        for (source, expected) in [
            ("INSERT INTO app.search VALUES (NEW.id) ON CONFLICT (id) DO UPDATE SET t = 1;", vec!["search"]),
            (
                "update only \"Stat\" s set n = n + 1; EXECUTE 'insert into log select 1';",
                vec!["Stat", "log"],
            ),
            ("MERGE INTO a USING b ON true WHEN MATCHED THEN UPDATE SET x = 1;", vec!["a"]),
            ("SELECT 1 INTO n FROM t FOR UPDATE; IF TG_OP = 'UPDATE' THEN DELETE FROM t; END IF;", vec![]),
            ("INSERT INTO", vec![]),
        ] {
            assert_eq!(written_tables(source), expected, "{source}");
        }
    }
}

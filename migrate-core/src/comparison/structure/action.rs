//! What a repair does to tables and columns, read from its statement. All differences write these statements in the same few forms, so
//! that one place knows what PostgreSQL asks of each.

use crate::identifier::quote_pg;

/// What a statement does. Names are without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Of the named column of a table.
    Column { table: String, column: String, change: ColumnChange },
    /// `ADD COLUMN`.
    AddColumn { table: String },
    /// `DROP CONSTRAINT`.
    DropConstraint { table: String, name: String },
    /// `DROP INDEX`.
    DropIndex { name: String },
    /// `REINDEX INDEX`.
    Reindex { name: String },
    /// `ADD CONSTRAINT … PRIMARY KEY` or `UNIQUE`, `CREATE UNIQUE INDEX`.
    AddUnique,
    /// `ADD CONSTRAINT … FOREIGN KEY`.
    AddForeignKey { table: String },
    /// Anything else.
    Other,
}

/// What is changed of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnChange {
    Type,
    Drop,
    DropNotNull,
    AddIdentity,
    SetIdentity,
    Default,
    DropExpression,
    Other,
}

impl Action {
    /// What a statement of a repair does; tables as SQL names them.
    pub(super) fn of(sql: &str) -> Action {
        let mut words = Words { rest: sql.trim_end_matches(';') };
        if words.take("DROP INDEX ") {
            return words.last_of_qualified().map_or(Action::Other, |name| Action::DropIndex { name });
        }
        if words.take("REINDEX INDEX ") {
            return words.last_of_qualified().map_or(Action::Other, |name| Action::Reindex { name });
        }
        if sql.starts_with("CREATE UNIQUE INDEX ") {
            return Action::AddUnique;
        }
        words.of_table().unwrap_or(Action::Other)
    }
}

/// The rest of a statement.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// An identifier as SQL writes it.
    fn raw_name(&mut self) -> Option<&'a str> {
        let end = match self.rest.strip_prefix('"') {
            None => {
                self.rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '$'))
            }
            Some(inner) => {
                let mut letters = inner.char_indices().peekable();
                let mut end = None;
                while let Some((place, letter)) = letters.next() {
                    if letter == '"' && letters.next_if(|(_, next)| *next == '"').is_none() {
                        end = Some(place + 2);
                        break;
                    }
                }
                end
            }
        };
        let (name, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn name(&mut self) -> Option<String> {
        self.raw_name().map(unquoted)
    }

    /// A table as SQL names it.
    fn table(&mut self) -> Option<String> {
        let mut table = self.raw_name()?.to_owned();
        while self.take(".") {
            table.push('.');
            table.push_str(self.raw_name()?);
        }
        Some(table)
    }

    fn last_of_qualified(&mut self) -> Option<String> {
        let mut name = self.name()?;
        while self.take(".") {
            name = self.name()?;
        }
        Some(name)
    }

    fn of_table(mut self) -> Option<Action> {
        if !self.take("ALTER TABLE ") {
            return None;
        }
        let table = self.table()?;
        if self.take(" DROP CONSTRAINT ") {
            return Some(Action::DropConstraint { table, name: self.name()? });
        }
        if self.take(" DROP COLUMN ") {
            return Some(Action::Column { table, column: self.name()?, change: ColumnChange::Drop });
        }
        if self.take(" ADD COLUMN ") {
            return Some(Action::AddColumn { table });
        }
        if self.take(" ADD CONSTRAINT ") {
            self.raw_name()?;
            return match () {
                () if self.take(" FOREIGN KEY") => Some(Action::AddForeignKey { table }),
                () if self.take(" PRIMARY KEY") || self.take(" UNIQUE") => Some(Action::AddUnique),
                () => None,
            };
        }
        if !self.take(" ALTER COLUMN ") {
            return None;
        }
        let column = self.name()?;
        let changes = [
            (" TYPE ", ColumnChange::Type),
            (" SET DATA TYPE ", ColumnChange::Type),
            (" DROP NOT NULL", ColumnChange::DropNotNull),
            (" ADD GENERATED ", ColumnChange::AddIdentity),
            (" SET GENERATED ", ColumnChange::SetIdentity),
            (" SET DEFAULT ", ColumnChange::Default),
            (" DROP DEFAULT", ColumnChange::Default),
            (" DROP EXPRESSION", ColumnChange::DropExpression),
        ];
        let change = changes.into_iter().find(|(word, _)| self.rest.starts_with(word));
        Some(Action::Column {
            table,
            column,
            change: change.map_or(ColumnChange::Other, |(_, change)| change),
        })
    }
}

fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    inner.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// Whether SQL has the name of a column.
pub(super) fn mentions(sql: &str, column: &str) -> bool {
    let name = quote_pg(column);
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"';
    match name.chars().all(is_of_name) {
        true => sql.split(|letter| !is_of_name(letter)).any(|word| word == name),
        false => sql.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read() {
        let column = |table: &str, column: &str, change| Action::Column {
            table: table.to_owned(),
            column: column.to_owned(),
            change,
        };
        let table = || "public.t".to_owned();
        for (sql, action) in [
            ("ALTER TABLE public.t ALTER COLUMN a TYPE bigint;", column("public.t", "a", ColumnChange::Type)),
            (
                "ALTER TABLE \"A b\".\"t.\"\"x\" ALTER COLUMN \"B\"\"\" DROP NOT NULL;",
                column("\"A b\".\"t.\"\"x\"", "B\"", ColumnChange::DropNotNull),
            ),
            ("ALTER TABLE public.t DROP COLUMN \"größe\";", column("public.t", "größe", ColumnChange::Drop)),
            (
                "ALTER TABLE public.t DROP CONSTRAINT k;",
                Action::DropConstraint { table: table(), name: "k".to_owned() },
            ),
            ("DROP INDEX public.\"I\";", Action::DropIndex { name: "I".to_owned() }),
            ("REINDEX INDEX public.i;", Action::Reindex { name: "i".to_owned() }),
            ("ALTER TABLE public.t ADD CONSTRAINT k PRIMARY KEY (a);", Action::AddUnique),
            (
                "ALTER TABLE public.t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES x (a);",
                Action::AddForeignKey { table: table() },
            ),
            ("ALTER TABLE public.t ADD CONSTRAINT k CHECK (a > 0);", Action::Other),
            ("ALTER TABLE public.t ADD COLUMN a int;", Action::AddColumn { table: table() }),
            ("SELECT pg_catalog.setval('s', 1);", Action::Other),
        ] {
            assert_eq!(Action::of(sql), action, "{sql}");
        }
    }
}

//! Evaluates expressions on both sides: SQLite computes and stores them, and PostgreSQL computes them.

use migrate_core::affinity::Affinity;
use migrate_core::conversion::Conversion;
use postgres_client::Connection;
use rusqlite::types::ValueRef;

use crate::support::chain;

/// The value of an expression in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Null,
    Truth(bool),
    Integer(i64),
    Real(f64),
    /// A number of either class, by its digits.
    Decimal(String),
    Text(String),
    Blob(String),
    /// The database refuses to compute it.
    Fails(String),
}

/// The type as which an expression is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Condition,
    Integer,
    Real,
    Decimal,
    Text,
    /// In a column that converts numbers to text.
    Words,
    Blob,
}

impl Form {
    pub const ALL: [Form; 7] =
        [Form::Integer, Form::Real, Form::Decimal, Form::Text, Form::Words, Form::Blob, Form::Condition];

    /// Returns the generated column that would store it.
    pub fn column(self) -> (Conversion, Affinity) {
        match self {
            Form::Condition => (Conversion::Boolean, Affinity::Numeric),
            Form::Integer => (Conversion::Bigint, Affinity::Integer),
            Form::Real => (Conversion::DoublePrecision, Affinity::Real),
            Form::Decimal => (Conversion::Numeric, Affinity::Numeric),
            Form::Text => (Conversion::Text, Affinity::Blob),
            Form::Words => (Conversion::Text, Affinity::Text),
            Form::Blob => (Conversion::Bytea, Affinity::Blob),
        }
    }

    /// Returns the SQLite column that stores it, so that its affinity is applied.
    const fn scratch(self) -> &'static str {
        match self {
            Form::Condition => "truth",
            Form::Integer => "whole",
            Form::Real => "real",
            Form::Decimal => "number",
            Form::Words => "words",
            Form::Text | Form::Blob => "plain",
        }
    }
}

/// The SQLite side.
pub struct Source {
    connection: rusqlite::Connection,
}

impl Source {
    pub fn open(path: &std::path::Path) -> Source {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA temp_store = MEMORY; CREATE TEMP TABLE scratch (id INTEGER PRIMARY KEY, truth, whole INTEGER, \
                 real REAL, number NUMERIC, words TEXT, plain BLOB)",
            )
            .unwrap();
        Source { connection }
    }

    /// Computes an expression for every row, and stores it as a column of each affinity would.
    pub fn compute(&self, expression: &str) -> Computed<'_> {
        self.connection.execute_batch("DELETE FROM scratch").unwrap();
        let insert = |rows: &str| {
            // In its own SELECT, so that the expression has the same context as in a table.
            format!(
                "INSERT INTO scratch SELECT id, CASE WHEN v IS NULL THEN NULL WHEN v THEN 1 ELSE 0 END, v, v, v, v, v \
                 FROM (SELECT id, ({expression}) AS v FROM rows WHERE {rows} LIMIT -1 OFFSET 0)"
            )
        };
        let mut failed = Vec::new();
        if let Err(error) = self.connection.execute_batch(&insert("true")) {
            assert!(!error.to_string().contains("syntax"), "{expression}: {error}");
            self.connection.execute_batch("DELETE FROM scratch").unwrap();
            for id in self.ids() {
                if let Err(error) = self.connection.execute_batch(&insert(&format!("rows.id = {id}"))) {
                    failed.push((id, error.to_string()));
                }
            }
        }
        Computed { source: self, failed }
    }

    pub fn ids(&self) -> Vec<i64> {
        let mut statement = self.connection.prepare("SELECT id FROM rows ORDER BY id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Returns the ranks of the rows in the order of an expression.
    pub fn order(&self, expression: &str) -> Option<Vec<i64>> {
        let sql = format!("SELECT dense_rank() OVER (ORDER BY ({expression})) FROM rows ORDER BY id");
        let mut statement = self.connection.prepare(&sql).unwrap();
        let places: Result<Vec<i64>, _> = statement.query_map([], |row| row.get(0)).unwrap().collect();
        places.ok()
    }
}

/// SQLite's results for one expression, until the next one.
pub struct Computed<'a> {
    source: &'a Source,
    failed: Vec<(i64, String)>,
}

impl Computed<'_> {
    /// Returns the values, row by row.
    pub fn values(&self, form: Form) -> Vec<Given> {
        let sql = format!(
            "SELECT rows.id, {} FROM rows LEFT JOIN scratch USING (id) ORDER BY rows.id",
            form.scratch()
        );
        let mut statement = self.source.connection.prepare(&sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut values = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let id: i64 = row.get(0).unwrap();
            if let Some((_, error)) = self.failed.iter().find(|(failed, _)| *failed == id) {
                values.push(Given::Fails(error.clone()));
                continue;
            }
            values.push(match (form, row.get_ref(1).unwrap()) {
                (_, ValueRef::Null) => Given::Null,
                (Form::Condition, ValueRef::Integer(value)) => Given::Truth(value == 1),
                (Form::Decimal, ValueRef::Integer(value)) => Given::Decimal(value.to_string()),
                (Form::Decimal, ValueRef::Real(value)) => Given::Decimal(value.to_string()),
                (_, ValueRef::Integer(value)) => Given::Integer(value),
                (_, ValueRef::Real(value)) => Given::Real(value),
                (_, ValueRef::Text(bytes)) => Given::Text(String::from_utf8_lossy(bytes).into_owned()),
                (_, ValueRef::Blob(bytes)) => {
                    Given::Blob(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
                }
            });
        }
        values
    }
}

/// Returns PostgreSQL's values, row by row.
pub fn computed(session: &mut Connection, sql: &str, form: Form, ids: &[i64]) -> Vec<Given> {
    let shown = match form {
        Form::Blob => format!("encode(({sql}), 'hex')"),
        // Without trailing zeros, which a numeric may have.
        Form::Decimal => format!("trim_scale(({sql})::numeric)::text"),
        _ => format!("({sql})::text"),
    };
    let read = |text: Option<String>| match (form, text) {
        (_, None) => Given::Null,
        (Form::Condition, Some(text)) => Given::Truth(text == "true"),
        (Form::Integer, Some(text)) => Given::Integer(text.parse().unwrap()),
        (Form::Real, Some(text)) => {
            let words = [("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];
            let word = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            Given::Real(word.unwrap_or_else(|| text.parse().unwrap()))
        }
        (Form::Decimal, Some(text)) => Given::Decimal(text),
        (Form::Text | Form::Words, Some(text)) => Given::Text(text),
        (Form::Blob, Some(text)) => Given::Blob(text),
    };
    match session.query(&format!("SELECT {shown} AS shown FROM rows ORDER BY rows.id"), &[]) {
        Ok(rows) => rows.into_iter().map(|row| read(row.into_iter().next().unwrap())).collect(),
        Err(_) => (ids.iter())
            .map(|id| {
                match session.query(&format!("SELECT {shown} AS shown FROM rows WHERE id = {id}"), &[]) {
                    Ok(rows) => read(rows.into_iter().flatten().next().unwrap()),
                    Err(error) => Given::Fails(chain(&error).lines().last().unwrap_or_default().to_owned()),
                }
            })
            .collect(),
    }
}

/// Returns the ranks of the rows in the order of an index key.
pub fn order(session: &mut Connection, key: &str) -> Result<Vec<i64>, String> {
    let sql = format!("SELECT dense_rank() OVER (ORDER BY ({key}) NULLS FIRST) FROM rows ORDER BY id");
    let rows = session.query(&sql, &[]).map_err(|error| chain(&error))?;
    Ok(rows.into_iter().map(|row| row.into_iter().flatten().next().unwrap().parse().unwrap()).collect())
}

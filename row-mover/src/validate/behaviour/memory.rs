//! An in-memory SQLite database with one table of the sealed copy and the tables that its foreign keys point to, which holds only the
//! rows of one trial.
//!
//! Its statements are the app's own. The sealed copy is only read. One database for all tables would need quadratic time, since SQLite
//! reads the list of all tables after each `CREATE`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use migrate_core::conversion::PgType;
use migrate_core::finding::Reason;
use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::{PlannedColumn, PlannedTable};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::candidates::Candidate;
use crate::error::{Context, Result};
use crate::source::SourceConnection;

/// A step in SQLite, or why the constraint cannot be tried.
pub(super) type Attempt<T> = std::result::Result<T, Reason>;

/// The longest value that is taken over.
const VALUE_LENGTH_MAX_BYTES: usize = 1 << 16;

/// The database, and the sealed copy that its rows come from.
pub(super) struct Memory<'s> {
    sealed: &'s Connection,
    memory: Connection,
    /// Why a table could not be created, by its name.
    missing: BTreeMap<String, String>,
    /// The tables that rows were put into.
    touched: RefCell<BTreeSet<String>>,
}

/// A column that can be written.
pub(super) struct Column {
    pub(super) name: String,
    is_not_null: bool,
    pub(super) in_key: bool,
}

/// A row to insert.
#[derive(Clone)]
pub(super) struct Row {
    names: Vec<String>,
    values: Vec<Value>,
}

/// A foreign key as SQLite has it.
#[derive(Default)]
pub(super) struct ForeignKey {
    parent: String,
    pub(super) own: Vec<String>,
    /// None each where it is the parent's primary key.
    theirs: Vec<Option<String>>,
}

/// Where the sealed copy has the statements that make each table: their rowids in `sqlite_schema`, those of tables before those of
/// indexes, by the table's name in lower case.
pub(super) struct Statements(HashMap<String, Vec<i64>>);

impl Statements {
    /// Finds those of all tables at once: `sqlite_schema` has no index on names.
    pub(super) fn find(source: &SourceConnection) -> Result<Statements> {
        let sql = "SELECT tbl_name, rowid FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'index') \
                   AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, rowid";
        let mut found: HashMap<String, Vec<i64>> = HashMap::new();
        let mut add = || {
            let mut statement = source.connection().prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                found.entry(row.get::<_, String>(0)?.to_ascii_lowercase()).or_default().push(row.get(1)?);
            }
            Ok::<(), rusqlite::Error>(())
        };
        add().context(|| unreadable(source))?;
        Ok(Statements(found))
    }

    /// Those of a table and of the tables that its foreign keys point to, each with the name of its table.
    fn of(&self, sealed: &Connection, table: &str) -> rusqlite::Result<Vec<(String, String)>> {
        let mut parents =
            sealed.prepare_cached("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?1)")?;
        let parents = parents.query_map([table], |row| row.get::<_, String>(0))?;
        let mut names = BTreeSet::from([table.to_ascii_lowercase()]);
        for parent in parents {
            names.insert(parent?.to_ascii_lowercase());
        }
        let mut statement =
            sealed.prepare_cached("SELECT tbl_name, sql FROM sqlite_schema WHERE rowid = ?1")?;
        let rowids = names.iter().filter_map(|name| self.0.get(name)).flatten();
        rowids.map(|rowid| statement.query_row([rowid], |row| Ok((row.get(0)?, row.get(1)?)))).collect()
    }
}

fn unreadable(source: &SourceConnection) -> String {
    format!("the schema of {} cannot be read", source.path().display())
}

impl<'s> Memory<'s> {
    /// Makes a table, and those that it refers to. One that needs a function of the app's is left out, and named where it is asked for.
    pub(super) fn open(
        source: &'s SourceConnection,
        statements: &Statements,
        table: &PlannedTable,
    ) -> Result<Memory<'s>> {
        let failed = || "a database in memory cannot be made".to_owned();
        let sealed = source.connection();
        let memory = Connection::open_in_memory().context(failed)?;
        // The statements are the app's and are not trusted any more than when the file itself is open.
        for (config, value) in [
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, true),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, true),
        ] {
            memory.set_db_config(config, value).context(failed)?;
        }
        memory.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).context(failed)?;
        source.control().install_on(&memory).context(failed)?;
        memory
            .collation_needed(|memory, name| {
                memory.create_collation(name, |left, right| left.as_bytes().cmp(right.as_bytes()))
            })
            .context(failed)?;
        let mut missing = BTreeMap::new();
        let statements = statements.of(sealed, &table.source).context(|| unreadable(source))?;
        for (table, sql) in statements {
            if sql.get(..14).is_some_and(|begin| begin.eq_ignore_ascii_case("CREATE VIRTUAL")) {
                missing.insert(table, "it is a virtual table in SQLite".to_owned());
            } else if let Err(error) = memory.execute(&sql, []) {
                missing.insert(table, format!("SQLite cannot make it without the app: {error}"));
            }
        }
        Ok(Memory { sealed, memory, missing, touched: RefCell::default() })
    }

    /// Chooses what SQLite enforces from now on, besides NOT NULL and keys.
    pub(super) fn enforce(&self, checks: bool, foreign_keys: bool) -> Attempt<()> {
        let sql = format!(
            "PRAGMA ignore_check_constraints = {}; PRAGMA foreign_keys = {}",
            u8::from(!checks),
            u8::from(foreign_keys)
        );
        self.memory.execute_batch(&sql).map_err(failed)
    }

    /// Inserts a row. The conflict clauses of the schema do not apply: a violation must fail.
    pub(super) fn insert(&self, table: &str, row: &Row) -> rusqlite::Result<()> {
        self.touched.borrow_mut().insert(table.to_owned());
        let names: Vec<String> = row.names.iter().map(|name| quote_sqlite(name)).collect();
        let places = vec!["?"; names.len()].join(", ");
        let sql =
            format!("INSERT OR ABORT INTO {} ({}) VALUES ({places})", quote_sqlite(table), names.join(", "));
        self.memory.execute(&sql, params_from_iter(&row.values)).map(|_| ())
    }

    /// Runs a query of one number.
    pub(super) fn truth(&self, sql: &str) -> rusqlite::Result<Option<f64>> {
        self.memory.query_row(sql, [], |row| row.get(0))
    }

    /// Deletes all rows.
    pub(super) fn empty(&self) -> Attempt<()> {
        let touched = std::mem::take(&mut *self.touched.borrow_mut());
        let is_guarded =
            self.memory.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).map_err(failed)?;
        if is_guarded {
            self.memory.execute_batch("PRAGMA foreign_keys = 0").map_err(failed)?;
        }
        for table in touched {
            self.memory.execute(&format!("DELETE FROM {}", quote_sqlite(&table)), []).map_err(failed)?;
        }
        Ok(())
    }

    /// The columns that take values.
    pub(super) fn columns(&self, table: &PlannedTable) -> Attempt<Vec<Column>> {
        self.columns_of(&table.source)
    }

    fn columns_of(&self, table: &str) -> Attempt<Vec<Column>> {
        if let Some(cause) = self.missing.get(table) {
            return Err(Reason::SourceFailed { cause: cause.clone() });
        }
        let sql = "SELECT name, \"notnull\", pk FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid";
        let column = |row: &rusqlite::Row<'_>| {
            Ok(Column { name: row.get(0)?, is_not_null: row.get(1)?, in_key: row.get::<_, i64>(2)? > 0 })
        };
        let mut statement = self.memory.prepare_cached(sql).map_err(failed)?;
        let columns = statement.query_map([table], column).and_then(Iterator::collect);
        columns.map_err(failed)
    }

    /// Whether a column is another name of the rowid: a key of one column that needs no index.
    pub(super) fn is_rowid(&self, table: &PlannedTable, column: &PlannedColumn) -> Attempt<bool> {
        let is_it = |name: &str| name.eq_ignore_ascii_case(&column.source);
        let columns = self.columns(table)?;
        let mut key = columns.iter().filter(|column| column.in_key);
        let is_key = key.next().is_some_and(|first| is_it(&first.name)) && key.next().is_none();
        let sql = "SELECT count(*) FROM pragma_index_list(?1) WHERE origin = 'pk'";
        let indexes: i64 = self.memory.query_row(sql, [&table.source], |row| row.get(0)).map_err(failed)?;
        Ok(is_key && indexes == 0 && !table.without_rowid)
    }

    /// The first row of the sealed copy that conditions hold for.
    pub(super) fn row(&self, table: &PlannedTable, conditions: &[String]) -> Attempt<Row> {
        let row = self.select(&table.source, conditions, &[])?;
        row.ok_or(Reason::NoCompleteRow)
    }

    fn select(&self, table: &str, conditions: &[String], parameters: &[&Value]) -> Attempt<Option<Row>> {
        let names: Vec<String> = self.columns_of(table)?.into_iter().map(|column| column.name).collect();
        let quoted: Vec<String> = names.iter().map(|name| held(&quote_sqlite(name))).collect();
        let filter = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let sql = format!("SELECT {} FROM {}{filter} LIMIT 1", quoted.join(", "), quote_sqlite(table));
        let values = |row: &rusqlite::Row<'_>| (0..quoted.len()).map(|place| row.get(place)).collect();
        let found: Option<Vec<Value>> =
            self.sealed.query_row(&sql, params_from_iter(parameters), values).optional().map_err(failed)?;
        Ok(found.map(|values| Row { names, values }))
    }

    /// The foreign keys of a table.
    pub(super) fn foreign_keys(&self, table: &PlannedTable) -> Attempt<Vec<ForeignKey>> {
        let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
        let mut statement = self.memory.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query([&table.source]).map_err(failed)?;
        let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let key = keys.entry(row.get(0).map_err(failed)?).or_default();
            key.parent = row.get(1).map_err(failed)?;
            key.own.push(row.get(2).map_err(failed)?);
            key.theirs.push(row.get(3).map_err(failed)?);
        }
        Ok(keys.into_values().collect())
    }

    /// Puts in the row that a row's foreign key points to, if it points to one.
    pub(super) fn copy_parent(&self, key: &ForeignKey, row: &Row) -> Attempt<()> {
        let primary = self.columns_of(&key.parent)?.into_iter().filter(|column| column.in_key);
        let primary: Vec<String> = primary.map(|column| column.name).collect();
        let theirs = key.theirs.iter().enumerate();
        let theirs: Option<Vec<&String>> =
            theirs.map(|(place, name)| name.as_ref().or_else(|| primary.get(place))).collect();
        let own: Option<Vec<&Value>> = key.own.iter().map(|name| row.get(name)).collect();
        let (Some(theirs), Some(own)) = (theirs, own) else { return Ok(()) };
        let conditions: Vec<String> =
            theirs.into_iter().map(|name| format!("{} = ?", quote_sqlite(name))).collect();
        match self.select(&key.parent, &conditions, &own)? {
            Some(parent) => self.insert(&key.parent, &parent).map_err(failed),
            None => Ok(()),
        }
    }
}

impl Column {
    pub(super) fn may_be_null(&self) -> bool {
        !self.is_not_null && !self.in_key
    }
}

impl ForeignKey {
    pub(super) fn has_own_column(&self, name: &str) -> bool {
        self.own.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

impl Row {
    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other.eq_ignore_ascii_case(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(self.position(name)?)
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        if let Some(field) = self.position(name).and_then(|place| self.values.get_mut(place)) {
            *field = value;
        }
    }

    pub(super) fn with(&self, candidate: &Candidate<'_>) -> Row {
        let mut row = self.clone();
        row.set(&candidate.column.source, candidate.of_source.clone());
        row
    }

    /// A value of the storage class of the one that is there, which hardly any row has; NULL stays NULL.
    pub(super) fn fresh(&self, name: &str, number: usize) -> Value {
        let integer = 4_000_000_000_000_000_000_i64.saturating_add(i64::try_from(number).unwrap_or(0));
        match self.get(name) {
            None | Some(Value::Null) => Value::Null,
            Some(Value::Integer(_)) => Value::Integer(integer),
            Some(Value::Real(_)) => Value::Real(integer as f64 * 1e200 * (1.0 + number as f64)),
            Some(Value::Text(_)) => Value::Text(format!("no row has this, {number}")),
            Some(Value::Blob(_)) => Value::Blob(format!("no row has this, {number}").into_bytes()),
        }
    }
}

/// A key that no parent has, for a column of which nothing is known but its type.
pub(super) fn absent(column: &PlannedColumn) -> Value {
    match column.target_type {
        PgType::Bigint | PgType::Integer | PgType::Smallint => Value::Integer(4_000_000_000_000_000_000),
        _ => Value::Text("no row has this".to_owned()),
    }
}

/// A column's value, or a short one in place of one that is too long to be held: how long it is matters to no key, and SQLite knows
/// without reading it.
fn held(column: &str) -> String {
    format!(
        "CASE WHEN octet_length({column}) > {VALUE_LENGTH_MAX_BYTES} THEN iif(typeof({column}) = 'text', '', x'') ELSE {column} END"
    )
}

/// SQLite's message, which names tables and columns and no values.
pub(super) fn failed(error: rusqlite::Error) -> Reason {
    Reason::SourceFailed { cause: error.to_string() }
}

//! Trial tables for rows: like those of the plan, in a schema of their own, in a transaction that is rolled back.

use std::collections::BTreeSet;

use migrate_core::conversion::PgType;
use migrate_core::identifier::{quote_pg, quote_pg_list, quote_pg_literal};
use migrate_core::page_limits::KeyLimit;
use migrate_core::plan::PlannedTable;

use crate::error::{Error, Result};
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;

/// Number of columns that are sent together: as many values, stored out of line, fit into one row.
pub(super) const GROUP_COLUMNS: usize = 100;

/// The subject of a trial.
pub(super) enum Tried<'a> {
    /// The key of an index.
    Key(&'a KeyLimit),
    /// The space for an entire row in a page.
    Row,
}

/// The result of trying one row.
pub(super) struct TrialResult {
    /// The index of the subject.
    pub(super) tried: usize,
    /// The number of the row.
    pub(super) row: usize,
    /// Why the row could not be tried; none where it exceeds the limit.
    pub(super) failure: Option<ServerError>,
}

/// The schema with the tables.
pub(super) struct Scratch<'a> {
    table: &'a PlannedTable,
    schema: String,
    /// The column with the number of a row, and the PL/pgSQL variable that holds it: no column of the table has either name.
    number: String,
    variable: String,
    /// The columns of a table that an app made.
    existing: Vec<ExistingColumn>,
    /// The columns that are sent, by target name, in groups.
    groups: Vec<Vec<String>>,
    /// The statements that try all rows that were sent, one for each thing that is tried.
    trials: Vec<String>,
}

/// A column of a table that an app made, without parts that belong to the app: its domains, and code of its types.
struct ExistingColumn {
    name: String,
    /// The type beneath its domains: one of PostgreSQL's own or an enum, and `text` for any other.
    base: String,
    /// Its compression and collation, as SQL.
    options: String,
    /// The storage of its long values, if it differs from that of its type.
    storage: Option<String>,
}

/// The columns of a table that an app made: see [`ExistingColumn`].
const EXISTING_COLUMNS_SQL: &str = "WITH RECURSIVE beneath AS ( \
        SELECT a.attnum, a.atttypid AS type FROM pg_catalog.pg_attribute a \
        WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT b.attnum, t.typbasetype FROM beneath b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
    SELECT a.attname, \
    CASE WHEN t.typtype = 'e' OR t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace \
    THEN pg_catalog.format_type(b.type, -1) ELSE 'pg_catalog.text' END, \
    CASE a.attcompression WHEN 'p' THEN ' COMPRESSION pglz' WHEN 'l' THEN ' COMPRESSION lz4' ELSE '' END \
    || coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, l.collname) FROM pg_catalog.pg_collation l \
    JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation), ''), \
    CASE WHEN a.attstorage <> t.typstorage THEN \
    CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END \
    FROM beneath b JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd' \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass($1) AND a.attnum = b.attnum ORDER BY a.attnum";

impl<'a> Scratch<'a> {
    /// Begins the transaction and creates the tables. If the tables for a limit cannot be created, the limit is not tried: its index
    /// needs something that only the app's search path finds, such as a function of the app.
    pub(super) fn create(
        table: &'a PlannedTable,
        positions: &[usize],
        tried: &[Tried<'_>],
        target: &mut Connection,
    ) -> Result<Scratch<'a>> {
        // Two processes in two containers may have the same number; two backends of one server do not.
        let schema = format!("migration_scratch_trial_{}", target.backend().pid());
        let names = |positions: &[usize]| -> Vec<String> {
            let columns = positions.iter().filter_map(|&position| table.columns.get(position));
            columns.map(|column| column.target.clone()).collect()
        };
        let groups: Vec<Vec<String>> = positions.chunks(GROUP_COLUMNS).map(names).collect();
        let existing = match &table.existing {
            Some(_) => existing_columns(table, target)?,
            None => Vec::new(),
        };
        let (number, variable) = (unused_name(table, "trial_number"), unused_name(table, "trial_row"));
        let mut scratch = Scratch { table, schema, number, variable, existing, groups, trials: Vec::new() };
        let mut sql = format!(
            "BEGIN; CREATE SCHEMA {0}; CREATE TABLE {0}.verdicts (tried integer, number bigint, state text, words text); ",
            scratch.schema
        );
        for group in 0..scratch.groups.len() {
            sql.push_str(&scratch.staging_sql(group));
        }
        target.script(&sql)?;
        for (number, tried) in tried.iter().enumerate() {
            let inputs = match tried {
                // An index may have a column twice.
                Tried::Key(limit) => {
                    let once: BTreeSet<usize> = limit.inputs.iter().copied().collect();
                    names(&Vec::from_iter(once))
                }
                Tried::Row => names(positions),
            };
            match target.guarded(&scratch.probe_sql(number, tried), Then::Keep)? {
                Ok(_) => scratch.trials.push(scratch.trial_sql(number, tried, &inputs)),
                Err(refused) if is_about_definition(&refused) => {}
                Err(refused) => {
                    let what =
                        format!("table {}: its rows cannot be tried for the limits of pages", table.target);
                    return Err(Error::new(what).caused_by(refused));
                }
            }
        }
        Ok(scratch)
    }

    /// The name of the column with the number of a row.
    pub(super) fn number(&self) -> &str {
        &self.number
    }

    /// The statement that receives the rows of a group of columns.
    pub(super) fn copy_sql(&self, group: usize) -> String {
        format!("COPY {}.staging_{group} FROM STDIN (FORMAT binary)", self.schema)
    }

    /// Tries all rows that were sent, and forgets them: one result for each that exceeds a limit or cannot be tried.
    pub(super) fn exceeding(&self, target: &mut Connection) -> Result<Vec<TrialResult>> {
        target.script(&self.trials.join("; "))?;
        let sql = format!("SELECT tried, number, state, words FROM {}.verdicts ORDER BY 1, 2", self.schema);
        let rows: Vec<(usize, usize, Option<String>, Option<String>)> = target.load(&sql, &[])?;
        let mut tables: Vec<String> =
            (0..self.groups.len()).map(|group| format!("{}.staging_{group}", self.schema)).collect();
        tables.push(format!("{}.verdicts", self.schema));
        target.script(&format!("TRUNCATE {}", tables.join(", ")))?;
        let verdict = |(tried, row, state, words): (_, _, Option<String>, _)| {
            let failure = state.map(|state| ServerError::caught(state, words, [None, None, None], false));
            TrialResult { tried, row, failure }
        };
        Ok(rows.into_iter().map(verdict).collect())
    }

    /// Creates the table that receives the rows of a group of columns. Nothing in it can refuse a value: it has no domain of the app.
    fn staging_sql(&self, group: usize) -> String {
        let (schema, number) = (&self.schema, &self.number);
        let names = self.groups.get(group).map(Vec::as_slice).unwrap_or_default();
        let columns = names.iter().filter_map(|name| self.table.target_column(name));
        let columns: String = columns
            .map(|column| format!(", {} {}", quote_pg(&column.target), column.target_type.sql()))
            .collect();
        format!(
            "CREATE TABLE {schema}.staging_{group} ({number} bigint{columns}); CREATE INDEX ON {schema}.staging_{group} ({number}); "
        )
    }

    /// Creates the tables that rows are inserted into for one trial: one with the subject of the trial, and one without an index.
    fn probe_sql(&self, number: usize, tried: &Tried<'_>) -> String {
        let mut sql = String::new();
        for name in ["probe", "stored"] {
            let name = format!("{}.{name}_{number}", self.schema);
            sql.push_str(&match &self.table.existing {
                Some(_) => self.existing_sql(&name),
                None => format!("CREATE TABLE {name} ({}); ", self.columns(tried).join(", ")),
            });
        }
        if let Tried::Key(KeyLimit { definition, .. }) = tried {
            sql.push_str(&format!("CREATE INDEX ON {}.probe_{number} USING {definition}; ", self.schema));
        }
        sql
    }

    fn existing_sql(&self, name: &str) -> String {
        let columns = self.existing.iter();
        let columns: Vec<String> = columns
            .map(|column| format!("{} {}{}", quote_pg(&column.name), column.base, column.options))
            .collect();
        let storage: String = (self.existing.iter())
            .filter_map(|column| Some((quote_pg(&column.name), column.storage.as_ref()?)))
            .map(|(column, storage)| {
                format!("ALTER TABLE {name} ALTER COLUMN {column} SET STORAGE {storage}; ")
            })
            .collect();
        format!("CREATE TABLE {name} ({}); {storage}", columns.join(", "))
    }

    /// The columns of a table for a trial: those of the plan, none of which must be there.
    fn columns(&self, tried: &Tried<'_>) -> Vec<String> {
        let columns = self.table.columns.iter().map(|column| {
            let collation = if column.target_type == PgType::Text { " COLLATE \"C\"" } else { "" };
            let generated = column.generated.as_ref();
            let generated = generated
                .map(|generated| format!(" GENERATED ALWAYS AS ({}) STORED", generated.expression))
                .unwrap_or_default();
            format!("{} {}{collation}{generated}", quote_pg(&column.target), column.target_type.sql())
        });
        let searches = self.table.searches.iter().filter(|_| matches!(tried, Tried::Row));
        let searches = searches.map(|search| {
            format!(
                "{} tsvector GENERATED ALWAYS AS ({}) STORED",
                quote_pg(&search.target),
                search.expression
            )
        });
        columns.chain(searches).collect()
    }

    /// Inserts and deletes each row separately, and records those that exceed a limit.
    ///
    /// An index that is built later receives values as they are stored, compressed if the row was long. An existing index receives them
    /// uncompressed. A row that only an existing index would refuse is tried as it is stored.
    fn trial_sql(&self, number: usize, tried: &Tried<'_>, inputs: &[String]) -> String {
        /// Classes of errors (manual, appendix A) that are about a value, and no matter of this trial; `HP` is its own way to undo.
        const OF_VALUES: &str = "'22', '23', '38', 'HP', 'P0'";
        let Scratch { schema, number: row, variable, .. } = self;
        let columns = quote_pg_list(inputs);
        let values: Vec<String> = inputs.iter().map(|name| self.staged_value(name)).collect();
        let joined: String = (1..self.groups.len())
            .map(|group| format!(" JOIN {schema}.staging_{group} USING ({row})"))
            .collect();
        let select =
            format!("SELECT {} FROM {schema}.staging_0{joined} WHERE {row} = {variable}", values.join(", "));
        let refused = format!("INSERT INTO {schema}.verdicts VALUES ({number}, {variable});");
        let undo = "RAISE EXCEPTION USING ERRCODE = 'HP000';";
        // Any other error is not about the row.
        let others = format!(
            "WHEN OTHERS THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT; \
             IF substr(state, 1, 2) NOT IN ({OF_VALUES}) THEN \
             INSERT INTO {schema}.verdicts VALUES ({number}, {variable}, state, words); EXIT; END IF;"
        );
        let is_built_later = matches!(tried, Tried::Key(_)) && self.table.existing.is_none();
        let refused = if is_built_later {
            format!(
                "BEGIN INSERT INTO {schema}.stored_{number} ({columns}) {select}; \
                 INSERT INTO {schema}.probe_{number} ({columns}) SELECT {columns} FROM {schema}.stored_{number}; {undo} \
                 EXCEPTION WHEN program_limit_exceeded THEN {refused} {others} END;"
            )
        } else {
            refused
        };
        // Columns may have the names of variables, PL/pgSQL's own among them, such as `found`.
        let body = format!(
            "#variable_conflict use_column\n\
             DECLARE {variable} pg_catalog.int8; state pg_catalog.text; words pg_catalog.text; BEGIN \
             FOR {variable} IN SELECT {row} FROM {schema}.staging_0 LOOP BEGIN \
             INSERT INTO {schema}.probe_{number} ({columns}) {select}; {undo} \
             EXCEPTION WHEN program_limit_exceeded THEN {refused} {others} END; END LOOP; END"
        );
        format!("DO LANGUAGE plpgsql {}", quote_pg_literal(&body))
    }

    /// The expression for a value that was sent, with the type of the trial's column.
    fn staged_value(&self, name: &str) -> String {
        let quoted = quote_pg(name);
        match self.existing.iter().find(|column| column.name == name) {
            Some(column) => format!("{quoted}::{}", column.base),
            None => quoted,
        }
    }
}

fn existing_columns(table: &PlannedTable, target: &mut Connection) -> Result<Vec<ExistingColumn>> {
    let rows = target.load(EXISTING_COLUMNS_SQL, &[Some(&table.qualified(&table.target))])?;
    let column = |(name, base, options, storage)| ExistingColumn { name, base, options, storage };
    Ok(rows.into_iter().map(column).collect())
}

/// A name that begins with `stem` and that no column of `table` has.
fn unused_name(table: &PlannedTable, stem: &str) -> String {
    let is_used = |name: &String| table.columns.iter().any(|column| column.target == *name);
    // Among as many names and one more there is one that no column has.
    let mut names = (0..=table.columns.len()).map(|number| format!("{stem}_{number}"));
    names.find(|name| !is_used(name)).unwrap_or_else(|| stem.to_owned())
}

/// Whether the server refused a definition (manual, appendix A: features, values, routines, names, and limits), and not because of its
/// state or the moment.
pub(super) fn is_about_definition(refused: &ServerError) -> bool {
    let classes = ["0A", "22", "23", "38", "39", "3F", "42", "54", "P0"];
    let sqlstate = refused.sqlstate.as_deref();
    sqlstate.is_some_and(|sqlstate| classes.iter().any(|class| sqlstate.starts_with(class)))
}

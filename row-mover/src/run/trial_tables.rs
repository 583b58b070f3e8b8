//! The tables in which rows are tried: like those of the plan, in a schema of their own, in a transaction that is rolled back.

use migrate_core::conversion::PgType;
use migrate_core::identifier::{quote_pg, quote_pg_list, quote_pg_literal};
use migrate_core::page_limits::KeyLimit;
use migrate_core::plan::{ExistingTable, PlannedTable};

use crate::error::{Error, Result};
use crate::target::bulk::BulkConnection;

/// The column with the number of a row.
pub(super) const NUMBER: &str = "number of the row on trial";

/// The columns of so many are sent together: as many values, stored elsewhere, fit into one row.
pub(super) const GROUP_COLUMNS: usize = 100;

/// What rows are tried for.
pub(super) enum Tried<'a> {
    /// The key of an index.
    Key(&'a KeyLimit),
    /// The room of a page for a whole row.
    Row,
}

/// The schema with the tables.
pub(super) struct Scratch<'a> {
    table: &'a PlannedTable,
    schema: String,
    /// The columns that are sent, by target name, in groups.
    groups: Vec<Vec<String>>,
    /// The statements that try all rows that were sent, one for each thing that is tried.
    trials: Vec<String>,
}

impl<'a> Scratch<'a> {
    /// Begins the transaction and makes the tables.
    pub(super) fn create(
        table: &'a PlannedTable,
        positions: &[usize],
        tried: &[Tried<'_>],
        target: &mut BulkConnection,
    ) -> Result<Scratch<'a>> {
        let schema = format!("migration_scratch_trial_{}", std::process::id());
        let names = |positions: &[usize]| -> Vec<String> {
            let columns = positions.iter().filter_map(|&position| table.columns.get(position));
            columns.map(|column| column.target.clone()).collect()
        };
        let groups: Vec<Vec<String>> = positions.chunks(GROUP_COLUMNS).map(names).collect();
        let mut scratch = Scratch { table, schema, groups, trials: Vec::new() };
        let mut sql = format!(
            "BEGIN; CREATE SCHEMA {0}; CREATE TABLE {0}.verdicts (tried integer, number bigint); ",
            scratch.schema
        );
        for group in 0..scratch.groups.len() {
            sql.push_str(&scratch.staging_sql(group));
        }
        for (number, tried) in tried.iter().enumerate() {
            let inputs = match tried {
                Tried::Key(limit) => names(&limit.inputs),
                Tried::Row => names(positions),
            };
            sql.push_str(&scratch.probe_sql(number, tried));
            let trial = scratch.trial_sql(number, tried, &inputs);
            scratch.trials.push(trial);
        }
        target.script(&sql)?;
        Ok(scratch)
    }

    /// The statement that takes the rows of a group of columns.
    pub(super) fn copy_sql(&self, group: usize) -> String {
        format!("COPY {}.staging_{group} FROM STDIN (FORMAT binary)", self.schema)
    }

    /// Tries all rows that were sent, and forgets them: what was tried, and the number of the row, for each that exceeds a limit.
    pub(super) fn exceeding(&self, target: &mut BulkConnection) -> Result<Vec<(usize, usize)>> {
        target.script(&self.trials.join("; "))?;
        let sql = format!("SELECT tried, number FROM {}.verdicts ORDER BY 1, 2", self.schema);
        let rows = target.query(&sql, &[])?;
        let mut tables: Vec<String> =
            (0..self.groups.len()).map(|group| format!("{}.staging_{group}", self.schema)).collect();
        tables.push(format!("{}.verdicts", self.schema));
        target.script(&format!("TRUNCATE {}", tables.join(", ")))?;
        let number = |field: Option<&Option<String>>| field?.as_ref()?.parse::<usize>().ok();
        rows.iter()
            .map(|row| number(row.first()).zip(number(row.get(1))))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::new("PostgreSQL gave no numbers of rows"))
    }

    /// Makes the table that takes the rows of a group of columns.
    fn staging_sql(&self, group: usize) -> String {
        let (schema, number) = (&self.schema, quote_pg(NUMBER));
        let names = self.groups.get(group).map(Vec::as_slice).unwrap_or_default();
        let made = match &self.table.existing {
            Some(_) => format!(
                "CREATE TABLE {schema}.staging_{group} AS SELECT 0::pg_catalog.int8 AS {number}, {} FROM {} WITH NO DATA; ",
                quote_pg_list(names),
                self.table.qualified(&self.table.target)
            ),
            None => {
                let columns = names.iter().filter_map(|name| self.table.target_column(name));
                let columns: Vec<String> = columns
                    .map(|column| format!("{} {}", quote_pg(&column.target), column.target_type.sql()))
                    .collect();
                format!("CREATE TABLE {schema}.staging_{group} ({number} bigint, {}); ", columns.join(", "))
            }
        };
        format!("{made}CREATE INDEX ON {schema}.staging_{group} ({number}); ")
    }

    /// Makes the tables that rows are inserted into for one trial: one with what is tried, and one without an index.
    fn probe_sql(&self, number: usize, tried: &Tried<'_>) -> String {
        let mut sql = String::new();
        for name in ["probe", "stored"] {
            let name = format!("{}.{name}_{number}", self.schema);
            sql.push_str(&match &self.table.existing {
                Some(existing) => self.existing_sql(existing, &name),
                None => format!("CREATE TABLE {name} ({}); ", self.columns(tried).join(", ")),
            });
        }
        if let Tried::Key(KeyLimit { definition, .. }) = tried {
            sql.push_str(&format!("CREATE INDEX ON {}.probe_{number} USING {definition}; ", self.schema));
        }
        sql
    }

    fn existing_sql(&self, existing: &ExistingTable, name: &str) -> String {
        let like = self.table.qualified(&self.table.target);
        let nullable: String = (existing.table.columns.iter())
            .filter(|column| column.not_null)
            .map(|column| {
                format!("ALTER TABLE {name} ALTER COLUMN {} DROP NOT NULL; ", quote_pg(&column.name))
            })
            .collect();
        format!("CREATE TABLE {name} (LIKE {like} INCLUDING STORAGE INCLUDING COMPRESSION); {nullable}")
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

    /// Inserts each row by itself and takes it out again, and notes those that exceed a limit.
    ///
    /// An index that is built later is given values as they are stored, compressed where the row was long; one that is there is
    /// given them as they come. A row that only an index which is there would refuse is tried as it is stored.
    fn trial_sql(&self, number: usize, tried: &Tried<'_>, inputs: &[String]) -> String {
        let Scratch { schema, .. } = self;
        let (columns, row) = (quote_pg_list(inputs), quote_pg(NUMBER));
        let joined: String = (1..self.groups.len())
            .map(|group| format!(" JOIN {schema}.staging_{group} USING ({row})"))
            .collect();
        let select = format!("SELECT {columns} FROM {schema}.staging_0{joined} WHERE {row} = row_on_trial");
        let refused = format!("INSERT INTO {schema}.verdicts VALUES ({number}, row_on_trial);");
        let undo = "RAISE EXCEPTION USING ERRCODE = 'HP000';";
        let is_built_later = matches!(tried, Tried::Key(_)) && self.table.existing.is_none();
        let refused = if is_built_later {
            format!(
                "BEGIN INSERT INTO {schema}.stored_{number} ({columns}) {select}; \
                 INSERT INTO {schema}.probe_{number} ({columns}) SELECT {columns} FROM {schema}.stored_{number}; {undo} \
                 EXCEPTION WHEN program_limit_exceeded THEN {refused} WHEN OTHERS THEN NULL; END;"
            )
        } else {
            refused
        };
        let body = format!(
            "DECLARE row_on_trial pg_catalog.int8; BEGIN \
             FOR row_on_trial IN SELECT {row} FROM {schema}.staging_0 LOOP BEGIN \
             INSERT INTO {schema}.probe_{number} ({columns}) {select}; {undo} \
             EXCEPTION WHEN program_limit_exceeded THEN {refused} WHEN OTHERS THEN NULL; END; END LOOP; END"
        );
        format!("DO {}", quote_pg_literal(&body))
    }
}

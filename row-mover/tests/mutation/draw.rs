//! Draws the location of a damage: a table, a column, a row. The damage itself is defined elsewhere.

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use postgres_client::connection::{Connection, TextRows};

use crate::chance::Chance;
use crate::demand::Demand;
use crate::engine::chain;
use crate::subject::{Subject, is_keyed};

/// A damage that can be applied.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The statements that apply it.
    pub sql: Vec<String>,
    /// A description for people.
    pub what: String,
    pub demand: Demand,
    /// Queries whose results must change; otherwise nothing was damaged.
    pub images: Vec<String>,
    /// The damaged sealed copy that replaces the subject's own, if any; removed on drop.
    pub folder: Option<std::sync::Arc<tempfile::TempDir>>,
}

impl Damage {
    pub fn new(sql: Vec<String>, what: String, demand: Demand) -> Damage {
        Damage { sql, what, demand, images: Vec::new(), folder: None }
    }

    /// Requires the rows of these tables to change.
    pub fn of_rows<'a>(self, tables: impl IntoIterator<Item = &'a PlannedTable>) -> Damage {
        let images = tables.into_iter().map(rows_image).collect();
        Damage { images, ..self }
    }

    /// Requires PostgreSQL's catalog to change.
    pub fn of_schema(self) -> Damage {
        Damage { images: vec![CATALOG_IMAGE.to_owned()], ..self }
    }
}

/// The source of draws: a subject, its database and a random number generator.
pub struct Draw<'a> {
    pub chance: &'a mut Chance,
    pub subject: &'a Subject,
    pub session: &'a mut Connection,
}

/// A row of a table.
pub struct Row {
    pub ctid: String,
    /// Its position in key order.
    pub place: String,
    /// Its key as text; empty if rows are not identified by a key.
    pub key: String,
    /// The requested value.
    pub text: Option<String>,
}

/// PostgreSQL's own description of everything in its schemas that could affect a statement.
const CATALOG_IMAGE: &str = "SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT 'r' || c.relname || c.relnamespace || c.relkind::text || c.relpersistence::text || c.relrowsecurity || c.relforcerowsecurity AS line FROM pg_class c
    UNION ALL SELECT 'a' || attrelid::regclass || attname || format_type(atttypid, atttypmod) || attnotnull || attcollation || attidentity::text || attgenerated::text || attisdropped FROM pg_attribute WHERE attnum > 0
    UNION ALL SELECT 'd' || adrelid::regclass || adnum || pg_get_expr(adbin, adrelid) FROM pg_attrdef
    UNION ALL SELECT 'c' || conrelid::regclass || conname || convalidated || pg_get_constraintdef(oid) FROM pg_constraint
    UNION ALL SELECT 'i' || indexrelid::regclass || indisvalid || pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT 't' || tgrelid::regclass || tgtype || tgisinternal || tgenabled::text || CASE WHEN tgisinternal THEN '' ELSE pg_get_triggerdef(oid) END FROM pg_trigger
    UNION ALL SELECT 'p' || oid || proname || prosrc || provolatile::text || proisstrict || prosecdef || coalesce(proconfig::text, '') FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'w' || ev_class::regclass || rulename || pg_get_ruledef(oid) FROM pg_rewrite WHERE oid >= 16384
    UNION ALL SELECT 'h' || inhrelid::regclass || inhparent::regclass FROM pg_inherits
    UNION ALL SELECT 's' || seqrelid::regclass || (s.*)::text FROM pg_sequence s
    UNION ALL SELECT 'o' || objid::regclass || refobjid::regclass || refobjsubid FROM pg_depend WHERE deptype IN ('a', 'i') AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass) AS lines";

/// All rows of a table, with the count of each.
pub fn rows_image(table: &PlannedTable) -> String {
    let name = table.qualified(&table.target);
    format!(
        "SELECT count(*), md5(string_agg((t.*)::text, E'\\n' ORDER BY (t.*)::text COLLATE \"C\")) FROM {name} AS t"
    )
}

impl Draw<'_> {
    /// Returns the rows of a query, or none if PostgreSQL refuses it.
    pub fn ask(&mut self, sql: &str) -> TextRows {
        self.session.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)))
    }

    /// Draws one of the rows of a query, with its values as text.
    pub fn one_of(&mut self, sql: &str) -> Option<Vec<String>> {
        let rows = self.ask(sql);
        let row = self.chance.pick(&rows)?;
        Some(row.iter().map(|value| value.clone().unwrap_or_default()).collect())
    }

    /// Draws one of the subject's tables that satisfy a condition.
    pub fn table(&mut self, fits: impl Fn(&PlannedTable) -> bool) -> Option<PlannedTable> {
        let tables: Vec<&PlannedTable> = self.subject.tables.iter().filter(|table| fits(table)).collect();
        self.chance.pick(&tables).map(|table| (*table).clone())
    }

    /// Returns the tables of the plan as a PostgreSQL array, for catalog queries.
    pub fn planned(&self) -> String {
        let names = self.subject.case.plan.tables.iter();
        let names: Vec<String> = names
            .map(|table| format!("{}::regclass", quote_pg_literal(&table.qualified(&table.target))))
            .collect();
        format!("ARRAY[{}]", names.join(", "))
    }

    /// Draws one of the columns that satisfy a condition, belong to no key and are not generated.
    pub fn column(&mut self, fits: impl Fn(&PlannedColumn) -> bool) -> Option<(PlannedTable, usize)> {
        let mut columns = Vec::new();
        for (at, table) in self.subject.tables.iter().enumerate() {
            columns.extend(free_columns(table, &fits).into_iter().map(|column| (at, column)));
        }
        let (table, column) = *self.chance.pick(&columns)?;
        Some((self.subject.tables[table].clone(), column))
    }

    /// Draws one of the rows that satisfy a condition, with the value of an expression.
    pub fn row(&mut self, table: &PlannedTable, value: &str, filter: &str) -> Option<Row> {
        let share = self.chance.below(1_000_000);
        let sql = format!(
            "WITH s AS (SELECT * FROM ({}) AS numbered WHERE {filter}) SELECT row_ctid, row_place, ({value})::text FROM s \
             ORDER BY row_place OFFSET (SELECT floor(count(*) * {share} / 1e6) FROM s) LIMIT 1",
            numbered(table)
        );
        let row = self.ask(&sql).into_iter().next()?;
        let [ctid, place, text] = row.try_into().unwrap();
        let place = place.unwrap();
        let key = if is_keyed(table) { self.subject.key_words(table, &place) } else { String::new() };
        Some(Row { ctid: ctid.unwrap(), place, key, text })
    }
}

/// Returns the columns of a table that satisfy a condition, belong to no key and are not generated.
pub fn free_columns(table: &PlannedTable, fits: &dyn Fn(&PlannedColumn) -> bool) -> Vec<usize> {
    let key = table.key_positions();
    (table.columns.iter().enumerate())
        .filter(|(at, column)| !key.contains(at) && column.generated.is_none() && fits(column))
        .map(|(at, _)| at)
        .collect()
}

/// The loaded rows of a table, with their positions in key order, or else in the order of their text.
fn numbered(table: &PlannedTable) -> String {
    let order: Vec<String> = if is_keyed(table) {
        let key = table.key_positions();
        key.iter()
            .map(|&at| {
                let collation = if table.columns[at].target_type == migrate_core::conversion::PgType::Text {
                    " COLLATE \"C\""
                } else {
                    ""
                };
                format!("t.{}{collation}", quote_pg(&table.columns[at].target))
            })
            .collect()
    } else {
        vec!["(t.*)::text COLLATE \"C\"".to_owned(), "t.ctid".to_owned()]
    };
    let existing = table.existing.as_ref().filter(|existing| existing.keeps_rows());
    let loaded =
        existing.map_or_else(String::new, |existing| format!(" WHERE NOT {}", existing.is_kept_sql()));
    format!(
        "SELECT t.*, t.ctid::text AS row_ctid, row_number() OVER (ORDER BY {}) - 1 AS row_place FROM {} AS t{loaded}",
        order.join(", "),
        table.qualified(&table.target)
    )
}

/// Returns the names of the generated columns of a table.
pub fn computed(table: &PlannedTable) -> Vec<String> {
    table
        .columns
        .iter()
        .filter(|column| column.generated.is_some())
        .map(|column| column.source.clone())
        .collect()
}

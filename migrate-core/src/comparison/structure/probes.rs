//! Queries that find out whether PostgreSQL would carry out a repair: whether it reads the statement's expressions, and whether rows of
//! the target break it. They write nothing.

use super::live::LiveStructure;
use super::requirements::planned_index;
use super::{Structure, StructureDifference, StructureProblem as Problem};
use crate::identifier::{qualified_pg, quote_pg, quote_pg_list};
use crate::plan::{Plan, PlannedColumn, PlannedTable};
use crate::target_schema::TargetSchema;

/// The longest entry of a B-tree, in bytes, with a reserve: PostgreSQL's limit is a third of a page.
const ENTRY_MAX_BYTES: u32 = 2600;

/// The types whose values are short.
const SHORT: [&str; 13] = [
    "int2",
    "int4",
    "int8",
    "bool",
    "float4",
    "float8",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "interval",
    "enum",
];

/// What finds out whether a repair can be made.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// A statement that PostgreSQL reads, and does not run.
    pub statement: String,
    /// Whether an error of the statement counts only if it is about the type of a value.
    pub is_of_type_only: bool,
    /// The query that returns whether rows break the repair.
    pub violation: Option<String>,
    /// The query that returns whether a row is too long for the index.
    pub too_long: Option<String>,
}

/// The target, with the generated columns that its repair makes.
pub struct AsRepaired<'a> {
    expected: &'a Plan,
    target: &'a TargetSchema,
    live: &'a LiveStructure,
    /// The table, by source name, and the column that is generated.
    generated: Vec<(&'a str, &'a PlannedColumn)>,
    /// The views that are made.
    views: Vec<&'a str>,
}

impl<'a> AsRepaired<'a> {
    /// The target with the repairs that are left.
    pub fn new(
        expected: &'a Plan,
        target: &'a TargetSchema,
        live: &'a LiveStructure,
        found: &Structure,
    ) -> Self {
        let repaired = || found.differences.iter().filter(|found| found.is_repaired());
        let generated = repaired().filter_map(|found| {
            let column = found.problem.generated_column()?;
            let table = expected.tables.iter().find(|table| Some(&table.source) == found.table.as_ref())?;
            Some((table.source.as_str(), table.target_column(column)?))
        });
        let views = repaired().filter_map(|found| match &found.problem {
            Problem::ViewMissing { view } => expected.views.iter().find(|planned| planned.source == *view),
            _ => None,
        });
        let views = views.map(|view| view.target.as_str()).collect();
        AsRepaired { expected, target, live, generated: generated.collect(), views }
    }

    /// The rows of a table under a name.
    fn rows(&self, table: &PlannedTable, alias: &str) -> String {
        let name = table.name_in_sql();
        let alias = quote_pg(alias);
        let made: Vec<&PlannedColumn> = self
            .generated
            .iter()
            .filter(|(source, _)| *source == table.source)
            .map(|(_, column)| *column)
            .collect();
        if made.is_empty() {
            return format!("{name} AS {alias}");
        }
        let live = self.target.tables.iter().find(|live| live.name_in_sql() == name);
        let live = live.into_iter().flat_map(|live| &live.columns).map(|column| &column.name);
        let others =
            live.filter(|name| !made.iter().any(|column| column.target == **name)).map(|name| quote_pg(name));
        let made = made
            .iter()
            .filter_map(|column| Some(format!("{} AS {}", typed(column)?, quote_pg(&column.target))));
        let columns: Vec<String> = others.chain(made).collect();
        format!("(SELECT {} FROM {name}) AS {alias}", columns.join(", "))
    }

    /// What finds out whether the repair of a difference can be made; none where nothing about rows or expressions decides it.
    pub fn probe(&self, found: &StructureDifference) -> Option<Probe> {
        if let Problem::ViewMissing { view } = &found.problem {
            let view = self.expected.views.iter().find(|planned| planned.source == *view)?;
            return Some(Probe {
                statement: self.with_views(&view.query, self.views.len()),
                ..Probe::default()
            });
        }
        let table = self.expected.tables.iter().find(|table| Some(&table.source) == found.table.as_ref())?;
        match &found.problem {
            Problem::NotNullMissing { column } => {
                Some(self.violation(table, format!("WHERE {} IS NULL", quote_pg(column))))
            }
            Problem::PrimaryKeyMissing { columns } => {
                let nulls: Vec<String> =
                    columns.iter().map(|column| format!("count({}) < count(*)", quote_pg(column))).collect();
                let keys = quote_pg_list(columns);
                let broken = format!("GROUP BY {keys} HAVING count(*) > 1 OR {}", nulls.join(" OR "));
                let keys: Vec<String> = columns.iter().map(|column| quote_pg(column)).collect();
                Some(Probe {
                    violation: self.violation(table, broken).violation,
                    ..self.index(table, &keys, None)
                })
            }
            Problem::UniqueMissing { keys, condition, .. } => {
                Some(self.unique(table, keys, condition.as_deref()))
            }
            // An index for all rows is unique in those of its condition, too: only what the other one names is not known.
            Problem::IndexMissing { index, .. }
            | Problem::IndexOrder { index, .. }
            | Problem::IndexClass { index, .. }
            | Problem::UniqueForAllRows { index, .. } => {
                let planned = planned_index(table, index)?;
                let key = |key: &crate::plan::PlannedIndexColumn| {
                    key.expression.clone().unwrap_or_else(|| quote_pg(&key.column))
                };
                let keys: Vec<String> = planned.columns.iter().map(key).collect();
                Some(self.index(table, &keys, planned.predicate.as_deref()))
            }
            Problem::UniqueNulls { keys, .. } | Problem::UniqueDeferrable { keys, .. } => {
                Some(self.index(table, keys, None))
            }
            Problem::IndexInvalid { live } => {
                let live = self.live_table(table)?.indexes.iter().find(|index| index.name == *live)?;
                let keys: Vec<String> = live.keys.iter().map(|key| key.sql.clone()).collect();
                Some(match live.is_unique {
                    true => self.unique(table, &keys, live.condition.as_deref()),
                    false => self.index(table, &keys, live.condition.as_deref()),
                })
            }
            Problem::CheckMissing { check } => {
                let check = table.checks.iter().find(|planned| planned.source == *check)?;
                Some(self.violation(table, format!("WHERE NOT ({})", check.expression)))
            }
            Problem::CheckNotValid { live } => {
                let check = self.live_table(table)?.checks.iter().find(|check| check.name == *live)?;
                Some(self.violation(table, format!("WHERE NOT ({})", check.expression)))
            }
            Problem::ForeignKeyMissing { columns, parent, parent_columns } => {
                let parent = self.expected.tables.iter().find(|table| table.target == *parent)?;
                Some(self.foreign_key(table, columns, parent, parent_columns))
            }
            Problem::ForeignKeyDiffers { live, .. } => {
                let key = self.live_table(table)?.foreign_keys.iter().find(|key| key.name == *live)?;
                let is_it = |table: &&PlannedTable| {
                    table.target == key.parent && table.schema_name() == key.parent_schema
                };
                let parent = self.expected.tables.iter().find(is_it)?;
                Some(self.foreign_key(table, &key.columns, parent, &key.parent_columns))
            }
            Problem::Default { column, .. } => {
                let default = table.target_column(column)?.default.as_ref()?;
                let insert =
                    format!("INSERT INTO {} ({}) VALUES ({default})", table.name_in_sql(), quote_pg(column));
                Some(Probe { statement: insert, is_of_type_only: true, ..Probe::default() })
            }
            other => self.generated(table, other.generated_column()?),
        }
    }

    fn live_table(&self, table: &PlannedTable) -> Option<&super::LiveTable> {
        self.live.table(table.schema_name(), &table.target)
    }

    /// Whether there are rows of which this is true.
    fn violation(&self, table: &PlannedTable, broken: String) -> Probe {
        let rows = format!("SELECT FROM {} {broken}", self.rows(table, &table.target));
        let violation = Some(format!("SELECT EXISTS ({rows})"));
        Probe { statement: rows, violation, ..Probe::default() }
    }

    fn index(&self, table: &PlannedTable, keys: &[String], condition: Option<&str>) -> Probe {
        let rows = self.rows(table, &table.target);
        let condition = condition.map(|condition| format!(" WHERE ({condition})")).unwrap_or_default();
        let of_each = |form: fn(&String) -> String| -> Vec<String> { keys.iter().map(form).collect() };
        let order = of_each(|key| format!("({key})")).join(", ");
        let is_short = |key: &String| {
            let columns = self.target.tables.iter().find(|live| live.name_in_sql() == table.name_in_sql());
            let mut columns = columns.into_iter().flat_map(|live| &live.columns);
            columns.any(|column| quote_pg(&column.name) == *key && SHORT.contains(&column.base.as_str()))
        };
        let bytes = of_each(|key| format!("coalesce(pg_catalog.pg_column_size(({key})), 0)")).join(" + ");
        let too_long = (!keys.iter().all(is_short))
            .then(|| format!("SELECT coalesce(max({bytes}), 0) > {ENTRY_MAX_BYTES} FROM {rows}{condition}"));
        Probe {
            statement: format!("SELECT FROM {rows}{condition} ORDER BY {order}"),
            too_long,
            ..Probe::default()
        }
    }

    fn unique(&self, table: &PlannedTable, keys: &[String], condition: Option<&str>) -> Probe {
        let mut conditions: Vec<String> = keys.iter().map(|key| format!("({key}) IS NOT NULL")).collect();
        conditions.extend(condition.map(|condition| format!("({condition})")));
        let grouped: Vec<String> = keys.iter().map(|key| format!("({key})")).collect();
        let broken =
            format!("WHERE {} GROUP BY {} HAVING count(*) > 1", conditions.join(" AND "), grouped.join(", "));
        Probe { violation: self.violation(table, broken).violation, ..self.index(table, keys, condition) }
    }

    fn foreign_key(
        &self,
        table: &PlannedTable,
        columns: &[String],
        parent: &PlannedTable,
        parent_columns: &[String],
    ) -> Probe {
        let pairs =
            || columns.iter().map(|own| quote_pg(own)).zip(parent_columns.iter().map(|own| quote_pg(own)));
        let own: Vec<String> = pairs().map(|(own, _)| format!("child.{own} IS NOT NULL")).collect();
        let same: Vec<String> = pairs().map(|(own, other)| format!("parent.{other} = child.{own}")).collect();
        let (parent_rows, child_rows) = (self.rows(parent, "parent"), self.rows(table, "child"));
        let rows = format!(
            "SELECT FROM {child_rows} WHERE {} AND NOT EXISTS (SELECT FROM {parent_rows} WHERE {})",
            own.join(" AND "),
            same.join(" AND ")
        );
        let violation = Some(format!("SELECT EXISTS ({rows})"));
        Probe { statement: rows, violation, ..Probe::default() }
    }

    fn generated(&self, table: &PlannedTable, column: &str) -> Option<Probe> {
        let column = table.target_column(column)?;
        let value = typed(column)?;
        let statement = format!("SELECT {value} FROM {}", table.name_in_sql());
        // An expression that fails on a row fails here.
        let violation = match column.not_null {
            true => format!("SELECT EXISTS (SELECT FROM {} WHERE {value} IS NULL)", table.name_in_sql()),
            false => format!("SELECT count({value}) < 0 FROM {}", table.name_in_sql()),
        };
        Some(Probe { statement, violation: Some(violation), ..Probe::default() })
    }

    /// A query with the views and generated columns that are not there yet in place of their names.
    fn with_views(&self, query: &str, depth: usize) -> String {
        let mut query = query.to_owned();
        let views =
            self.expected.views.iter().filter(|view| depth > 0 && self.views.contains(&view.target.as_str()));
        for view in views {
            let name = qualified_pg(&self.expected.target_schema, &view.target);
            let inner = || {
                let columns = quote_pg_list(&view.columns);
                format!("(SELECT * FROM ({}) AS made ({columns}))", self.with_views(&view.query, depth - 1))
            };
            query = with_rows(&query, &name, &view.target, inner);
        }
        for table in &self.expected.tables {
            if self.generated.iter().any(|(source, _)| *source == table.source) {
                let rows = || format!("(SELECT * FROM {})", self.rows(table, "made"));
                query = with_rows(&query, &table.name_in_sql(), &table.target, rows);
            }
        }
        query
    }
}

/// A query with other rows in place of a relation, under the name that it has there.
fn with_rows(query: &str, name: &str, alias: &str, rows: impl Fn() -> String) -> String {
    let is_of_name = |letter: char| letter.is_alphanumeric() || "_\".$".contains(letter);
    let mut text = String::new();
    let mut rest = query;
    while let Some((before, behind)) = rest.split_once(name) {
        text.push_str(before);
        if text.ends_with(is_of_name) || behind.starts_with(is_of_name) {
            text.push_str(name);
        } else {
            text.push_str(&rows());
            if !behind.starts_with(" AS ") {
                text.push_str(&format!(" AS {}", quote_pg(alias)));
            }
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// The value of a generated column.
fn typed(column: &PlannedColumn) -> Option<String> {
    let generated = column.generated.as_ref()?;
    Some(format!("CAST(({}) AS {})", generated.expression, column.target_type.sql()))
}

//! The remedy for a finding: the SQL that repairs it if the plan has it, else a command. The engine's mutation tests apply each kind of
//! remedy, and validation proves the database afterwards.

mod sql;

use std::fmt;

use migrate_core::baseline::BaselineRow;
use migrate_core::finding::{
    BaselineDifference, BaselineProblem, ConstraintDifference, DefaultDifference, DerivedDifference,
    ItemKind, MissingMigration, NarrowColumn, SchemaDifference, SequenceBehind,
};
use migrate_core::identifier::{qualified_pg, quote_pg, quote_pg_literal};
use migrate_core::mapping::TomlKey;
use migrate_core::plan::Plan;
use migrate_core::render::{fill_column_by_hand, write_table_by_hand};
use migrate_core::sequence::{setting_sql, widening_sql};

/// The remedy for a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Runs a statement, or several, in the target.
    Sql(String),
    /// Fills derived data by statements in the target, or decides about it, by its name, in mapping.toml.
    Fill {
        /// The statements.
        sql: String,
        /// The name in mapping.toml.
        name: String,
    },
    /// Calls triggers that write a table by statements in the target, or accepts the table, by its name, in mapping.toml.
    Write {
        /// The statements.
        sql: String,
        /// The name in mapping.toml.
        name: String,
    },
    /// Drops something that the plan does not have.
    Drop(String),
    /// The remedy of another finding repairs this one as well.
    With(String),
    /// Moves everything again.
    MoveAgain,
    /// Nothing but a comparison by eye is known for a table, as SQL names it.
    Inspect(String),
    /// Rows that an app had before the migration can only come from a backup.
    RestoreRows,
    /// Runs a command that writes the Diesel schema.
    Generate(String),
    /// Leaves a view, by source name, out of the plan.
    SkipView(String),
}

impl Remedy {
    /// The SQL to run in the target, if that is the remedy and destroys nothing.
    pub fn sql(&self) -> Option<&str> {
        match self {
            Remedy::Sql(sql) | Remedy::Fill { sql, .. } | Remedy::Write { sql, .. } => Some(sql),
            _ => None,
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::Sql(sql) => write!(f, "in psql: {sql} then cargo xtask validate"),
            Remedy::Write { sql, name } => write!(
                f,
                "in psql: {sql} then cargo xtask validate; or in mapping.toml: [derived], {} = \"accept\" to leave it so, then cargo \
                 xtask migrate --restart",
                TomlKey(name)
            ),
            Remedy::Fill { sql, name } => write!(
                f,
                "in psql: {sql} then cargo xtask validate; or in mapping.toml: [derived], {0} = \"fill\" to have it filled by the migration, \
                 {0} = \"accept\" to leave it so, then cargo xtask migrate --restart",
                TomlKey(name)
            ),
            Remedy::Drop(sql) => write!(
                f,
                "keep it if your app created it, although validation continues to report it; otherwise, in psql: {sql} then \
                 cargo xtask validate"
            ),
            Remedy::With(other) => write!(f, "the statement for {other} repairs this as well"),
            Remedy::MoveAgain => f.write_str(
                "move everything again: cargo xtask migrate --restart, with the arguments of the first run; it refuses if rows were written \
                 since, or cannot be compared, unless --discard drops them",
            ),
            Remedy::Inspect(table) => write!(
                f,
                "in psql: \\d+ {table} shows the table; compare it with the plan's migrations, then cargo xtask validate"
            ),
            Remedy::RestoreRows => {
                f.write_str("insert them again from a backup of the target, then cargo xtask validate")
            }
            Remedy::Generate(command) => write!(f, "run {command}, which writes it again"),
            Remedy::SkipView(view) => write!(
                f,
                "read it in both databases and compare; to leave it out, add to mapping.toml: [leave_behind], {} = \"returns other rows\", \
                 then cargo xtask generate, and cargo xtask migrate --restart",
                TomlKey(view)
            ),
        }
    }
}

/// The remedies for differences of the schema, in their order.
pub fn schema(differences: &[SchemaDifference], plan: &Plan) -> Vec<Remedy> {
    let own: Vec<Remedy> =
        differences.iter().map(|difference| sql::remedy(difference, differences, plan)).collect();
    // Moving everything again repairs all that the plan creates.
    let is_moved_again = own.contains(&Remedy::MoveAgain);
    let all = differences.iter().zip(own).map(|(difference, remedy)| {
        let is_of_plan = difference.table().is_some();
        if is_moved_again && is_of_plan && difference.item().is_some() { Remedy::MoveAgain } else { remedy }
    });
    all.collect()
}

/// The remedy for a sequence that is not past the highest number.
pub fn sequence(found: &SequenceBehind, plan: &Plan) -> Remedy {
    let SequenceBehind { sequence, table, column, highest, repair, .. } = found;
    if let Some(repair) = repair {
        let columns = repair.narrow.iter().map(NarrowColumn::widening_sql);
        let bounds = repair.widens.then(|| widening_sql(sequence, repair.is_descending));
        let all = columns.chain(bounds).chain([setting_sql(sequence, repair.position)]);
        return Remedy::Sql(all.collect::<Vec<_>>().join(" "));
    }
    let Some(table) = plan.target_table(table) else {
        return Remedy::MoveAgain;
    };
    let name = table.qualified(sequence);
    Remedy::Sql(format!(
        "SELECT pg_catalog.setval({}, greatest({highest}, (SELECT pg_catalog.max({}) FROM {})));",
        quote_pg_literal(&name),
        quote_pg(column),
        table.qualified(&table.target)
    ))
}

/// The remedy for derived data that is not as the app would have made it.
pub fn derived(found: &DerivedDifference, plan: &Plan) -> Remedy {
    match found {
        DerivedDifference::ColumnNotFilled { table, column, .. } => {
            let mut unloaded = plan.trigger_filled();
            let unloaded = unloaded.find(|other| other.table == *table && other.column == *column);
            let sql = unloaded.and_then(|unloaded| fill_column_by_hand(plan, unloaded));
            let name = format!("{table}.{column}");
            sql.map_or_else(|| inspect(table, plan), |sql| Remedy::Fill { sql, name })
        }
        DerivedDifference::TableEmpty { schema, table, .. } => {
            let mut written = plan.written_tables.iter();
            let written = written.find(|other| other.schema == *schema && other.table == *table);
            let sql = written.and_then(|written| write_table_by_hand(plan, written));
            sql.map_or_else(|| inspect(table, plan), |sql| Remedy::Write { sql, name: table.clone() })
        }
        DerivedDifference::ViewNotPopulated { schema, view }
        | DerivedDifference::ViewStale { schema, view, .. } => {
            let sql = format!("REFRESH MATERIALIZED VIEW {};", qualified_pg(schema, view));
            Remedy::Fill { sql, name: view.clone() }
        }
    }
}

/// The remedy for a migration that is not listed.
pub fn missing_migration(migration: &MissingMigration) -> Remedy {
    Remedy::Sql(format!(
        "INSERT INTO {}.__diesel_schema_migrations (version) VALUES ({});",
        quote_pg(&migration.list_schema),
        quote_pg_literal(&migration.version)
    ))
}

/// The remedy for a difference of the list that the app's own migrator reads.
pub fn baseline(found: &BaselineDifference) -> Remedy {
    let baseline = &found.baseline;
    let list = baseline.name();
    let create =
        |rows: &[BaselineRow]| format!("{}; {};", baseline.create_missing_sql(), baseline.insert_sql(rows));
    Remedy::Sql(match &found.problem {
        BaselineProblem::ListMissing => create(&baseline.rows),
        BaselineProblem::ListNotReadable => format!(
            "ALTER TABLE {list} RENAME TO {}; {}",
            quote_pg(&format!("{}_before", baseline.table)),
            create(&baseline.rows)
        ),
        BaselineProblem::RowMissing { row } => format!("{};", baseline.insert_sql(std::slice::from_ref(row))),
        BaselineProblem::OtherHash { row } => format!(
            "UPDATE {list} SET hash = {} WHERE created_at = {};",
            quote_pg_literal(&row.hash),
            row.created_at_ms
        ),
        BaselineProblem::OtherTime { row, .. } => format!(
            "UPDATE {list} SET created_at = {} WHERE hash = {};",
            row.created_at_ms,
            quote_pg_literal(&row.hash)
        ),
        BaselineProblem::RowWithoutTime => {
            format!("UPDATE {list} SET created_at = 0 WHERE created_at IS NULL;")
        }
    })
}

/// The remedy for a default that does not do the same.
pub fn default(found: &DefaultDifference, plan: &Plan) -> Remedy {
    let column = plan
        .table(&found.table)
        .and_then(|table| Some((table, table.columns.iter().find(|column| column.source == found.column)?)));
    let Some((table, column)) = column else { return Remedy::MoveAgain };
    let (owner, name) = (table.qualified(&table.target), quote_pg(&column.target));
    let action = match &column.default {
        Some(default) => format!("SET DEFAULT {default}"),
        None => "DROP DEFAULT".to_owned(),
    };
    Remedy::Sql(format!("ALTER TABLE {owner} ALTER COLUMN {name} {action};"))
}

/// The remedy for a constraint that behaves differently. Findings of the schema check in its table come first.
pub fn constraint(found: &ConstraintDifference, schema: &[SchemaDifference], plan: &Plan) -> Remedy {
    let table = &found.constraint.table;
    match schema.iter().find(|difference| difference.table() == Some(table)) {
        Some(difference) => Remedy::With(subject(difference)),
        None => inspect(table, plan),
    }
}

/// The subject of a difference of the schema, such as `jobs: index by_name`.
fn subject(difference: &SchemaDifference) -> String {
    match (difference.table(), difference.item()) {
        (Some(table), Some(item)) => format!("{table}: {item}"),
        (Some(table), None) => format!("table {table}"),
        _ => "the schema".to_owned(),
    }
}

fn inspect(table: &str, plan: &Plan) -> Remedy {
    let planned = plan.target_table(table);
    let name = planned.map_or_else(|| quote_pg(table), |planned| planned.qualified(&planned.target));
    Remedy::Inspect(name)
}

/// Whether an app made the table, so that moving everything again does not create it.
fn is_of_app(table: &str, plan: &Plan) -> bool {
    plan.existing_tables().any(|(planned, _)| planned.target == table)
}

/// Moving everything again, where that helps.
fn move_again(table: &str, plan: &Plan) -> Remedy {
    if is_of_app(table, plan) { inspect(table, plan) } else { Remedy::MoveAgain }
}

/// Whether there is a difference of a constraint with this name in this table.
fn has_constraint(differences: &[SchemaDifference], table: &str, name: &str) -> bool {
    let is_it = |difference: &SchemaDifference| {
        difference.table() == Some(table)
            && difference.item().is_some_and(|item| item.is(ItemKind::Constraint, name))
    };
    differences.iter().any(is_it)
}

//! The statements that fill what the app derives from rows: columns that triggers fill, and materialized views.
//!
//! A trigger is called once more for each loaded row, on a temporary table of the same name and columns. Of what it does to the row, only
//! the columns that get no value from the source are copied: no loaded value is altered, and no other trigger is called.

use crate::identifier::{qualified_pg, quote_pg, quote_pg_list};
use crate::plan::{
    DerivedDecision, Plan, PlannedMaterializedView, PlannedTable, UnloadedColumn, WrittenTable,
};
use crate::target_schema::{TargetTable, TriggerEffect};

/// Code of the app finds its names as it does for the app, and the temporary table last.
const AS_THE_APP: [&str; 2] = [
    "SET LOCAL search_path TO DEFAULT",
    "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', \
     nullif(pg_catalog.current_setting('search_path'), ''), 'pg_temp'), true)",
];

/// What undoes [`AS_THE_APP`].
const AS_OURSELVES: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// The columns of the temporary table that identify the row.
const TABLE: &str = "migration_table";
const ROW: &str = "migration_row";

/// Something that is filled, and the statements that fill it.
pub(super) struct Fill {
    /// What it is, in words.
    pub(super) what: String,
    /// The statements, in their order.
    pub(super) statements: Vec<String>,
}

/// What is filled after the rows are loaded, by the decisions in the plan: columns first, then views, each after those that it reads.
pub(super) fn fills(plan: &Plan) -> Vec<Fill> {
    column_fills(plan).chain(view_fills(plan)).filter(|fill| !fill.statements.is_empty()).collect()
}

/// The columns that triggers fill after the rows are loaded: what each is, and the statements, which can be repeated when rows have
/// changed.
pub fn filled_columns(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let fills = column_fills(plan).filter(|fill| !fill.statements.is_empty());
    fills.map(|fill| (fill.what, fill.statements)).collect()
}

/// The same of materialized views.
pub fn filled_views(plan: &Plan) -> Vec<(String, Vec<String>)> {
    view_fills(plan).map(|fill| (fill.what, fill.statements)).collect()
}

fn column_fills(plan: &Plan) -> impl Iterator<Item = Fill> {
    let is_filled = |column: &&UnloadedColumn| column.decision == Some(DerivedDecision::Fill);
    let columns =
        plan.trigger_filled().filter(is_filled).filter(|column| !is_filled_by_the_load(plan, column));
    columns.map(|column| Fill {
        what: format!("column {}", column.full_name()),
        statements: fill_column(plan, column),
    })
}

fn view_fills(plan: &Plan) -> impl Iterator<Item = Fill> {
    let views = plan.materialized_views.iter().filter(|view| view.decision == Some(DerivedDecision::Fill));
    views.map(|view| Fill {
        what: format!("materialized view {}", view.name),
        statements: vec![AS_THE_APP[0].to_owned(), refresh(view), AS_OURSELVES.to_owned()],
    })
}

/// Whether a trigger that fills the column is called during the load.
fn is_filled_by_the_load(plan: &Plan, column: &UnloadedColumn) -> bool {
    let kept = plan.target_table(&column.table).and_then(|table| table.existing.as_ref());
    kept.is_some_and(|existing| {
        column
            .triggers()
            .iter()
            .any(|trigger| trigger.is_before && existing.kept_triggers.contains(&trigger.name))
    })
}

/// The SQL by which a person fills a column after the migration, in one transaction.
pub fn fill_column_by_hand(plan: &Plan, column: &UnloadedColumn) -> Option<String> {
    let table = plan.target_table(&column.table)?;
    let triggers = &table.existing.as_ref()?.table.triggers;
    let name = table.name_in_sql();
    let switch = |how: &str, always: &str| {
        let one = |trigger: &crate::target_schema::TargetTrigger| {
            let how = if trigger.is_always { always } else { how };
            format!("ALTER TABLE {name} {how} TRIGGER {}", quote_pg(&trigger.name))
        };
        triggers.iter().map(one).collect::<Vec<_>>()
    };
    let fill = fill_column(plan, column);
    let all = [
        vec!["BEGIN".to_owned()],
        switch("DISABLE", "DISABLE"),
        fill.clone(),
        switch("ENABLE", "ENABLE ALWAYS"),
    ];
    let statements: Vec<String> = all.concat().into_iter().chain(["COMMIT".to_owned()]).collect();
    (!fill.is_empty()).then(|| format!("{};", statements.join("; ")))
}

/// The statement that fills a materialized view.
fn refresh(view: &PlannedMaterializedView) -> String {
    format!("REFRESH MATERIALIZED VIEW {}", view.name_in_sql())
}

/// The statements that make the views that were filled as they were, once the loaded rows are gone.
pub(super) fn unfill(plan: &Plan) -> Vec<String> {
    let filled = plan.materialized_views.iter().filter(|view| view.decision == Some(DerivedDecision::Fill));
    let (populated, empty): (Vec<_>, Vec<_>) = filled.partition(|view| view.was_populated);
    let as_it_was = populated.into_iter().map(refresh);
    as_it_was.chain(empty.into_iter().map(|view| format!("{} WITH NO DATA", refresh(view)))).collect()
}

/// Calls the triggers of a column for all loaded rows.
fn fill_column(plan: &Plan, column: &UnloadedColumn) -> Vec<String> {
    let mut statements = Vec::new();
    if let Some(computed) = compute_in_row(plan, column) {
        statements.extend(computed.statements);
        statements.push(format!(
            "UPDATE {} AS o SET {1} = n.{1} FROM {2} AS n WHERE {3}",
            computed.table,
            quote_pg(&column.column),
            computed.temporary,
            computed.is_same_row
        ));
        statements.push(format!("DROP TABLE {}", computed.temporary));
        statements.push(AS_OURSELVES.to_owned());
    }
    let after = column.triggers().iter().filter(|trigger| !trigger.is_before);
    statements.extend(after.flat_map(|trigger| call_trigger(plan, &trigger.table, &trigger.name)));
    statements
}

/// The SQL by which a person has triggers write a table after the migration, in one transaction.
pub fn write_table_by_hand(plan: &Plan, written: &WrittenTable) -> Option<String> {
    let calls: Vec<String> = written
        .triggers
        .iter()
        .flat_map(|trigger| call_trigger(plan, &trigger.table, &trigger.name))
        .collect();
    (!calls.is_empty()).then(|| format!("BEGIN; {}; COMMIT;", calls.join("; ")))
}

/// Calls a trigger for all loaded rows of its table.
fn call_trigger(plan: &Plan, table: &str, trigger: &str) -> Vec<String> {
    let Some((table, existing)) = existing(plan, table) else { return Vec::new() };
    let Some(effect) = effect(existing, trigger) else { return Vec::new() };
    let columns = column_list(existing);
    let mut statements = AS_THE_APP.map(str::to_owned).to_vec();
    statements.extend([
        create_table(existing),
        create_trigger(existing, trigger, effect),
        format!(
            "INSERT INTO {} ({columns}) SELECT {columns} FROM {}",
            temporary(existing),
            table.loaded_rows_sql()
        ),
        format!("DROP TABLE {}", temporary(existing)),
        AS_OURSELVES.to_owned(),
    ]);
    statements
}

/// Rows as triggers change them before they are stored, in a temporary table.
pub struct ComputedRows {
    /// The statements that create and fill the temporary table.
    pub statements: Vec<String>,
    /// The temporary table, as SQL names it.
    pub temporary: String,
    /// The table, as SQL names it.
    pub table: String,
    /// The condition by which a row `n` of the temporary table is the row `o` of the table.
    pub is_same_row: String,
}

/// Computes a column in a temporary table as the triggers of its own table do; none where there are no such triggers.
pub fn compute_in_row(plan: &Plan, column: &UnloadedColumn) -> Option<ComputedRows> {
    let (table, existing) = existing(plan, &column.table)?;
    let triggers = column.triggers().iter().filter(|trigger| trigger.is_before);
    let triggers: Vec<String> = triggers
        .filter_map(|trigger| Some(create_trigger(existing, &trigger.name, effect(existing, &trigger.name)?)))
        .collect();
    if triggers.is_empty() {
        return None;
    }
    let (temporary, columns) = (temporary(existing), column_list(existing));
    let mut statements: Vec<String> = AS_THE_APP.map(str::to_owned).to_vec();
    statements.push(create_table(existing));
    statements.push(format!("ALTER TABLE {temporary} ADD COLUMN {TABLE} oid, ADD COLUMN {ROW} tid"));
    statements.extend(triggers);
    statements.push(format!(
        "INSERT INTO {temporary} ({columns}, {TABLE}, {ROW}) SELECT {columns}, tableoid, ctid FROM {}",
        table.loaded_rows_sql()
    ));
    let is_same_row =
        format!("o.tableoid OPERATOR(pg_catalog.=) n.{TABLE} AND o.ctid OPERATOR(pg_catalog.=) n.{ROW}");
    Some(ComputedRows { statements, temporary, table: table.name_in_sql(), is_same_row })
}

fn existing<'p>(plan: &'p Plan, target: &str) -> Option<(&'p PlannedTable, &'p TargetTable)> {
    let table = plan.target_table(target)?;
    Some((table, &table.existing.as_ref()?.table))
}

fn effect<'t>(table: &'t TargetTable, trigger: &str) -> Option<&'t TriggerEffect> {
    table.triggers.iter().find(|other| other.name == trigger)?.effect.as_ref()
}

fn temporary(table: &TargetTable) -> String {
    qualified_pg("pg_temp", &table.name)
}

fn create_table(table: &TargetTable) -> String {
    format!(
        "CREATE TEMPORARY TABLE {} (LIKE {})",
        quote_pg(&table.name),
        qualified_pg(&table.schema, &table.name)
    )
}

fn create_trigger(table: &TargetTable, name: &str, effect: &TriggerEffect) -> String {
    let when = if effect.is_before { "BEFORE" } else { "AFTER" };
    format!("CREATE TRIGGER {} {when} INSERT ON {} {}", quote_pg(name), temporary(table), effect.definition)
}

fn column_list(table: &TargetTable) -> String {
    quote_pg_list(table.columns.iter().map(|column| &column.name))
}

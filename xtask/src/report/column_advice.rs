//! Advice for the values of a column that prevent a migration from starting. Only what would let the next run begin is offered.

use migrate_core::identifier::quote_sqlite;
use migrate_core::mapping::{TomlKey, TomlText};
use migrate_core::plan::{Plan, PlannedColumn, PlannedTable};
use migrate_core::reject::OnReject;
use row_mover::source::preflight::{Findings, Offenders, Repair};

use super::problem::{Problem, REPAIR, Situation};
use crate::display::printable;

/// A column with values that cannot move, or the columns of a key.
pub(super) struct ColumnAdvice<'a> {
    table: &'a str,
    pub(super) offenders: &'a Offenders,
    /// The policy of the column alone.
    own_policy: Option<OnReject>,
    /// Whether its conversion was decided.
    is_fixed: bool,
    /// Whether a foreign key joins it with another column.
    is_joined: bool,
    /// Whether rows of its table may be skipped where a new plan knows of it.
    may_lose: bool,
    /// Whether its values may become NULL: no foreign key of the app's tables points to them.
    may_be_null: bool,
    /// Whether they may with the option of a command line.
    may_lose_by_option: bool,
    /// Whether rejects already exceed a limit.
    is_over_limit: bool,
}

/// The columns with values that cannot move.
pub(super) fn columns<'a>(
    situation: Situation<'a>,
    findings: &'a Findings,
    is_over_limit: bool,
) -> Vec<ColumnAdvice<'a>> {
    let plan = situation.plan;
    let mut columns = Vec::new();
    for found in &findings.tables {
        let table = plan.table(&found.table);
        let list = if is_over_limit { &found.rejects } else { &found.offenders };
        columns.extend(list.iter().map(|offenders| {
            let column =
                table.and_then(|table| table.columns.iter().find(|column| column.source == offenders.column));
            let decided = situation.mapping.and_then(|mapping| mapping.tables.get(&found.table));
            let decided = decided.and_then(|table| table.columns.get(&offenders.column));
            let is_referenced = table.is_some_and(|table| is_referenced(plan, table));
            let is_existing = table.is_some_and(|table| table.existing.is_some());
            // Rows of other tables would point to nothing. A plan that is made with the policy creates such foreign keys as NOT VALID;
            // those of an app are as they are.
            let may_lose = !is_referenced || !is_existing;
            let is_parent = table.zip(column).is_some_and(|(table, column)| is_parent(plan, table, column));
            ColumnAdvice {
                table: &found.table,
                offenders,
                own_policy: column.and_then(|column| column.on_reject),
                is_fixed: decided.is_some_and(|decided| decided.conversion.is_some()),
                is_joined: table.zip(column).is_some_and(|(table, column)| is_joined(plan, table, column)),
                may_lose,
                may_be_null: !is_parent || !is_existing,
                may_lose_by_option: may_lose && (!is_referenced || situation.mapping.is_some()),
                is_over_limit,
            }
        }));
    }
    columns
}

/// The options that solve what is wrong with all columns.
pub(super) fn options(situation: Situation<'_>, columns: &[ColumnAdvice<'_>]) -> Vec<String> {
    let policy = situation.plan.on_reject;
    // A column's own policy comes before that of the command line.
    let is_open = !columns.is_empty()
        && columns.iter().all(|column| column.own_policy.is_none() && !column.is_over_limit);
    let all = |helps: &dyn Fn(&ColumnAdvice<'_>) -> bool| is_open && columns.iter().all(helps);
    let can_change = situation.folder.is_none();
    let may_be_text = |column: &ColumnAdvice<'_>| column.offenders.remedies.text && !column.is_joined;
    let changes = |column: &ColumnAdvice<'_>| can_change && !column.is_fixed;
    [
        (all(&|column| column.can_skip()), "--on-reject skip   skips such rows and saves them in full"),
        (
            all(&|column| column.can_be_null()),
            "--on-reject null   makes such values NULL and saves the rows as they were",
        ),
        (
            policy != OnReject::Text && all(&|column| changes(column) && may_be_text(column)),
            "--on-reject text   makes such columns text",
        ),
        (
            policy != OnReject::Bytea
                && all(&|column| changes(column) && column.offenders.remedies.bytea && !may_be_text(column)),
            "--on-reject bytea  makes such columns bytea, with the bytes of every value",
        ),
    ]
    .into_iter()
    .filter(|(helps, _)| *helps)
    .map(|(_, words)| words.to_owned())
    .collect()
}

impl ColumnAdvice<'_> {
    fn can_skip(&self) -> bool {
        self.offenders.remedies.skip && self.may_lose_by_option
    }

    fn can_be_null(&self) -> bool {
        self.offenders.remedies.null && self.may_be_null
    }

    /// What is wrong with its values, and the remedies; policies in `mapping.toml` are left out where it is the only one, and options
    /// do the same.
    pub(super) fn problem(&self, is_only: bool, again: String) -> Problem {
        let remedies = self.offenders.remedies;
        let mut decisions = Vec::new();
        decisions.extend(remedies.round.map(|round| format!("round = {}", TomlText(round.name()))));
        if remedies.text && !self.is_joined {
            decisions.push("as = \"text_from_any\"".to_owned());
        } else if remedies.bytea && !self.is_joined {
            decisions.push("as = \"bytea_from_any\"".to_owned());
        }
        let is_asked =
            |by_option: bool| !self.is_over_limit && (!is_only || self.own_policy.is_some() || !by_option);
        let skip = remedies.skip && self.may_lose && is_asked(self.may_lose_by_option);
        let null = remedies.null && self.may_be_null && is_asked(self.may_be_null);
        decisions.extend(skip.then(|| "on_reject = \"skip\"".to_owned()));
        decisions.extend(null.then(|| "on_reject = \"null\"".to_owned()));
        if remedies.without_column {
            decisions.push(format!("skip = {}", TomlText("SQLite cannot compute it")));
        }
        let (table, column) = (TomlKey(self.table), TomlKey(&self.offenders.column));
        let mut lines: Vec<String> = self.repair().into_iter().collect();
        lines.extend(decisions.iter().map(|decision| {
            format!("in mapping.toml: [tables.{table}.columns], {column} = {{ {decision} }}")
        }));
        if remedies.without_column {
            lines.push(format!("in mapping.toml: [leave_behind], {table} = \"SQLite cannot compute it\""));
        }
        if remedies.plan_again && !is_only {
            lines.push(format!("make the plan again from this file: {again}"));
        }
        let name = printable(&format!("{}.{}", self.table, self.offenders.column));
        Problem { name, remedies: lines }
    }

    /// How the rows are repaired, if they can be.
    fn repair(&self) -> Option<String> {
        match self.offenders.remedies.repair {
            Repair::TurnedBack => None,
            Repair::ByHand => Some(REPAIR.to_owned()),
            Repair::Cast { from, to } => {
                let column = quote_sqlite(&self.offenders.column);
                Some(printable(&format!(
                    "{REPAIR}, such as: UPDATE {} SET {column} = CAST({column} AS {}) WHERE typeof({column}) = '{}';",
                    quote_sqlite(self.table),
                    to.to_string().to_uppercase(),
                    from.to_string().to_lowercase()
                )))
            }
        }
    }
}

/// Whether a foreign key of the plan joins the column with another one.
fn is_joined(plan: &Plan, table: &PlannedTable, column: &PlannedColumn) -> bool {
    let mut own = table.foreign_keys.iter().flat_map(|key| &key.columns);
    own.any(|name| *name == column.target) || is_parent(plan, table, column)
}

/// Whether a foreign key of the plan points to the column.
fn is_parent(plan: &Plan, table: &PlannedTable, column: &PlannedColumn) -> bool {
    (plan.tables.iter())
        .flat_map(|child| &child.foreign_keys)
        .filter(|key| key.parent_table == table.target)
        .flat_map(|key| &key.parent_columns)
        .any(|name| *name == column.target)
}

/// Whether a foreign key that holds for all rows points to the table.
fn is_referenced(plan: &Plan, table: &PlannedTable) -> bool {
    let keys = plan.tables.iter().flat_map(|child| &child.foreign_keys);
    keys.into_iter().any(|key| key.parent_table == table.target && !key.not_valid)
}

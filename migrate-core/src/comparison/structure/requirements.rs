//! What statements of repairs need: a statement that PostgreSQL would refuse undoes all others, so that it is left out.

mod keys;

use super::action::{Action, ColumnChange, mentions};
use super::live::{LiveIndex, LiveStructure};
use super::obstacles::{Obstacle, ObstacleKind as Kind};
use super::{Severity, Structure, StructureDifference, StructureProblem as Problem, Unrepaired};
use crate::identifier::{qualified_pg, quote_pg};
use crate::plan::{Plan, PlannedTable};
use crate::target_schema::{TargetColumn, TargetSchema};

/// What is known of the target.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// What the target would have, had it been made from the source.
    pub expected: &'a Plan,
    /// Its tables and columns.
    pub target: &'a TargetSchema,
    /// Its keys, indexes and constraints.
    pub live: &'a LiveStructure,
    /// What makes PostgreSQL refuse statements.
    pub obstacles: &'a [Obstacle],
}

impl StructureDifference {
    /// Whether a statement repairs it.
    pub fn is_repaired(&self) -> bool {
        self.severity != Severity::Remark && !self.repair.is_empty()
    }

    /// Removes its repair.
    pub fn leave_out(&mut self, reason: Unrepaired) {
        self.repair.clear();
        self.unrepaired = Some(reason);
    }
}

impl Requirements<'_> {
    /// Leaves out the repairs that cannot be made, and those that need one of them, until each that is left can be.
    pub fn leave_out(&self, found: &mut Structure) {
        self.take_invalid(found);
        loop {
            let all = &found.differences;
            let refused = |(place, found): (usize, &StructureDifference)| {
                (!found.repair.is_empty())
                    .then(|| self.refused(found, all))
                    .flatten()
                    .map(|reason| (place, reason))
            };
            let refused: Vec<(usize, Unrepaired)> = all.iter().enumerate().filter_map(refused).collect();
            if refused.is_empty() {
                return;
            }
            for (place, reason) in refused {
                found.differences[place].leave_out(reason);
            }
        }
    }

    /// An invalid index becomes what is missing, and one that is dropped is not built again.
    fn take_invalid(&self, found: &mut Structure) {
        for place in 0..found.differences.len() {
            let invalid = &found.differences[place];
            let (Problem::IndexInvalid { live }, Some(table)) = (&invalid.problem, &invalid.target) else {
                continue;
            };
            let (live, table, reindex) = (live.clone(), table.clone(), invalid.repair.clone());
            let drops = |other: &&StructureDifference| {
                other.is_repaired()
                    && other
                        .repair
                        .iter()
                        .any(|sql| Action::of(sql) == Action::DropIndex { name: live.clone() })
            };
            if let Some(dropped) = found.differences.iter().find(drops) {
                found.differences[place].repair = dropped.repair.clone();
                continue;
            }
            let index = self
                .live_table(&table)
                .and_then(|table| table.indexes.iter().find(|index| index.name == live));
            let Some(index) = index.filter(|_| !reindex.is_empty()) else { continue };
            let is_it = |other: &&mut StructureDifference| {
                other.target.as_ref() == Some(&table)
                    && other.is_repaired()
                    && self.is_same_index(other, index)
            };
            if let Some(missing) = found.differences.iter_mut().find(is_it) {
                missing.repair = reindex;
            }
        }
    }

    /// Whether an index is what is missing.
    fn is_same_index(&self, missing: &StructureDifference, index: &LiveIndex) -> bool {
        let (keys, condition, is_unique) = match &missing.problem {
            Problem::UniqueMissing { keys, condition, .. } => (keys, condition, true),
            Problem::IndexMissing { keys, condition, .. } => (keys, condition, false),
            _ => return false,
        };
        let table = missing.target.as_deref().unwrap_or_default();
        let is_same = |one: &str, other: &str| self.live.is_same_sql(table, one, other);
        let is_condition = match (condition, &index.condition) {
            (None, None) => true,
            (Some(one), Some(other)) => is_same(one, other),
            _ => false,
        };
        let directions = index.keys.iter().map(|key| key.is_descending);
        let is_ordered = is_unique || directions.eq(self.directions(missing, keys.len()));
        index.is_unique == is_unique
            && is_condition
            && is_ordered
            && keys.len() == index.keys.len()
            && keys.iter().zip(&index.keys).all(|(key, live)| match &live.column {
                Some(column) => *key == quote_pg(column),
                None => is_same(key, &live.sql),
            })
    }

    fn directions(&self, missing: &StructureDifference, keys: usize) -> Vec<bool> {
        let index = match &missing.problem {
            Problem::IndexMissing { index, .. } => {
                self.planned(missing).and_then(|table| planned_index(table, index))
            }
            _ => None,
        };
        index.map_or_else(
            || vec![false; keys],
            |index| index.columns.iter().map(|key| key.descending).collect(),
        )
    }

    fn planned(&self, found: &StructureDifference) -> Option<&PlannedTable> {
        self.expected.tables.iter().find(|table| Some(&table.source) == found.table.as_ref())
    }

    fn live_table(&self, name: &str) -> Option<&super::LiveTable> {
        self.live.tables.iter().find(|table| qualified_pg(&table.schema, &table.name) == name)
    }

    fn live_column(&self, table: &str, column: &str) -> Option<&TargetColumn> {
        self.target.tables.iter().find(|live| live.name_in_sql() == table)?.column(column)
    }

    /// The obstacles of a table, as SQL names it, and what is named there.
    fn of<'s>(&'s self, table: &'s str, name: &'s str) -> impl Iterator<Item = &'s Obstacle> {
        let is_it =
            move |found: &&Obstacle| found.name == name && qualified_pg(&found.schema, &found.table) == table;
        self.obstacles.iter().filter(is_it)
    }

    fn has(&self, table: &str, name: &str, kind: Kind) -> bool {
        self.of(table, name).any(|found| found.kind == kind)
    }

    fn objects(&self, table: &str, name: &str, kind: Kind) -> Vec<String> {
        let mut objects: Vec<String> = self
            .of(table, name)
            .filter(|found| found.kind == kind)
            .map(|found| found.object.clone())
            .collect();
        objects.sort();
        objects.dedup();
        objects
    }

    /// Why PostgreSQL would refuse a repair, given what is known and the other repairs.
    fn refused(&self, found: &StructureDifference, all: &[StructureDifference]) -> Option<Unrepaired> {
        let by_statement = |sql: &String| match Action::of(sql) {
            Action::Column { table, column, change } => {
                self.column_refused(found, all, (&table, &column), change)
            }
            Action::AddColumn { table } => match self.has(&table, "", Kind::Partition) {
                true => Some(Unrepaired::Inherited),
                false => used_by(self.objects(&table, "", Kind::RowType)),
            },
            Action::DropConstraint { table, name } => {
                match self.has(&table, &name, Kind::InheritedConstraint) {
                    true => Some(Unrepaired::Inherited),
                    false => self.index_refused(&table, &name, all),
                }
            }
            Action::DropIndex { name } => self.index_refused(found.target.as_deref()?, &name, all),
            Action::Reindex { .. } => {
                self.has(found.target.as_deref()?, "", Kind::Partitioned).then_some(Unrepaired::Partitioned)
            }
            Action::AddUnique => self.unique_refused(found),
            Action::AddForeignKey { table } => self.foreign_key_refused(found, &table, all, sql),
            Action::Other => None,
        };
        found.repair.iter().find_map(by_statement).or_else(|| self.object_refused(found, all))
    }

    fn column_refused(
        &self,
        found: &StructureDifference,
        all: &[StructureDifference],
        (table, column): (&str, &str),
        change: ColumnChange,
    ) -> Option<Unrepaired> {
        let live = self.live_column(table, column);
        let is_inherited = self.has(table, column, Kind::InheritedColumn);
        // The same repair may have made it an ordinary column before.
        let is_identity = live.is_some_and(|live| live.is_identity)
            && !found.repair.iter().any(|sql| sql.contains(" DROP IDENTITY"));
        match change {
            ColumnChange::Type | ColumnChange::Drop => {
                let mut objects = self.objects(table, column, Kind::NeedsColumn);
                objects.extend(self.objects(table, "", Kind::RowType));
                let along = self.objects(table, column, Kind::GoesWithColumn);
                match change {
                    _ if is_inherited => Some(Unrepaired::Inherited),
                    _ if self.has(table, column, Kind::PartitionKey)
                        || self.has(table, "", Kind::PartitionKey) =>
                    {
                        Some(Unrepaired::Partitioned)
                    }
                    _ if !objects.is_empty() => used_by(objects),
                    // An expression on an enum compares it with labels, which text is not.
                    ColumnChange::Type if matches!(found.problem, Problem::EnumAdded { .. }) => {
                        used_by(self.expressions_on(table, column))
                    }
                    ColumnChange::Drop if !along.is_empty() => {
                        Some(Unrepaired::LostWithColumn { objects: along })
                    }
                    _ => None,
                }
            }
            ColumnChange::DropNotNull if is_inherited => Some(Unrepaired::Inherited),
            ColumnChange::DropNotNull if is_identity || self.has(table, column, Kind::NeverNull) => {
                Some(Unrepaired::NeverNull)
            }
            ColumnChange::DropExpression if is_inherited => Some(Unrepaired::Inherited),
            ColumnChange::AddIdentity | ColumnChange::SetIdentity if self.has(table, "", Kind::Partition) => {
                Some(Unrepaired::Inherited)
            }
            ColumnChange::AddIdentity => self.numbering_refused(all, (table, column), live?),
            ColumnChange::Default if is_identity => Some(Unrepaired::Refused {
                message: format!("column {} is an identity column", quote_pg(column)),
            }),
            ColumnChange::Default
                if live.is_some_and(|live| live.is_generated)
                    && matches!(found.problem, Problem::Default { .. }) =>
            {
                Some(Unrepaired::Refused {
                    message: format!("column {} is a generated column", quote_pg(column)),
                })
            }
            _ => None,
        }
    }

    /// The CHECKs of a table and its indexes of expressions or with a condition that name a column.
    fn expressions_on(&self, table: &str, column: &str) -> Vec<String> {
        let Some(live) = self.live_table(table) else { return Vec::new() };
        let checks = live.checks.iter().filter(|check| mentions(&check.expression, column));
        let is_on = |index: &&LiveIndex| {
            let keys = index.keys.iter().filter(|key| key.column.is_none()).map(|key| &key.sql);
            keys.chain(&index.condition).any(|sql| mentions(sql, column))
        };
        let indexes = live.indexes.iter().filter(is_on).map(|index| format!("index {}", index.name));
        checks.map(|check| format!("constraint {}", check.name)).chain(indexes).collect()
    }

    fn numbering_refused(
        &self,
        all: &[StructureDifference],
        (table, column): (&str, &str),
        live: &TargetColumn,
    ) -> Option<Unrepaired> {
        if !live.can_be_numbered() {
            return Some(Unrepaired::NotNumbered { type_name: live.type_name.clone() });
        }
        let makes_not_null = |other: &StructureDifference| {
            other.is_repaired()
                && other.target.as_deref() == Some(table)
                && match &other.problem {
                    Problem::NotNullMissing { column: name } => name == column,
                    Problem::PrimaryKeyMissing { columns } => columns.iter().any(|name| name == column),
                    _ => false,
                }
        };
        let is_not_null = live.not_null || all.iter().any(makes_not_null);
        (!is_not_null).then(|| Unrepaired::TakesNull { column: column.to_owned() })
    }

    fn object_refused(&self, found: &StructureDifference, all: &[StructureDifference]) -> Option<Unrepaired> {
        let taken = |kind: Kind, name: &str| {
            let is_it = |other: &Obstacle| {
                other.kind == kind && other.name == name && other.schema == self.expected.target_schema
            };
            self.obstacles.iter().any(is_it).then(|| Unrepaired::NameTaken { name: name.to_owned() })
        };
        match &found.problem {
            Problem::ViewMissing { view } => {
                let view = self.expected.views.iter().find(|planned| planned.source == *view)?;
                taken(Kind::Name, &view.target).or_else(|| self.view_left_out(&view.query, all))
            }
            Problem::TriggerMissing { trigger } => {
                let trigger = self.expected.triggers.iter().find(|planned| planned.source == *trigger)?;
                let on = qualified_pg(&self.expected.target_schema, &trigger.table);
                let sql = format!(
                    "{} {} {}",
                    trigger.event,
                    trigger.condition.as_deref().unwrap_or_default(),
                    trigger.body
                );
                taken(Kind::Function, &trigger.function)
                    .or_else(|| self.view_left_out(&format!("{on} {sql}"), all))
                    .or_else(|| self.missing_column(&trigger.table, &sql, all))
            }
            _ => None,
        }
    }

    /// The view that SQL names, and that is missing and left out.
    fn view_left_out(&self, sql: &str, all: &[StructureDifference]) -> Option<Unrepaired> {
        let left_out =
            all.iter().filter(|other| other.repair.is_empty()).filter_map(|other| match &other.problem {
                Problem::ViewMissing { view } => {
                    self.expected.views.iter().find(|planned| planned.source == *view)
                }
                _ => None,
            });
        let named = |name: &str| {
            mentions(sql, name) || sql.contains(&qualified_pg(&self.expected.target_schema, name))
        };
        left_out
            .map(|view| &view.target)
            .find(|name| named(name))
            .map(|view| Unrepaired::ViewMissing { view: view.clone() })
    }

    /// A column that SQL names, of the table `own` or of one that it names, and that will not be there.
    fn missing_column(&self, own: &str, sql: &str, all: &[StructureDifference]) -> Option<Unrepaired> {
        let tables = self.expected.tables.iter();
        let tables = tables.filter(|table| table.target == own || sql.contains(&table.name_in_sql()));
        tables.flat_map(|table| table.columns.iter().map(move |column| (table, &column.target))).find_map(
            |(table, column)| {
                let name = table.name_in_sql();
                (!self.will_have(&name, column, all) && mentions(sql, column))
                    .then(|| Unrepaired::ColumnMissing { table: name, column: column.clone() })
            },
        )
    }

    /// Whether a table has a column once the repairs have run.
    fn will_have(&self, table: &str, column: &str, all: &[StructureDifference]) -> bool {
        let is_made = |other: &StructureDifference| {
            other.is_repaired()
                && other.target.as_deref() == Some(table)
                && other.problem.generated_column() == Some(column)
        };
        self.live_column(table, column).is_some() || all.iter().any(is_made)
    }
}

/// The planned index of this name, the source's or its own.
pub(super) fn planned_index<'t>(
    table: &'t PlannedTable,
    name: &str,
) -> Option<&'t crate::plan::PlannedIndex> {
    let is_it =
        |index: &&crate::plan::PlannedIndex| index.source.as_deref() == Some(name) || index.name == name;
    table.indexes.iter().find(is_it)
}

fn used_by(objects: Vec<String>) -> Option<Unrepaired> {
    (!objects.is_empty()).then_some(Unrepaired::UsedBy { objects })
}

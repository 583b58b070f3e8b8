//! A plan as a load carries it out: the reject policy of every column is settled, once, from the plan's default and the column's own.
//!
//! Whoever moves, counts or compares rows takes a [`LoadPlan`] or its [`LoadTables`], so that no caller can forget the policies.

use std::borrow::Cow;
use std::ops::Deref;

use crate::plan::{Plan, PlannedColumn, PlannedTable};
use crate::reject::OnReject;

/// A plan with settled reject policies. It borrows a plan that has nothing to settle, so that a plan of thousands of tables is not copied.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan<'p>(Cow<'p, Plan>);

/// Some tables of a [`LoadPlan`].
#[derive(Clone, Debug)]
pub struct LoadTables<'a>(Vec<&'a PlannedTable>);

/// What happens to a value that PostgreSQL cannot hold. There is no fourth case: `text` and `bytea` act when a plan is made, and a column that
/// is NOT NULL cannot become NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectAction {
    /// The migration stops.
    Stop,
    /// Its row is skipped.
    SkipRow,
    /// It becomes NULL.
    SetNull,
}

impl<'p> LoadPlan<'p> {
    /// Settles the policies of `plan`.
    pub fn new(plan: &'p Plan) -> LoadPlan<'p> {
        LoadPlan::settled(Cow::Borrowed(plan))
    }

    /// Settles the policies of `plan`, which nobody else needs.
    pub fn from_plan(plan: Plan) -> LoadPlan<'p> {
        LoadPlan::settled(Cow::Owned(plan))
    }

    /// Settles the policies of some tables of `plan`, and drops the other tables.
    pub fn of_tables(plan: &'p Plan, tables: &[&PlannedTable]) -> LoadPlan<'p> {
        if tables.len() == plan.tables.len() {
            return LoadPlan::new(plan);
        }
        let tables = tables.iter().map(|table| (*table).clone()).collect();
        LoadPlan::from_plan(Plan { tables, ..plan.without_tables() })
    }

    fn settled(mut plan: Cow<'p, Plan>) -> LoadPlan<'p> {
        let default = plan.on_reject;
        // Any other policy of the plan stops the migration, as a column without a policy does.
        if matches!(default, OnReject::Skip | OnReject::Null) {
            for column in plan.to_mut().tables.iter_mut().flat_map(|table| &mut table.columns) {
                column.on_reject = Some(column.policy(default));
            }
        }
        LoadPlan(plan)
    }

    /// The tables that `is_wanted` accepts.
    pub fn select(&self, is_wanted: impl Fn(&PlannedTable) -> bool) -> LoadTables<'_> {
        LoadTables(self.tables.iter().filter(|table| is_wanted(table)).collect())
    }
}

impl Deref for LoadPlan<'_> {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl LoadTables<'_> {
    /// Those of the tables that `is_wanted` accepts.
    #[must_use]
    pub fn retained(mut self, is_wanted: impl Fn(&PlannedTable) -> bool) -> Self {
        self.0.retain(|table| is_wanted(table));
        self
    }
}

impl<'a> Deref for LoadTables<'a> {
    type Target = [&'a PlannedTable];

    fn deref(&self) -> &[&'a PlannedTable] {
        &self.0
    }
}

impl RejectAction {
    /// The action for a column of a [`LoadPlan`].
    pub fn of(column: &PlannedColumn) -> RejectAction {
        match column.on_reject {
            Some(OnReject::Skip) => RejectAction::SkipRow,
            Some(OnReject::Null) if column.not_null => RejectAction::SkipRow,
            Some(OnReject::Null) => RejectAction::SetNull,
            Some(OnReject::Stop | OnReject::Text | OnReject::Bytea) | None => RejectAction::Stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> PlannedTable {
        let column = |name: &str, not_null: bool, on_reject: serde_json::Value| {
            let mut column = serde_json::json!({
                "source": name, "target": name, "declared": "TEXT", "type": "text", "conversion": "text",
                "not_null": not_null, "source_not_null": not_null, "why": "a test"
            });
            if !on_reject.is_null() {
                column["on_reject"] = on_reject;
            }
            column
        };
        let json = serde_json::json!({
            "source": name, "target": name, "without_rowid": false, "rowid": "rowid", "primary_key": null, "unique": [],
            "foreign_keys": [], "indexes": [], "columns": [
                column("nullable", false, serde_json::Value::Null),
                column("not_null", true, serde_json::Value::Null),
                column("own", false, "skip".into()),
                column("own_null", true, "null".into()),
            ]
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_plans_policy_holds_where_a_column_has_none() {
        use RejectAction::{SetNull, SkipRow, Stop};
        for (policy, expected) in [
            (OnReject::Stop, [Stop, Stop, SkipRow, SkipRow]),
            (OnReject::Text, [Stop, Stop, SkipRow, SkipRow]),
            (OnReject::Bytea, [Stop, Stop, SkipRow, SkipRow]),
            (OnReject::Skip, [SkipRow, SkipRow, SkipRow, SkipRow]),
            (OnReject::Null, [SetNull, SkipRow, SkipRow, SkipRow]),
        ] {
            let plan =
                Plan { tables: vec![table("t")], on_reject: policy, ..Plan::empty("public".to_owned()) };
            let found =
                LoadPlan::new(&plan).tables[0].columns.iter().map(RejectAction::of).collect::<Vec<_>>();
            assert_eq!(found, expected, "{policy}");
        }
    }

    #[test]
    fn a_plan_is_copied_only_where_a_policy_has_to_be_settled() {
        use OnReject::{Bytea, Null, Skip, Stop, Text};
        for (on_reject, is_copied) in
            [(Stop, false), (Text, false), (Bytea, false), (Skip, true), (Null, true)]
        {
            let plan =
                Plan { tables: vec![table("a"), table("b")], on_reject, ..Plan::empty("public".to_owned()) };
            let all: Vec<&PlannedTable> = plan.tables.iter().collect();
            for load in [LoadPlan::new(&plan), LoadPlan::of_tables(&plan, &all)] {
                assert_eq!(!std::ptr::eq(&*load, &plan), is_copied, "{on_reject}");
                assert_eq!(load.tables.len(), 2);
            }
            assert_eq!(LoadPlan::of_tables(&plan, &all[1..]).tables.len(), 1);
        }
    }

    #[test]
    fn some_tables_keep_their_policies() {
        let plan = Plan {
            tables: vec![table("a"), table("b")],
            on_reject: OnReject::Skip,
            ..Plan::empty("public".to_owned())
        };
        let part = LoadPlan::of_tables(&plan, &[&plan.tables[1]]);
        let names =
            |tables: &LoadTables<'_>| tables.iter().map(|table| table.source.clone()).collect::<Vec<_>>();
        assert_eq!(names(&part.select(|_| true)), ["b"]);
        assert_eq!(RejectAction::of(&part.tables[0].columns[0]), RejectAction::SkipRow);
        let both = LoadPlan::new(&plan);
        assert_eq!(names(&both.select(|table| table.source == "a")), ["a"]);
        assert!(both.select(|_| true).retained(|_| false).is_empty());
    }
}

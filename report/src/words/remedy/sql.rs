//! The statements that repair a difference of the schema, by the kind of item that differs.

use migrate_core::finding::{ColumnChange, ItemKind, SchemaDifference, SchemaItem};
use migrate_core::identifier::{qualified_pg, quote_pg, quote_pg_literal};
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render::{Repaired, repair};

use super::{Remedy, has_constraint, inspect, is_of_app, move_again};

/// How a definition ends of a constraint that has not checked all rows.
const NOT_VALIDATED: &str = " (not validated)";

/// The text that the description prints for a table whose foreign keys lack triggers, while none is disabled.
const CHECKING_ON: &str = "on";

/// The remedy for one of `all` differences.
pub(super) fn remedy(difference: &SchemaDifference, all: &[SchemaDifference], plan: &Plan) -> Remedy {
    match difference {
        SchemaDifference::TableMissing { table } => move_again(table, plan),
        SchemaDifference::ItemMissing { table, item, planned } => {
            Item { table, item, all, plan }.restored(None, planned)
        }
        SchemaDifference::ItemDiffers { table, item, live, planned } => {
            Item { table, item, all, plan }.restored(Some(live), planned)
        }
        SchemaDifference::ItemUnplanned { table, item, .. } => Item { table, item, all, plan }.dropped(),
        SchemaDifference::ObjectUnplanned { schema, object, name } => {
            let name = qualified_pg(schema, name);
            Remedy::Drop(format!("DROP {} {name};", object.to_uppercase()))
        }
        SchemaDifference::KeptRowsMissing { .. } => Remedy::RestoreRows,
        SchemaDifference::DieselSchemaDiffers { command, .. } => Remedy::Generate(command.clone()),
    }
}

/// An item that differs, among all that does.
struct Item<'a> {
    table: &'a str,
    item: &'a SchemaItem,
    all: &'a [SchemaDifference],
    plan: &'a Plan,
}

impl Item<'_> {
    fn planned_table(&self) -> Option<&PlannedTable> {
        self.plan.target_table(self.table)
    }

    /// The table, view, sequence or function, as SQL names it.
    fn owner(&self) -> String {
        let numbered = |table: &&PlannedTable| {
            table.sequence_column().is_some_and(|(_, sequence)| sequence == self.table)
        };
        let table = self.planned_table().or_else(|| self.plan.tables.iter().find(numbered));
        match table {
            Some(table) => table.qualified(self.table),
            None => qualified_pg(&self.plan.target_schema, self.table),
        }
    }

    fn name(&self) -> &str {
        self.item.name.as_deref().unwrap_or_default()
    }

    fn alter(&self, action: &str) -> Remedy {
        Remedy::Sql(format!("ALTER TABLE {} {action};", self.owner()))
    }

    fn again(&self) -> Remedy {
        move_again(self.table, self.plan)
    }

    /// Creates the plan's object again.
    fn restored(&self, live: Option<&str>, planned: &str) -> Remedy {
        if self.plan.views.iter().any(|view| view.target == self.table) && self.item.item != ItemKind::Trigger
        {
            return self.view(live);
        }
        match (self.item.item, live) {
            (ItemKind::Column, Some(live)) => self.column(live, planned),
            (ItemKind::Constraint, _) => self.constraint(live.is_some(), planned),
            (ItemKind::Index, _) => self.index(live.is_some(), planned),
            (ItemKind::Trigger, _) => self.trigger(planned),
            (ItemKind::Function, _) => self.function(),
            (ItemKind::Sequence, Some(_)) => self.sequence(),
            (ItemKind::Persistence, Some(_)) => self.alter("SET LOGGED"),
            (ItemKind::RowLevelSecurity, Some(_)) => {
                self.alter("DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
            }
            // Missing triggers of a foreign key do not return when all are enabled.
            (ItemKind::ConstraintChecking, Some(live)) if !live.starts_with(CHECKING_ON) => {
                self.alter("ENABLE TRIGGER ALL")
            }
            _ => self.again(),
        }
    }

    fn column(&self, live: &str, planned: &str) -> Remedy {
        let Some(change) = ColumnChange::between(live, planned) else { return self.again() };
        let name = quote_pg(self.name());
        let mut actions = Vec::new();
        match change.not_null {
            Some(true) => actions.push(format!("ALTER COLUMN {name} SET NOT NULL")),
            Some(false) => actions.push(format!("ALTER COLUMN {name} DROP NOT NULL")),
            None => {}
        }
        match change.default {
            Some(Some(default)) => {
                actions.push(format!("ALTER COLUMN {name} SET DEFAULT {}", self.default(default)));
            }
            Some(None) => actions.push(format!("ALTER COLUMN {name} DROP DEFAULT")),
            None => {}
        }
        self.alter(&actions.join(", "))
    }

    /// The plan's own default where it has one, which names everything with its schema.
    fn default(&self, described: &str) -> String {
        let column = self
            .planned_table()
            .filter(|table| table.existing.is_none())
            .and_then(|table| Some((table, table.target_column(self.name())?)));
        match column {
            Some((table, column)) => match (&column.sequence, &column.default) {
                (Some(sequence), _) => {
                    format!("nextval({})", quote_pg_literal(&table.qualified(sequence)))
                }
                (None, Some(default)) => default.clone(),
                (None, None) => described.to_owned(),
            },
            None => described.to_owned(),
        }
    }

    fn constraint(&self, is_there: bool, planned: &str) -> Remedy {
        let Some(table) = self.planned_table() else { return self.again() };
        let quoted = quote_pg(self.name());
        let owner = self.owner();
        // Of an app's constraint only the description is known.
        let made = repair(self.plan, Repaired::Constraint(table, self.name())).unwrap_or_else(|| {
            let definition = planned.strip_suffix(NOT_VALIDATED).unwrap_or(planned);
            format!("ALTER TABLE {owner} ADD CONSTRAINT {quoted} {definition}")
        });
        let drop =
            if is_there { format!("ALTER TABLE {owner} DROP CONSTRAINT {quoted}; ") } else { String::new() };
        Remedy::Sql(format!("{drop}{made};"))
    }

    fn index(&self, is_there: bool, planned: &str) -> Remedy {
        if has_constraint(self.all, self.table, self.name()) {
            return Remedy::With(format!("constraint {}", self.name()));
        }
        let Some(table) = self.planned_table() else { return self.again() };
        let made = repair(self.plan, Repaired::Index(table, self.name()));
        let made = match made {
            None if is_of_app(self.table, self.plan) => planned.to_owned(),
            None => return self.again(),
            Some(made) => made,
        };
        let drop = match is_there {
            true => format!("DROP INDEX {}; ", table.qualified(self.name())),
            false => String::new(),
        };
        Remedy::Sql(format!("{drop}{made};"))
    }

    fn trigger(&self, planned: &str) -> Remedy {
        let made = repair(self.plan, Repaired::Trigger(self.table, self.name()));
        let made = match made {
            None if is_of_app(self.table, self.plan) => planned.to_owned(),
            None => return self.again(),
            Some(made) => made,
        };
        let drop = format!("DROP TRIGGER IF EXISTS {} ON {}", quote_pg(self.name()), self.owner());
        Remedy::Sql(format!("{drop}; {made};"))
    }

    fn function(&self) -> Remedy {
        match repair(self.plan, Repaired::Function(self.table)) {
            Some(made) => Remedy::Sql(format!("{};", made.replacen("CREATE ", "CREATE OR REPLACE ", 1))),
            None => self.again(),
        }
    }

    /// A view is created again for all of its items, by the one that is its query or that it is a table.
    fn view(&self, live: Option<&str>) -> Remedy {
        let is_kind = |difference: &&SchemaDifference| {
            difference.table() == Some(self.table)
                && matches!(difference, SchemaDifference::ItemDiffers { .. })
                && difference.item().is_some_and(|item| item.item == ItemKind::RelationKind)
        };
        let kind = self.all.iter().find(is_kind);
        if self.item.item != if kind.is_some() { ItemKind::RelationKind } else { ItemKind::Query } {
            return Remedy::With(format!(
                "{}: {}",
                self.table,
                if kind.is_some() { "kind" } else { "query" }
            ));
        }
        let Some(made) = repair(self.plan, Repaired::View(self.table)) else { return self.again() };
        let drop = match (kind, live) {
            (Some(_), Some(kind)) => {
                let relation =
                    if kind == "partitioned table" { "TABLE".to_owned() } else { kind.to_uppercase() };
                format!("DROP {relation} {}; ", self.owner())
            }
            _ => String::new(),
        };
        let made = if drop.is_empty() { made.replacen("CREATE ", "CREATE OR REPLACE ", 1) } else { made };
        Remedy::Sql(format!("{drop}{made};"))
    }

    /// The plan's definition of sequences.
    fn sequence(&self) -> Remedy {
        let table = self.plan.tables.iter().find_map(|table| {
            let (column, sequence) = table.sequence_column()?;
            (sequence == self.table).then_some((table, column))
        });
        let Some((table, column)) = table else { return self.again() };
        let owned_by = match column.numbering.is_serial() {
            true => format!(" OWNED BY {}.{}", table.qualified(&table.target), quote_pg(&column.target)),
            false => String::new(),
        };
        let owner = self.owner();
        Remedy::Sql(format!(
            "ALTER SEQUENCE {owner} AS {} INCREMENT BY 1 NO MINVALUE NO MAXVALUE START WITH 1 NO CYCLE{owned_by}; \
             ALTER SEQUENCE {owner} SET LOGGED;",
            column.target_type
        ))
    }

    /// Drops an object that the plan does not have.
    fn dropped(&self) -> Remedy {
        let (owner, name) = (self.owner(), quote_pg(self.name()));
        if self.plan.views.iter().any(|view| view.target == self.table) && self.item.item != ItemKind::Trigger
        {
            return self.view(None);
        }
        let sql = match self.item.item {
            ItemKind::Column => format!("ALTER TABLE {owner} DROP COLUMN {name};"),
            ItemKind::Constraint => format!("ALTER TABLE {owner} DROP CONSTRAINT {name};"),
            ItemKind::Index if has_constraint(self.all, self.table, self.name()) => {
                return Remedy::With(format!("constraint {}", self.name()));
            }
            ItemKind::Index => {
                let schema = self.planned_table().map(PlannedTable::schema_name);
                format!(
                    "DROP INDEX {};",
                    qualified_pg(schema.unwrap_or(&self.plan.target_schema), self.name())
                )
            }
            ItemKind::Trigger => format!("DROP TRIGGER {name} ON {owner};"),
            ItemKind::Rule => format!("DROP RULE {name} ON {owner};"),
            // The name of another table is printed as SQL names it, and arguments as they are.
            ItemKind::InheritingTable => format!("ALTER TABLE {} NO INHERIT {owner};", self.name()),
            ItemKind::ParentTable => format!("ALTER TABLE {owner} NO INHERIT {};", self.name()),
            ItemKind::Function => format!("DROP FUNCTION {owner}{};", self.name()),
            _ => return inspect(self.table, self.plan),
        };
        Remedy::Drop(sql)
    }
}

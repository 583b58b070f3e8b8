//! What keys and foreign keys need of each other.

use super::super::action::Action;
use super::super::live::LiveIndex;
use super::super::obstacles::ObstacleKind as Kind;
use super::super::{StructureDifference, StructureProblem as Problem, Unrepaired};
use super::{Requirements, used_by};
use crate::identifier::{qualified_pg, quote_pg};

impl Requirements<'_> {
    /// Why an index cannot be dropped, or the constraint that made it.
    pub(super) fn index_refused(
        &self,
        table: &str,
        name: &str,
        all: &[StructureDifference],
    ) -> Option<Unrepaired> {
        if self.has(table, name, Kind::InheritedIndex) {
            return Some(Unrepaired::Inherited);
        }
        let is_dropped = |[schema, child, name]: &[String; 3]| {
            let drop = Action::DropConstraint { table: qualified_pg(schema, child), name: name.clone() };
            all.iter()
                .filter(|other| other.is_repaired())
                .flat_map(|other| &other.repair)
                .any(|sql| Action::of(sql) == drop)
        };
        let needs = self.of(table, name).filter(|found| found.kind == Kind::NeedsIndex);
        let needs = needs.filter(|found| !found.foreign_key.as_ref().is_some_and(is_dropped));
        used_by(needs.map(|found| found.object.clone()).collect())
    }

    /// What is unique in a partitioned table is so in each partition alone.
    pub(super) fn unique_refused(&self, found: &StructureDifference) -> Option<Unrepaired> {
        let table = found.target.as_deref()?;
        let names =
            || self.obstacles.iter().filter(|other| qualified_pg(&other.schema, &other.table) == table);
        let keys: Vec<String> = match &found.problem {
            Problem::PrimaryKeyMissing { columns } | Problem::PrimaryKeyOrder { columns, .. } => {
                columns.iter().map(|column| quote_pg(column)).collect()
            }
            Problem::UniqueMissing { keys, .. }
            | Problem::UniqueNulls { keys, .. }
            | Problem::UniqueDeferrable { keys, .. } => keys.clone(),
            _ => Vec::new(),
        };
        names()
            .any(|other| other.kind == Kind::PartitionKey && !keys.contains(&quote_pg(&other.name)))
            .then_some(Unrepaired::PartitionKey)
    }

    pub(super) fn foreign_key_refused(
        &self,
        found: &StructureDifference,
        table: &str,
        all: &[StructureDifference],
        sql: &str,
    ) -> Option<Unrepaired> {
        let (parent, columns) = self.referenced(found)?;
        if let Some(column) = columns.iter().find(|column| !self.will_have(&parent, column, all)) {
            return Some(Unrepaired::ColumnMissing { table: parent, column: column.clone() });
        }
        if sql.ends_with(" NOT VALID;") && self.has(table, "", Kind::Partitioned) {
            return Some(Unrepaired::BrokenByRows);
        }
        if self.has(&parent, "", Kind::Unlogged) && !self.has(table, "", Kind::Unlogged) {
            return Some(Unrepaired::Unlogged { parent });
        }
        let is_key = !self.is_unique(&parent, &columns, all);
        is_key.then_some(Unrepaired::NoKey { parent, columns })
    }

    /// The table that a foreign key references, as SQL names it, and its columns.
    fn referenced(&self, found: &StructureDifference) -> Option<(String, Vec<String>)> {
        match &found.problem {
            Problem::ForeignKeyMissing { parent, parent_columns, .. } => {
                let parent = self.expected.tables.iter().find(|table| table.target == *parent)?;
                Some((parent.name_in_sql(), parent_columns.clone()))
            }
            Problem::ForeignKeyDiffers { live, .. } => {
                let table = self.live_table(found.target.as_deref()?)?;
                let key = table.foreign_keys.iter().find(|key| key.name == *live)?;
                Some((qualified_pg(&key.parent_schema, &key.parent), key.parent_columns.clone()))
            }
            _ => None,
        }
    }

    /// Whether something keeps exactly these columns unique once the repairs have run, so that a foreign key can reference them.
    fn is_unique(&self, table: &str, columns: &[String], all: &[StructureDifference]) -> bool {
        let wanted: Vec<String> = columns.iter().map(|column| quote_pg(column)).collect();
        let is_same =
            |keys: &[String]| keys.len() == wanted.len() && wanted.iter().all(|key| keys.contains(key));
        let repaired =
            || all.iter().filter(|other| other.is_repaired() && other.target.as_deref() == Some(table));
        let is_dropped = |name: &str| {
            repaired().flat_map(|other| &other.repair).any(|sql| match Action::of(sql) {
                Action::DropIndex { name: dropped } | Action::DropConstraint { name: dropped, .. } => {
                    dropped == name
                }
                _ => false,
            })
        };
        let serves = |index: &LiveIndex| {
            let keys: Option<Vec<String>> =
                index.keys.iter().map(|key| key.column.as_deref().map(quote_pg)).collect();
            index.is_unique
                && index.condition.is_none()
                && keys.is_some_and(|keys| is_same(&keys))
                && !self.has(table, &index.name, Kind::DeferrableIndex)
        };
        let indexes = || self.live_table(table).into_iter().flat_map(|table| &table.indexes);
        let makes = |other: &StructureDifference| match &other.problem {
            Problem::PrimaryKeyMissing { columns } => {
                is_same(&columns.iter().map(|column| quote_pg(column)).collect::<Vec<_>>())
            }
            Problem::UniqueMissing { keys, condition: None, .. }
            | Problem::UniqueNulls { keys, .. }
            | Problem::UniqueDeferrable { keys, .. } => is_same(keys),
            Problem::IndexInvalid { live } => indexes().any(|index| index.name == *live && serves(index)),
            _ => false,
        };
        indexes().any(|index| index.is_valid && serves(index) && !is_dropped(&index.name))
            || repaired().any(makes)
    }
}

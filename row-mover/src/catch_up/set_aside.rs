//! Sets aside what would prevent changes that are right as a whole, or add to them, and puts it back: triggers, the immediate check of
//! foreign keys, constraints that the plan has as NOT VALID, and constraints that the order of the changes would break.
//!
//! All of it happens before the first change and after the last one, since PostgreSQL alters no table with checks to come.

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;

use super::relations::{ForeignKey, Relations, Trigger, UniqueIndex};
use super::staged::StagedTable;
use crate::error::{Error, Result};
use crate::remedy::Remedy;

/// The statements that set everything aside, and those that put it back.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    before: Vec<String>,
    /// Each with what it is about, for its error.
    after: Vec<(String, String)>,
    /// The foreign keys that are dropped.
    dropped: Vec<(String, String)>,
}

impl SetAside {
    /// Sets aside what every catch-up has to: triggers that are not called during a load, and constraints that are NOT VALID.
    pub(super) fn usual(&mut self, relations: &Relations, staged: &[StagedTable<'_>]) {
        for trigger in &relations.triggers {
            let kept = staged.iter().filter(|table| table.name == trigger.table);
            let mut kept = kept.filter_map(|table| table.table.existing.as_ref());
            if !kept.any(|existing| existing.kept_triggers.contains(&trigger.name)) {
                self.trigger(trigger);
            }
        }
        // Rows that break a key which is NOT VALID are loaded like any other, and it would act on those that follow.
        let not_valid = relations.foreign_keys.iter().filter(|key| key.definition.ends_with("NOT VALID"));
        not_valid.for_each(|key| self.drop_foreign_key(key));
        for table in staged {
            for check in table.table.checks.iter().filter(|check| check.not_valid) {
                let name = quote_pg(&check.name);
                self.before.push(format!("ALTER TABLE {} DROP CONSTRAINT {name}", table.name));
                let add = format!(
                    "ALTER TABLE {} ADD CONSTRAINT {name} CHECK ({}) NOT VALID",
                    table.name, check.expression
                );
                self.after.push((format!("constraint {} of {}", check.name, table.name), add));
            }
        }
    }

    /// Lets the foreign keys that are left be checked at the end. It comes last, since it is of no use for those that are dropped.
    pub(super) fn defer(&mut self, relations: &Relations) {
        for key in relations.foreign_keys.iter().filter(|key| !key.is_deferrable) {
            if self.has_dropped(key) {
                continue;
            }
            let alter = |how: &str| {
                format!("ALTER TABLE {} ALTER CONSTRAINT {} {how}", key.child, quote_pg(&key.name))
            };
            self.before.push(alter("DEFERRABLE"));
            self.after.push((format!("foreign key {} of {}", key.name, key.child), alter("NOT DEFERRABLE")));
        }
    }

    fn trigger(&mut self, trigger: &Trigger) {
        let switch =
            |how: &str| format!("ALTER TABLE {} {how} TRIGGER {}", trigger.table, quote_pg(&trigger.name));
        self.before.push(switch("DISABLE"));
        let on = switch(if trigger.is_always { "ENABLE ALWAYS" } else { "ENABLE" });
        self.after.push((format!("trigger {} of {}", trigger.name, trigger.table), on));
    }

    /// Whether a foreign key is dropped already.
    pub(super) fn has_dropped(&self, key: &ForeignKey) -> bool {
        self.dropped.iter().any(|(table, name)| *table == key.child && *name == key.name)
    }

    /// Drops a foreign key, and adds it again afterwards: PostgreSQL checks all rows then, unless it was NOT VALID.
    pub(super) fn drop_foreign_key(&mut self, key: &ForeignKey) {
        if self.has_dropped(key) {
            return;
        }
        self.dropped.push((key.child.clone(), key.name.clone()));
        let name = quote_pg(&key.name);
        self.before.push(format!("ALTER TABLE {} DROP CONSTRAINT {name}", key.child));
        let mut add = format!("ALTER TABLE {} ADD CONSTRAINT {name} {}", key.child, key.definition);
        if let Some(comment) = &key.comment {
            let comment = quote_pg_literal(comment);
            add.push_str(&format!("; COMMENT ON CONSTRAINT {name} ON {} IS {comment}", key.child));
        }
        self.after.push((format!("foreign key {} of {}", key.name, key.child), add));
    }

    /// Drops a unique index or its constraint, with the foreign keys that need it, and makes it again afterwards.
    pub(super) fn drop_unique(&mut self, index: &UniqueIndex, relations: &Relations) {
        let name = quote_pg(&index.name);
        let needing = relations.foreign_keys.iter().filter(|key| key.index == index.full_name);
        needing.for_each(|key| self.drop_foreign_key(key));
        let (drop, mut add) = match index.is_constraint {
            true => (
                format!("ALTER TABLE {} DROP CONSTRAINT {name}", index.table),
                format!("ALTER TABLE {} {}", index.table, index.create),
            ),
            false => (format!("DROP INDEX {}", index.full_name), index.create.clone()),
        };
        if let Some(comment) = &index.comment {
            let comment = quote_pg_literal(comment);
            let object = match index.is_constraint {
                true => format!("CONSTRAINT {name} ON {}", index.table),
                false => format!("INDEX {}", index.full_name),
            };
            add.push_str(&format!("; COMMENT ON {object} IS {comment}"));
        }
        self.before.push(drop);
        // Before the foreign keys that need it.
        self.after.insert(0, (format!("unique key {} of {}", index.name, index.table), add));
    }

    /// Runs the statements that set everything aside, and were not run yet.
    ///
    /// # Errors
    /// When the target refuses.
    pub(super) fn set_aside(&mut self, target: &mut Connection) -> Result<()> {
        for sql in std::mem::take(&mut self.before) {
            if let Err(refused) = target.guarded(&sql, Then::Keep)? {
                return Err(Error::new("a constraint or trigger cannot be set aside for the changes")
                    .caused_by(refused)
                    .with_remedy_text("connect as the owner of the tables, and run the same command again"));
            }
        }
        Ok(())
    }

    /// Runs the statements that put everything back.
    ///
    /// # Errors
    /// When the target refuses, such as a key that rows break.
    pub(super) fn put_back(&self, target: &mut Connection) -> Result<()> {
        for (what, sql) in &self.after {
            if let Err(refused) = target.guarded(sql, Then::Keep)? {
                return Err(Error::new(format!("{what}: rows of the source break it"))
                    .caused_by(refused)
                    .with_remedy_value(Remedy::RepairSourceAndCatchUp));
            }
        }
        Ok(())
    }
}

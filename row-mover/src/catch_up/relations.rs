//! What PostgreSQL knows of the changed tables: the foreign keys from and to them, their unique indexes, triggers and rules.

use std::collections::BTreeMap;

use migrate_core::identifier::qualified_pg;
use postgres_client::connection::{Connection, Row, text_array};

use crate::error::{Context, Error, Result};

/// A foreign key that concerns a changed table.
#[derive(Clone, Debug)]
pub(super) struct ForeignKey {
    /// Its name.
    pub(super) name: String,
    /// The table that has it, as SQL names it.
    pub(super) child: String,
    /// The table that it points to, as SQL names it.
    pub(super) parent: String,
    /// The columns of the child.
    pub(super) child_columns: Vec<String>,
    /// The columns of the parent.
    pub(super) parent_columns: Vec<String>,
    /// Whether anything but an error follows when a parent is deleted, or an error at once (RESTRICT).
    pub(super) acts_on_delete: bool,
    /// The same when the parent's columns are changed.
    pub(super) acts_on_update: bool,
    /// Whether it can be deferred.
    pub(super) is_deferrable: bool,
    /// Its definition.
    pub(super) definition: String,
    /// Its comment.
    pub(super) comment: Option<String>,
    /// The index of the parent that it needs.
    pub(super) index: String,
}

/// A unique index or an exclusion constraint of a changed table.
#[derive(Clone, Debug)]
pub(super) struct UniqueIndex {
    /// The table, as SQL names it.
    pub(super) table: String,
    /// Its name, which is that of its constraint, too.
    pub(super) name: String,
    /// As SQL names it.
    pub(super) full_name: String,
    /// The statement that makes it.
    pub(super) create: String,
    /// Whether a constraint has it.
    pub(super) is_constraint: bool,
    /// Its columns; none where it has an expression or a condition.
    pub(super) columns: Option<Vec<String>>,
    /// Those of its columns that may be NULL, where NULL is equal to nothing.
    pub(super) nullable: Vec<String>,
    /// Its comment.
    pub(super) comment: Option<String>,
}

/// A trigger of a changed table that is on.
#[derive(Clone, Debug)]
pub(super) struct Trigger {
    /// The table, as SQL names it.
    pub(super) table: String,
    /// Its name.
    pub(super) name: String,
    /// Whether it is called in a replica, too.
    pub(super) is_always: bool,
}

/// Everything that concerns the changed tables.
#[derive(Debug, Default)]
pub(super) struct Relations {
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) unique_indexes: Vec<UniqueIndex>,
    pub(super) triggers: Vec<Trigger>,
}

/// A relation by schema and name.
const NAME: &str = "pg_catalog.json_build_array(n.nspname, c.relname)";

impl Relations {
    /// Reads them.
    ///
    /// # Errors
    /// When the target refuses, or a rule would act on the changes.
    pub(super) fn of_tables(names: &[&str], target: &mut Connection) -> Result<Relations> {
        let failed = || "the constraints of the target cannot be read";
        let names = text_array(names.iter().map(|name| Some(*name)));
        refuse_rules(&names, target)?;
        let foreign_keys = target.query(&foreign_keys_sql(), &[Some(&names)]).context(failed)?;
        let unique = target.query(&unique_sql(), &[Some(&names)]).context(failed)?;
        let triggers = target.query(&triggers_sql(), &[Some(&names)]).context(failed)?;
        let trigger =
            |row: &Row| Ok(Trigger { table: qualified(row, 0)?, name: row.get(1)?, is_always: row.get(2)? });
        Ok(Relations {
            foreign_keys: foreign_keys.iter().map(foreign_key).collect::<Result<_>>()?,
            unique_indexes: unique.iter().map(unique_index).collect::<Result<_>>()?,
            triggers: triggers.iter().map(trigger).collect::<Result<_>>()?,
        })
    }

    /// The places of `tables` in an order in which each table comes before those that it points to, as far as cycles allow.
    pub(super) fn children_first(&self, tables: &[&str]) -> Vec<usize> {
        let place: BTreeMap<&str, usize> =
            tables.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        let mut children_left = vec![0_usize; tables.len()];
        let mut parents = vec![Vec::new(); tables.len()];
        for key in &self.foreign_keys {
            if let (Some(&child), Some(&parent)) =
                (place.get(key.child.as_str()), place.get(key.parent.as_str()))
                && child != parent
            {
                children_left[parent] += 1;
                parents[child].push(parent);
            }
        }
        let (mut order, mut is_placed) = (Vec::with_capacity(tables.len()), vec![false; tables.len()]);
        while order.len() < tables.len() {
            let free = (0..tables.len()).find(|table| !is_placed[*table] && children_left[*table] == 0);
            // On a cycle any table may come first.
            let Some(next) = free.or_else(|| is_placed.iter().position(|is_placed| !is_placed)) else {
                break;
            };
            is_placed[next] = true;
            order.push(next);
            for &parent in &parents[next] {
                children_left[parent] = children_left[parent].saturating_sub(1);
            }
        }
        order
    }
}

fn refuse_rules(names: &str, target: &mut Connection) -> Result<()> {
    let sql = "SELECT n.nspname || '.' || c.relname, r.rulename FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.ev_class = ANY($1::pg_catalog.regclass[]) \
         AND r.ev_type IN ('2', '3', '4') AND r.ev_enabled <> 'D' LIMIT 1";
    let found: Option<(String, String)> =
        target.first(sql, &[Some(names)]).context(|| "the rules of the target cannot be read")?;
    match found {
        None => Ok(()),
        Some((table, rule)) => {
            Err(Error::new(format!("table {table} has the rule {rule}, which would act on the changes"))
                .with_remedy_text("disable the rule in the target, and run the same command again"))
        }
    }
}

fn foreign_keys_sql() -> String {
    let table = |column: &str| {
        format!(
            "(SELECT {NAME} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = k.{column})"
        )
    };
    let columns = |relation: &str, key: &str| {
        format!(
            "(SELECT pg_catalog.json_agg(a.attname ORDER BY u.place) FROM unnest(k.{key}) WITH ORDINALITY AS u (attnum, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.{relation} AND a.attnum = u.attnum)"
        )
    };
    format!(
        "SELECT k.conname, {}, {}, {}, {}, k.confdeltype <> 'a', k.confupdtype <> 'a', k.condeferrable, \
         pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.obj_description(k.oid, 'pg_constraint'), {} \
         FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 \
         AND (k.conrelid = ANY($1::pg_catalog.regclass[]) OR k.confrelid = ANY($1::pg_catalog.regclass[])) ORDER BY k.oid",
        table("conrelid"),
        table("confrelid"),
        columns("conrelid", "conkey"),
        columns("confrelid", "confkey"),
        table("conindid"),
    )
}

fn foreign_key(row: &Row) -> Result<ForeignKey> {
    Ok(ForeignKey {
        name: row.get(0)?,
        child: qualified(row, 1)?,
        parent: qualified(row, 2)?,
        child_columns: names(row, 3)?,
        parent_columns: names(row, 4)?,
        acts_on_delete: row.get(5)?,
        acts_on_update: row.get(6)?,
        is_deferrable: row.get(7)?,
        definition: row.get(8)?,
        comment: row.get(9)?,
        index: qualified(row, 10)?,
    })
}

fn unique_sql() -> String {
    format!(
        "SELECT (SELECT {NAME} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = i.indrelid), \
         c.relname, {NAME}, coalesce('ADD CONSTRAINT ' || pg_catalog.quote_ident(k.conname) || ' ' || pg_catalog.pg_get_constraintdef(k.oid), \
         pg_catalog.pg_get_indexdef(i.indexrelid)), k.oid IS NOT NULL, i.indexprs IS NULL AND i.indpred IS NULL AND NOT i.indisexclusion, \
         (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (attnum, place) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum WHERE u.place <= i.indnkeyatts), \
         (SELECT coalesce(pg_catalog.json_agg(a.attname ORDER BY u.place), '[]') FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (attnum, place) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum WHERE u.place <= i.indnkeyatts \
         AND NOT a.attnotnull AND a.attgenerated = '' AND pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct' IS DISTINCT FROM 'true'), \
         coalesce(pg_catalog.obj_description(k.oid, 'pg_constraint'), pg_catalog.obj_description(c.oid, 'pg_class')) \
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x') \
         WHERE i.indrelid = ANY($1::pg_catalog.regclass[]) AND (i.indisunique OR i.indisexclusion) ORDER BY i.indexrelid"
    )
}

fn unique_index(row: &Row) -> Result<UniqueIndex> {
    let is_plain: bool = row.get(5)?;
    Ok(UniqueIndex {
        table: qualified(row, 0)?,
        name: row.get(1)?,
        full_name: qualified(row, 2)?,
        create: row.get(3)?,
        is_constraint: row.get(4)?,
        columns: if is_plain { Some(names(row, 6)?) } else { None },
        nullable: if is_plain { names(row, 7)? } else { Vec::new() },
        comment: row.get(8)?,
    })
}

fn triggers_sql() -> String {
    format!(
        "SELECT {NAME}, g.tgname, g.tgenabled = 'A' FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE g.tgrelid = ANY($1::pg_catalog.regclass[]) \
         AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') AND g.tgparentid = 0 ORDER BY g.tgrelid, g.tgname"
    )
}

/// A relation as SQL names it.
fn qualified(row: &Row, column: usize) -> Result<String> {
    let [schema, name] = <[String; 2]>::try_from(names(row, column)?)
        .map_err(|_| Error::new("the constraints of the target cannot be read"))?;
    Ok(qualified_pg(&schema, &name))
}

/// A JSON array of names.
fn names(row: &Row, column: usize) -> Result<Vec<String>> {
    let json = row.text(column).unwrap_or("[]");
    serde_json::from_str(json).context(|| "the constraints of the target cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_come_before_their_parents_and_a_cycle_ends() {
        let key = |child: &str, parent: &str| ForeignKey {
            name: "k".to_owned(),
            child: child.to_owned(),
            parent: parent.to_owned(),
            child_columns: Vec::new(),
            parent_columns: Vec::new(),
            acts_on_delete: false,
            acts_on_update: false,
            is_deferrable: false,
            definition: String::new(),
            comment: None,
            index: String::new(),
        };
        let order = |keys: &[(&str, &str)]| {
            let foreign_keys = keys.iter().map(|(child, parent)| key(child, parent)).collect();
            Relations { foreign_keys, ..Relations::default() }.children_first(&["a", "b", "c"])
        };
        assert_eq!(order(&[]), [0, 1, 2]);
        assert_eq!(order(&[("c", "b"), ("b", "a"), ("a", "a"), ("c", "elsewhere")]), [2, 1, 0]);
        assert_eq!(order(&[("a", "b"), ("b", "a"), ("c", "a")]), [2, 0, 1]);
        assert_eq!(order(&[("a", "b"), ("a", "b"), ("b", "a")]), [2, 0, 1]);
    }
}

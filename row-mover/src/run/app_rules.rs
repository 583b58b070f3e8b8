//! The rules of an app's table that only PostgreSQL can judge, and a temporary copy of the table that has them: CHECKs, domains, generated
//! columns, indexes on expressions, with a condition or with an equality of their own, EXCLUDE constraints, partitions, and foreign keys to
//! tables that get no rows.
//!
//! Plain keys and foreign keys between planned tables are checked in the source, which costs less.

use std::collections::BTreeMap;

use migrate_core::identifier::{qualified_pg, quote_pg, quote_pg_list};
use migrate_core::plan::{ExistingTable, PlannedTable};

use crate::error::{Context, Result};
use postgres_client::connection::{Connection, text_array};

/// The error where the rules cannot be read.
const FAILED: fn() -> &'static str = || "the rules of the target's tables cannot be read";

/// The name of the copy; those of its partitions have a number after it.
const COPY: &str = "migration_trial";

/// The table and its partitions, those above before those beneath.
const RELATIONS_SQL: &str = "SELECT c.oid::text, format('%I.%I', n.nspname, c.relname), t.parentrelid::oid::text, \
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, pg_get_expr(c.relpartbound, c.oid) \
    FROM (SELECT relid, parentrelid, level FROM pg_partition_tree(to_regclass($1)) \
          UNION ALL SELECT to_regclass($1), NULL, 0 WHERE NOT EXISTS (SELECT FROM pg_partition_tree(to_regclass($1)))) AS t \
    JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY t.level, c.oid";

/// The columns: whether one is NOT NULL and not generated, whether its values have rules, and a default that moves nothing.
const COLUMNS_SQL: &str = "SELECT a.attname::text, a.attnotnull AND a.attgenerated = '', \
    t.typtype = 'd' OR a.attgenerated <> '' OR t.typnamespace <> 'pg_catalog'::regnamespace AND t.typtype <> 'e' AND t.typname <> 'citext', \
    CASE WHEN a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) !~* 'nextval' AND NOT EXISTS (SELECT FROM pg_depend p \
         WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_proc'::regclass) \
         THEN pg_get_expr(d.adbin, d.adrelid) END \
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Whether a domain of a column calls a function of the app that is not IMMUTABLE: it may read tables, or leave something behind.
const HAS_CALLING_DOMAIN_SQL: &str = "WITH RECURSIVE beneath AS (SELECT a.atttypid AS type FROM pg_attribute a \
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
        UNION SELECT t.typbasetype FROM beneath b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
    SELECT EXISTS (SELECT FROM beneath b JOIN pg_constraint k ON k.contypid = b.type JOIN pg_depend p ON p.classid = 'pg_constraint'::regclass \
                   AND p.objid = k.oid AND p.refclassid = 'pg_proc'::regclass JOIN pg_proc f ON f.oid = p.refobjid WHERE f.provolatile <> 'i')";

/// The CHECKs and EXCLUDE constraints. A CHECK that calls a function of the app which may read tables is judged by the load alone.
const CONSTRAINTS_SQL: &str = "SELECT k.conrelid::text, k.conname::text, k.contype = 'x', pg_get_constraintdef(k.oid), \
    EXISTS (SELECT FROM pg_depend p JOIN pg_proc f ON f.oid = p.refobjid WHERE p.classid = 'pg_constraint'::regclass AND p.objid = k.oid \
            AND p.refclassid = 'pg_proc'::regclass AND f.provolatile <> 'i') \
    FROM pg_constraint k WHERE k.conrelid = ANY ($1::text[]::oid[]) AND k.contype IN ('c', 'x') ORDER BY k.conrelid, k.conname";

/// The indexes that may refuse what a plain key does not, each with what follows USING in its definition.
const INDEXES_SQL: &str = "SELECT x.indrelid::text, i.relname::text, x.indisunique, \
    substr(pg_get_indexdef(i.oid), length(format('CREATE %sINDEX %I ON %I.%I USING ', CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END, \
           i.relname, n.nspname, c.relname)) + 1) \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE x.indrelid = ANY ($1::text[]::oid[]) AND c.relkind <> 'p' AND NOT x.indisexclusion AND x.indisready \
    AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL OR x.indisunique AND (x.indnullsnotdistinct OR EXISTS ( \
        SELECT FROM pg_collation l WHERE l.oid = ANY (x.indcollation) AND NOT l.collisdeterministic))) ORDER BY x.indrelid, i.relname";

/// A foreign key to a table that gets no rows.
pub(super) struct OuterKey {
    /// Its name.
    pub(super) name: String,
    /// The table that it references, as SQL names it.
    pub(super) parent: String,
    /// Its columns, with those that they reference.
    pub(super) columns: Vec<(String, String)>,
    /// Whether no part may be NULL unless all are.
    pub(super) is_full: bool,
}

/// The rules of a table.
pub(super) struct AppRules {
    /// The statements that make the copy; none where the copy has no rule.
    pub(super) copy: Vec<String>,
    /// Whether a row is judged by the others.
    pub(super) compares_rows: bool,
    /// The foreign keys to tables that get no rows.
    pub(super) outer_keys: Vec<OuterKey>,
}

/// The copy, as SQL names it.
pub(super) fn copy_name() -> String {
    format!("pg_temp.{COPY}_0")
}

/// A relation: the table itself or a partition.
type Relation = (String, String, Option<String>, Option<String>, Option<String>);

impl AppRules {
    /// Reads the rules of a table into which `sent` are sent.
    pub(super) fn read(
        target: &mut Connection,
        sent: &PlannedTable,
        existing: &ExistingTable,
    ) -> Result<AppRules> {
        let name = existing.name_in_sql();
        let relations: Vec<Relation> = target.load(RELATIONS_SQL, &[Some(&name)]).context(FAILED)?;
        let columns: Vec<(String, bool, bool, Option<String>)> =
            target.load(COLUMNS_SQL, &[Some(&name)]).context(FAILED)?;
        let oids = text_array(relations.iter().map(|(oid, ..)| Some(oid)));
        let constraints: Vec<(String, String, bool, String, bool)> =
            target.load(CONSTRAINTS_SQL, &[Some(&oids)]).context(FAILED)?;
        let indexes: Vec<(String, String, bool, String)> =
            target.load(INDEXES_SQL, &[Some(&oids)]).context(FAILED)?;
        let outer_keys = outer_keys(sent, existing);
        let has_rules = relations.len() > 1
            || columns.iter().any(|(_, _, has_rules, _)| *has_rules)
            || constraints.iter().any(|(.., reads_tables)| !reads_tables)
            || !indexes.is_empty();
        let compares_rows = constraints.iter().any(|(_, _, is_exclusion, ..)| *is_exclusion)
            || indexes.iter().any(|(_, _, is_unique, _)| *is_unique);
        let has_calling_domain: bool = target.one(HAS_CALLING_DOMAIN_SQL, &[Some(&name)]).context(FAILED)?;
        if !has_rules || has_calling_domain {
            return Ok(AppRules { copy: Vec::new(), compares_rows, outer_keys });
        }
        let is_sent = |name: &str| sent.target_column(name).is_some();
        let open: Vec<String> = (columns.iter())
            .filter(|(name, is_not_null, ..)| *is_not_null && !is_sent(name))
            .map(|(name, ..)| format!("ALTER COLUMN {} DROP NOT NULL", quote_pg(name)))
            .collect();
        let numbers: BTreeMap<&str, usize> =
            relations.iter().enumerate().map(|(number, (oid, ..))| (oid.as_str(), number)).collect();
        let copy_of = |oid: &str| format!("pg_temp.{COPY}_{}", numbers.get(oid).copied().unwrap_or_default());
        let mut copy = Vec::new();
        for (oid, original, parent, key, bound) in &relations {
            let name = copy_of(oid);
            let partitioned = key.as_ref().map(|key| format!(" PARTITION BY {key}")).unwrap_or_default();
            copy.push(format!(
                "CREATE TABLE {name} (LIKE {original} INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE \
                 INCLUDING COMPRESSION){partitioned}"
            ));
            if !open.is_empty() {
                copy.push(format!("ALTER TABLE {name} {}", open.join(", ")));
            }
            let skipped = constraints.iter().filter(|(of, .., reads_tables)| of == oid && *reads_tables);
            copy.extend(
                skipped
                    .map(|(_, check, ..)| format!("ALTER TABLE {name} DROP CONSTRAINT {}", quote_pg(check))),
            );
            if let (Some(parent), Some(bound)) = (parent, bound)
                && numbers.contains_key(parent.as_str())
            {
                copy.push(format!("ALTER TABLE {} ATTACH PARTITION {name} {bound}", copy_of(parent)));
            }
        }
        for (column, _, _, default) in &columns {
            if let Some(default) = default.as_ref().filter(|_| !is_sent(column)) {
                copy.push(format!(
                    "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {default}",
                    copy_name(),
                    quote_pg(column)
                ));
            }
        }
        let is_partitioned =
            |oid: &str| relations.iter().any(|(of, _, _, key, _)| of == oid && key.is_some());
        for (oid, name, is_exclusion, definition, _) in &constraints {
            if *is_exclusion && !is_partitioned(oid) {
                copy.push(format!(
                    "ALTER TABLE {} ADD CONSTRAINT {} {definition}",
                    copy_of(oid),
                    quote_pg(name)
                ));
            }
        }
        for (oid, name, is_unique, definition) in &indexes {
            let unique = if *is_unique { "UNIQUE " } else { "" };
            copy.push(format!(
                "CREATE {unique}INDEX {} ON {} USING {definition}",
                quote_pg(name),
                copy_of(oid)
            ));
        }
        Ok(AppRules { copy, compares_rows, outer_keys })
    }

    /// Whether there is nothing to try.
    pub(super) fn is_empty(&self) -> bool {
        self.copy.is_empty() && self.outer_keys.is_empty()
    }
}

/// The statement that copies the rows of `from` that stay in the table.
pub(super) fn copy_kept_sql(existing: &ExistingTable, from: &str) -> String {
    let columns = existing.table.columns.iter().filter(|column| !column.is_generated);
    let columns = quote_pg_list(&columns.map(|column| column.name.clone()).collect::<Vec<_>>());
    format!("INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {from}", copy_name())
}

/// The foreign keys that are valid, of which all columns are sent, and whose parents get no rows.
fn outer_keys(sent: &PlannedTable, existing: &ExistingTable) -> Vec<OuterKey> {
    let is_outer = |name: &str| sent.foreign_keys.iter().all(|key| key.name != name);
    let keys = existing.table.foreign_keys.iter().filter(|key| {
        is_outer(&key.name)
            && !key.definition.ends_with("NOT VALID")
            && key.columns.iter().all(|column| sent.target_column(column).is_some())
    });
    keys.map(|key| OuterKey {
        name: key.name.clone(),
        parent: qualified_pg(key.parent_schema.as_ref().unwrap_or(&existing.table.schema), &key.parent),
        columns: key.columns.iter().cloned().zip(key.parent_columns.iter().cloned()).collect(),
        is_full: key.definition.contains(" MATCH FULL"),
    })
    .collect()
}

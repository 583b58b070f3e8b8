//! Reads what schemas of the target hold: the tables that an app made there, as facts for a plan.
//!
//! What a table is like is described by the statement that validation compares with; here is what a plan needs to know beyond that.

use std::collections::BTreeMap;

use migrate_core::identifier::qualified_pg;
use migrate_core::mapping::{DEFAULT_SCHEMA, Mapping};
use migrate_core::plan::{Plan, PlannedTable, Seeds};
use migrate_core::target_schema::{
    PartitionTrigger, SwitchedTrigger, TargetColumn, TargetFact, TargetForeignKey, TargetKey, TargetSchema,
    TargetTable, TargetTrigger,
};

use super::describe::describe_existing;
use super::sequences::Sequences;
use super::{materialized_views, trigger_effects};
use crate::error::{Context, Error, Result};
use postgres_client::connection::{Connection, FromText, Row, text_array};

/// The schemas of the search path that a session of the app has by default: as the server, the database, the role and the URL set it.
const SEARCH_PATH_SQL: &str = "SELECT pg_catalog.to_json(ARRAY(SELECT s FROM pg_catalog.unnest(pg_catalog.current_schemas(false)::pg_catalog.text[]) AS s \
    WHERE s OPERATOR(pg_catalog.!~) '^(pg_|migration$|migration_)'))";

/// The tables in the schemas $1, but for those of extensions and the parts of partitioned ones.
const TABLES_SQL: &str = "SELECT c.oid::text, n.nspname::text AS schema, c.relname::text AS name, pg_has_role(c.relowner, 'USAGE') AS is_ours, \
    EXISTS (SELECT FROM pg_class h JOIN pg_namespace m ON m.oid = h.relnamespace WHERE h.relname = c.relname \
        AND array_position($1::text[], m.nspname::text) < array_position($1::text[], n.nspname::text)) AS is_hidden, \
    to_json(ARRAY(SELECT DISTINCT CASE WHEN o.relnamespace = c.relnamespace THEN to_json(ARRAY[o.relname::text])::text \
              ELSE to_json(ARRAY[m.nspname::text, o.relname::text])::text END \
          FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid JOIN pg_namespace m ON m.oid = o.relnamespace \
          WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid AND k.conparentid = 0 ORDER BY 1)) AS referenced_by, \
    pg_has_role(c.relowner, 'USAGE') AND NOT row_security_active(c.oid) AS can_be_counted \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e') \
    ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\"";

/// The columns, each with the type beneath its domains.
const COLUMNS_SQL: &str = "WITH RECURSIVE beneath AS ( \
        SELECT a.attrelid, a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null \
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT b.attrelid, b.attnum, t.typbasetype, \
        CASE WHEN t.typtypmod <> -1 THEN t.typtypmod ELSE b.modifier END, b.not_null OR t.typnotnull \
        FROM beneath b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
    SELECT c.oid::text, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type_name, \
    CASE WHEN t.typtype = 'e' THEN 'enum' WHEN t.typnamespace = 'pg_catalog'::regnamespace OR t.typname = 'citext' \
         THEN t.typname::text ELSE '' END AS base, \
    b.modifier, to_json(ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)) AS labels, \
    b.not_null, coalesce(pg_get_expr(d.adbin, d.adrelid), (SELECT pg_get_expr(o.typdefaultbin, 0) FROM pg_type o WHERE o.oid = a.atttypid)) AS default_sql, a.attidentity <> '' AS is_identity, \
    a.attgenerated <> '' AS is_generated, \
    (SELECT format('%I.%I', n.nspname, s.relname) FROM pg_depend p JOIN pg_class s ON s.relkind = 'S' \
     JOIN pg_namespace n ON n.oid = s.relnamespace \
     WHERE p.classid = 'pg_class'::regclass AND p.objid = s.oid AND p.refclassid = 'pg_class'::regclass \
       AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i' \
       OR p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass AND p.refobjid = s.oid \
     ORDER BY 1 LIMIT 1) AS sequence \
    FROM beneath b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd' \
    JOIN pg_attribute a ON a.attrelid = b.attrelid AND a.attnum = b.attnum JOIN pg_class c ON c.oid = a.attrelid \
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum ORDER BY c.oid, a.attnum";

/// What keeps rows unique: keys and unique indexes on plain columns, without a condition.
const KEYS_SQL: &str = "SELECT c.oid::text, i.relname::text AS name, x.indisprimary AS is_primary, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place) \
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.place <= x.indnkeyatts ORDER BY k.place)) AS columns \
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND x.indisunique AND x.indisvalid AND x.indpred IS NULL \
    AND x.indexprs IS NULL ORDER BY 1, 2";

/// The foreign keys, but for those that partitions have of their table.
const FOREIGN_KEYS_SQL: &str = "SELECT c.oid::text, k.conname::text AS name, \
    CASE WHEN p.relnamespace <> c.relnamespace THEN m.nspname::text END AS parent_schema, p.relname::text AS parent, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place)) AS columns, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)) AS parent_columns, \
    pg_get_constraintdef(k.oid) AS definition, obj_description(k.oid, 'pg_constraint') AS comment, \
    to_json(ARRAY(SELECT f.proname::text FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid \
          WHERE g.tgconstraint = k.oid AND g.tgparentid = 0 AND g.tgenabled <> 'O' ORDER BY f.proname)) AS switched, \
    to_json(ARRAY(SELECT CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END \
          FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid \
          WHERE g.tgconstraint = k.oid AND g.tgparentid = 0 AND g.tgenabled <> 'O' ORDER BY f.proname)) AS how \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_namespace m ON m.oid = p.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2";

/// The app's triggers that fire for an ordinary session.
const TRIGGERS_SQL: &str = "SELECT c.oid::text, g.tgname::text AS name, g.tgenabled = 'A' AS is_always \
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND NOT g.tgisinternal AND g.tgparentid = 0 \
    AND g.tgenabled IN ('O', 'A') ORDER BY 1, 2";

/// The triggers of partitions that are not switched with those of their table.
const PARTITION_TRIGGERS_SQL: &str = "WITH RECURSIVE top AS (SELECT oid, oid AS first FROM pg_trigger WHERE tgparentid = 0 \
        UNION ALL SELECT g.oid, t.first FROM pg_trigger g JOIN top t ON g.tgparentid = t.oid) \
    SELECT c.oid::text, format('%I.%I', m.nspname, p.relname) AS partition, g.tgname::text AS name, \
    CASE g.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END AS how \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    CROSS JOIN LATERAL pg_partition_tree(c.oid) AS t JOIN pg_class p ON p.oid = t.relid AND p.oid <> c.oid \
    JOIN pg_namespace m ON m.oid = p.relnamespace JOIN pg_trigger g ON g.tgrelid = p.oid AND NOT g.tgisinternal \
    JOIN top ON top.oid = g.oid JOIN pg_trigger f ON f.oid = top.first \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'p' AND NOT c.relispartition \
    AND CASE WHEN f.tgrelid = c.oid AND f.tgenabled IN ('O', 'A') THEN g.tgenabled <> f.tgenabled ELSE g.tgenabled IN ('O', 'A') END \
    ORDER BY c.oid, t.level, 2, 3";

/// The names of all relations.
const RELATIONS_SQL: &str = "SELECT DISTINCT c.relname::text COLLATE \"C\" AS name FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1::text[]) ORDER BY 1";

/// The tables in other schemas than these.
const OUTSIDE_SQL: &str = "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname <> ALL ($1::text[]) AND n.nspname !~ '^(pg_|migration$|migration_)' AND n.nspname <> 'information_schema' \
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2";

/// The tables that are read, by OID.
type Tables = BTreeMap<String, TargetTable>;

/// Reads the schemas in which `mapping` looks for tables of an app, and counts the rows of each table.
///
/// # Errors
/// When the catalog or a table cannot be read, or a schema does not exist.
pub fn introspect(target: &mut Connection, mapping: &Mapping) -> Result<TargetSchema> {
    let mut schema = read(target, mapping, Rows::Counted)?;
    let names: Vec<&str> = schema.schemas.iter().map(String::as_str).collect();
    let mut sequences = Sequences::read(target, &names)?;
    trigger_effects::add(target, &names, &mut schema.tables, &mut sequences)?;
    schema.sequences = sequences.into_facts();
    Ok(schema)
}

/// Reads the same schemas as they are declared: no row is counted, and no default or trigger is tried, so that the right to SELECT is
/// enough and a read-only transaction will do.
///
/// # Errors
/// When the catalog cannot be read, or a schema does not exist.
pub(crate) fn introspect_declared(target: &mut Connection, mapping: &Mapping) -> Result<TargetSchema> {
    let sequences = Sequences::declared(target)?.into_facts();
    Ok(TargetSchema { sequences, ..read(target, mapping, Rows::NotCounted)? })
}

/// Whether the rows of tables are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Counted,
    NotCounted,
}

/// Reads everything but the sequences and the effects of triggers.
fn read(target: &mut Connection, mapping: &Mapping, rows: Rows) -> Result<TargetSchema> {
    let mut schemas = match mapping.target_schemas() {
        [] => search_path(target)?,
        named => named.to_vec(),
    };
    schemas.extend(mapping.table_schemas().map(str::to_owned));
    let schemas = existing_schemas(target, &schemas)?;
    let names = text_array(schemas.iter().map(Some));
    let mut reader = Reader { target, schemas: names, tables: Tables::new() };
    reader.read_tables(rows)?;
    reader.read_columns()?;
    reader.read_keys()?;
    reader.read_triggers()?;
    let relations = reader.rows(RELATIONS_SQL)?;
    let relations = relations.iter().map(|row| row.get(0)).collect::<Result<Vec<String>>>()?;
    let outside = reader.rows(OUTSIDE_SQL)?;
    let outside = outside.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_>>()?;
    let mut tables: Vec<TargetTable> = reader.tables.into_values().collect();
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    for schema in &schemas {
        let own: Vec<&str> =
            tables.iter().filter(|table| table.schema == *schema).map(|table| table.name.as_str()).collect();
        let lines = describe_existing(target, schema, &own)?;
        for line in lines {
            let table =
                tables.iter_mut().find(|table| table.schema == *schema && table.name == line.table_name);
            if let Some(table) = table {
                table.facts.push(TargetFact { item: line.item, definition: line.definition });
            }
        }
    }
    let materialized_views = materialized_views::read(target)?;
    Ok(TargetSchema { schemas, tables, relations, outside, sequences: Vec::new(), materialized_views })
}

/// The schemas of the search path of the app's sessions. A database without any has `public` as its default.
fn search_path(target: &mut Connection) -> Result<Vec<String>> {
    let schemas: Vec<String> = target
        .undone_transaction(|target| {
            target.script("SET LOCAL search_path TO DEFAULT")?;
            target.one(SEARCH_PATH_SQL, &[])
        })
        .context(|| "the search path cannot be read")?;
    Ok(if schemas.is_empty() { vec![DEFAULT_SCHEMA.to_owned()] } else { schemas })
}

/// The schemas again, without repetition.
///
/// # Errors
/// Where one does not exist.
fn existing_schemas(target: &mut Connection, named: &[String]) -> Result<Vec<String>> {
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^(pg_|migration$|migration_)' AND nspname <> 'information_schema' ORDER BY 1";
    let all: Vec<String> = target.load(sql, &[]).context(|| FAILED)?;
    let mut schemas: Vec<String> = Vec::with_capacity(named.len());
    for name in named {
        if !all.contains(name) {
            let error = Error::new(format!("the target has no schema {name}"));
            return Err(error.with_remedy_text(format!("name one that it has: {}", all.join(", "))));
        }
        if !schemas.contains(name) {
            schemas.push(name.clone());
        }
    }
    Ok(schemas)
}

/// Reads the schema as it would be without what an earlier run of `plan` created: its rows, and what it has set aside for them.
/// `is_constrained` is true once its second migration is done, and `saves_rows` where rows that it replaces come back.
///
/// # Errors
/// When the catalog or a table cannot be read.
pub fn introspect_before(
    target: &mut Connection,
    mapping: &Mapping,
    plan: &Plan,
    is_constrained: bool,
    saves_rows: bool,
) -> Result<TargetSchema> {
    let mut schema = introspect(target, mapping)?;
    let is_made = |table: &TargetTable| {
        let is_it =
            |planned: &PlannedTable| planned.target == table.name && planned.schema_name() == table.schema;
        plan.tables.iter().any(|planned| planned.existing.is_none() && is_it(planned))
    };
    schema.tables.retain(|table| !is_made(table));
    if plan.is_into_existing() {
        schema.relations.clone_from(&plan.target_relations);
    }
    for (planned, existing) in plan.existing_tables() {
        let Some(table) = schema.tables.iter_mut().find(|table| is_same(table, &existing.table)) else {
            continue;
        };
        // Between the two migrations the catalog lacks foreign keys that come back.
        if !is_constrained {
            *table = existing.table.clone();
        }
        // A key that rows of ours break came back NOT VALID. Without these rows it is what it was before.
        for key in planned.foreign_keys.iter().filter(|key| key.not_valid) {
            put_back(&key.name, table, &existing.table);
        }
        let is_lost = existing.seeds == Seeds::Replace && !saves_rows;
        table.rows = if is_lost { 0 } else { existing.table.rows };
    }
    Ok(schema)
}

fn is_same(one: &TargetTable, other: &TargetTable) -> bool {
    (&one.schema, &one.name) == (&other.schema, &other.name)
}

/// Describes a foreign key of a table as it was before.
fn put_back(name: &str, table: &mut TargetTable, before: &TargetTable) {
    let keys = before.foreign_keys.iter().filter(|key| key.name == name);
    for key in keys {
        table.foreign_keys.iter_mut().filter(|now| now.name == name).for_each(|now| now.clone_from(key));
    }
    let item = format!("constraint {name}");
    for fact in before.facts.iter().filter(|fact| fact.item == item) {
        table.facts.iter_mut().filter(|now| now.item == item).for_each(|now| now.clone_from(fact));
    }
}

/// What failed where the catalog cannot be read.
const FAILED: &str = "the target's schema cannot be read";

/// Reads tables from the catalog.
struct Reader<'c> {
    target: &'c mut Connection,
    /// The names of the schemas, as an array of SQL.
    schemas: String,
    tables: Tables,
}

impl Reader<'_> {
    fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.target.query(sql, &[Some(&self.schemas)]).context(|| FAILED)
    }

    /// The table that a row of the catalog is about.
    fn table_of(&mut self, row: &Row) -> Option<&mut TargetTable> {
        self.tables.get_mut(row.text(0)?)
    }

    fn read_tables(&mut self, rows: Rows) -> Result<()> {
        for row in self.rows(TABLES_SQL)? {
            let references: Vec<String> = row.get(5)?;
            let mut table = TargetTable {
                schema: row.get(1)?,
                name: row.get(2)?,
                is_hidden: row.get(4)?,
                rows: 0,
                is_ours: row.get(3)?,
                columns: Vec::new(),
                primary_key: None,
                unique: Vec::new(),
                foreign_keys: Vec::new(),
                referenced_by: references.iter().filter_map(|names| reference(names)).collect(),
                triggers: Vec::new(),
                partition_triggers: Vec::new(),
                facts: Vec::new(),
            };
            // Where policies hide rows from us, or the table is somebody else's, no plan loads into it.
            if rows == Rows::Counted && row.get(6)? {
                table.rows = count_rows(self.target, &table)?;
            }
            self.tables.insert(row.get(0)?, table);
        }
        Ok(())
    }

    fn read_columns(&mut self) -> Result<()> {
        for row in self.rows(COLUMNS_SQL)? {
            let Some(table) = self.table_of(&row) else { continue };
            table.columns.push(TargetColumn {
                name: row.get(1)?,
                type_name: row.get(2)?,
                base: row.get(3)?,
                modifier: row.get(4)?,
                labels: row.get(5)?,
                not_null: row.get(6)?,
                default: row.get(7)?,
                is_identity: row.get(8)?,
                is_generated: row.get(9)?,
                sequence: row.get(10)?,
            });
        }
        Ok(())
    }

    fn read_keys(&mut self) -> Result<()> {
        for row in self.rows(KEYS_SQL)? {
            let Some(table) = self.table_of(&row) else { continue };
            let key = TargetKey { name: row.get(1)?, columns: row.get(3)? };
            if row.get(2)? {
                table.primary_key = Some(key);
            } else {
                table.unique.push(key);
            }
        }
        for row in self.rows(FOREIGN_KEYS_SQL)? {
            let Some(table) = self.table_of(&row) else { continue };
            table.foreign_keys.push(TargetForeignKey {
                name: row.get(1)?,
                parent_schema: row.get(2)?,
                parent: row.get(3)?,
                columns: row.get(4)?,
                parent_columns: row.get(5)?,
                definition: row.get(6)?,
                comment: row.get(7)?,
                switched: switched(row.get(8)?, row.get(9)?),
            });
        }
        Ok(())
    }

    fn read_triggers(&mut self) -> Result<()> {
        for row in self.rows(TRIGGERS_SQL)? {
            let Some(table) = self.table_of(&row) else { continue };
            table.triggers.push(TargetTrigger { name: row.get(1)?, is_always: row.get(2)?, effect: None });
        }
        for row in self.rows(PARTITION_TRIGGERS_SQL)? {
            let Some(table) = self.table_of(&row) else { continue };
            let trigger = PartitionTrigger { partition: row.get(1)?, name: row.get(2)?, how: row.get(3)? };
            table.partition_triggers.push(trigger);
        }
        Ok(())
    }
}

fn switched(functions: Vec<String>, how: Vec<String>) -> Vec<SwitchedTrigger> {
    functions.into_iter().zip(how).map(|(function, how)| SwitchedTrigger { function, how }).collect()
}

/// A table by its name, or by its schema and name where it is in another schema than the one that it references; read from a JSON array.
fn reference(names: &str) -> Option<String> {
    match Vec::from_text(Some(names))?.as_slice() {
        [schema, name] => Some(qualified_pg(schema, name)),
        [name] => Some(name.clone()),
        _ => None,
    }
}

/// How many rows a table holds.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn count_rows(target: &mut Connection, table: &TargetTable) -> Result<u64> {
    target
        .one(&format!("SELECT count(*) FROM {}", table.name_in_sql()), &[])
        .context(|| format!("the rows of the target's table {} cannot be counted", table.name_in_words()))
}

//! Finds out what the app's triggers do with an inserted row: by calling them for rows of a temporary table that has the columns of
//! theirs, in a transaction that is rolled back, and by reading the source of their functions.

use migrate_core::identifier::{qualified_pg, quote_pg, quote_pg_literal};
use migrate_core::target_schema::{
    FilledColumn, SequenceLink, SequenceUse, TargetColumn, TargetTable, TriggerEffect,
};
use migrate_core::trigger_source::{assigned_columns, updated_columns, written_tables};

use super::as_owner::value_as_owner;
use super::sequences::{Sequences, as_the_app};
use crate::error::{Context, Result};
use postgres_client::connection::{Connection, text_array};
use postgres_client::guarded::Then;

/// The enabled triggers that are called for INSERT, each with the part of its definition behind the table, the source of its function
/// and the first of its arguments.
const TRIGGERS_SQL: &str = "SELECT to_json(ARRAY[n.nspname::text, c.relname::text, g.tgname::text, \
        substr(d.def, strpos(d.def, ' ON ' || c.oid::regclass || ' ') + length(' ON ' || c.oid::regclass || ' ')), \
        CASE WHEN l.lanname IN ('c', 'internal') THEN '' ELSE p.prosrc END, p.proname::text, \
        split_part(encode(g.tgargs, 'escape'), '\\000', 1), pg_get_userbyid(c.relowner)::text]), g.tgtype & 3 = 3 \
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = g.tgfoid JOIN pg_language l ON l.oid = p.prolang \
    CROSS JOIN LATERAL (SELECT pg_get_triggerdef(g.oid) AS def) AS d \
    WHERE n.nspname = ANY ($1::text[]) AND NOT g.tgisinternal AND g.tgparentid = 0 AND g.tgconstraint = 0 \
    AND g.tgenabled IN ('O', 'A') AND g.tgtype & 4 = 4 ORDER BY n.nspname, c.relname, g.tgname";

/// Functions whose result depends on more than the row.
const UNREPEATABLE: [&str; 7] =
    ["now(", "current_timestamp", "clock_timestamp", "localtimestamp", "current_date", "random", "nextval"];

/// A trigger, as it is tried.
struct Trial<'a> {
    table: &'a TargetTable,
    owner: &'a str,
    name: &'a str,
    definition: &'a str,
}

/// A row as text, by column; none where there is no row, or it was refused.
type TriedRow = Option<Vec<Option<String>>>;

/// Adds to the triggers of `tables` what they do with an inserted row, and to `sequences` the columns that they number.
///
/// # Errors
/// When the catalog cannot be read, or the connection is lost.
pub(super) fn add(
    target: &mut Connection,
    schemas: &[&str],
    tables: &mut [TargetTable],
    sequences: &mut Sequences,
) -> Result<()> {
    let rows: Vec<(Vec<String>, bool)> = target
        .load(TRIGGERS_SQL, &[Some(&text_array(schemas.iter().map(Some)))])
        .context(|| "the target's triggers cannot be read")?;
    for (texts, is_before) in rows {
        let [schema, table_name, name, definition, source, function, argument, owner] = texts.as_slice()
        else {
            continue;
        };
        let is_its = |table: &TargetTable| table.schema == *schema && table.name == *table_name;
        let Some(position) = tables.iter().position(is_its) else { continue };
        let Some(table) = tables.get(position) else { continue };
        let mut effect = TriggerEffect {
            is_before,
            definition: definition.clone(),
            updates: updated_columns(source),
            writes: written_tables(source),
            ..TriggerEffect::default()
        };
        if is_before {
            let trial = Trial { table, owner, name, definition };
            trial.find_fills(target, sequences, &mut effect)?;
            let is_search = function.starts_with("tsvector_update_trigger");
            let assigned = assigned_columns(source).into_iter().chain(is_search.then(|| argument.clone()));
            add_assigned(assigned, table, &mut effect);
            let lower = source.to_lowercase();
            let is_repeatable =
                !effect.moves_sequences && !UNREPEATABLE.iter().any(|function| lower.contains(function));
            effect.fills.iter_mut().for_each(|filled| filled.is_repeatable &= is_repeatable);
        }
        let triggers = tables.get_mut(position).map(|table| &mut table.triggers);
        if let Some(trigger) = triggers.into_iter().flatten().find(|trigger| trigger.name == *name) {
            trigger.effect = Some(effect);
        }
    }
    Ok(())
}

/// Adds the columns to which a function assigns and that were not seen to be filled.
fn add_assigned(assigned: impl Iterator<Item = String>, table: &TargetTable, effect: &mut TriggerEffect) {
    for column in assigned.filter(|name| table.column(name).is_some()) {
        if !effect.fills.iter().any(|filled| filled.column == column) {
            effect.fills.push(FilledColumn { column, is_seen: false, is_repeatable: true });
        }
    }
}

impl Trial<'_> {
    /// Finds the columns that the trigger fills where a row has no value for them.
    fn find_fills(
        &self,
        target: &mut Connection,
        sequences: &mut Sequences,
        effect: &mut TriggerEffect,
    ) -> Result<()> {
        if !self.table.is_ours {
            return Ok(());
        }
        let columns: Vec<usize> = (0..self.table.columns.len()).collect();
        let (first, moved) = sequences.watching(target, |target| self.try_rows(target, &columns))?;
        let (second, _) = sequences.watching(target, |target| self.try_rows(target, &columns))?;
        effect.moves_sequences = !moved.is_empty();
        for ((position, value), (_, again)) in first.iter().zip(&second) {
            let Some(column) = self.table.columns.get(*position) else { continue };
            if let Some(value) = value {
                let (column, is_repeatable) = (column.name.clone(), Some(value) == again.as_ref());
                effect.fills.push(FilledColumn { column, is_seen: true, is_repeatable });
            }
        }
        if !effect.moves_sequences {
            return Ok(());
        }
        for (position, _) in first.iter().filter(|(_, value)| value.is_some()) {
            let (values, moved) = sequences.watching(target, |target| self.try_rows(target, &[*position]))?;
            let value = values.into_iter().find_map(|(_, value)| value);
            for moved in moved.iter().filter(|moved| value == Some(moved.first_number().to_string())) {
                let column = self.table.columns.get(*position).map(|column| column.name.clone());
                let used = SequenceUse {
                    schema: self.table.schema.clone(),
                    table: self.table.name.clone(),
                    column: column.unwrap_or_default(),
                    by: SequenceLink::Trigger(self.name.to_owned()),
                };
                sequences.link_moved(moved, used);
            }
        }
        Ok(())
    }

    /// Inserts a row without a value for each of `columns` in turn; returns the value that the trigger stored, where it stored another
    /// one than is there without it.
    fn try_rows(&self, target: &mut Connection, columns: &[usize]) -> Result<Vec<(usize, Option<String>)>> {
        target.undone_transaction(|target| {
            as_the_app(target)?;
            if !self.create_table(target)? {
                return Ok(columns.iter().map(|column| (*column, None)).collect());
            }
            let mut without = Vec::with_capacity(columns.len());
            for column in columns {
                without.push(self.row(target, *column)?);
            }
            let create = format!(
                "CREATE TRIGGER {} BEFORE INSERT ON {} {}",
                quote_pg(self.name),
                self.temporary(),
                self.definition
            );
            if target.guarded(&create, Then::Keep)?.is_err() {
                return Ok(columns.iter().map(|column| (*column, None)).collect());
            }
            let mut found = Vec::with_capacity(columns.len());
            for (column, without) in columns.iter().zip(without) {
                let value = |row: &TriedRow| row.as_ref().and_then(|row| row.get(*column).cloned().flatten());
                let with = self.row(target, *column)?;
                let stored = value(&with)
                    .filter(|stored| without.is_some() && value(&without).as_ref() != Some(stored));
                found.push((*column, stored));
            }
            Ok(found)
        })
    }

    /// Creates the temporary table, of the same name, which the app's functions do not find in place of their own.
    fn create_table(&self, target: &mut Connection) -> Result<bool> {
        let like = qualified_pg(&self.table.schema, &self.table.name);
        let mut statements = vec![
            "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', \
             nullif(pg_catalog.current_setting('search_path'), ''), 'pg_temp'), true)"
                .to_owned(),
            format!("CREATE TEMPORARY TABLE {} (LIKE {like})", quote_pg(&self.table.name)),
            format!("GRANT SELECT, INSERT ON {} TO {}", self.temporary(), quote_pg(self.owner)),
        ];
        let columns = self.table.columns.iter().filter(|column| column.not_null);
        statements.extend(columns.map(|column| {
            format!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", self.temporary(), quote_pg(&column.name))
        }));
        for statement in statements {
            if target.guarded(&statement, Then::Keep)?.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn temporary(&self) -> String {
        qualified_pg("pg_temp", &self.table.name)
    }

    /// Inserts a row of samples, but for one column, and returns what is stored.
    fn row(&self, target: &mut Connection, left_out: usize) -> Result<TriedRow> {
        let values =
            self.table.columns.iter().enumerate().map(|(position, column)| match position == left_out {
                true => default(column),
                false => format!("{}::{}", sample(column), column.type_name),
            });
        let values: Vec<String> = values.collect();
        let insert = format!("INSERT INTO {} VALUES ({})", self.temporary(), values.join(", "));
        let texts =
            self.table.columns.iter().map(|column| format!("{}::pg_catalog.text", quote_pg(&column.name)));
        let texts: Vec<String> = texts.collect();
        let stored = format!(
            "(SELECT pg_catalog.to_json(ARRAY[{}]::pg_catalog.text[])::pg_catalog.text FROM {})",
            texts.join(", "),
            self.temporary()
        );
        let tried = value_as_owner(target, self.owner, &[insert], &stored)?;
        target.script(&format!("TRUNCATE {}", self.temporary()))?;
        Ok(tried.ok().flatten().and_then(|row| serde_json::from_str(&row).ok()))
    }
}

/// The value of a column that a row leaves out. A sequence is not to move without the trigger.
fn default(column: &TargetColumn) -> String {
    let default =
        column.default.as_deref().filter(|default| !column.is_generated && !default.contains("nextval"));
    default.map_or_else(|| "NULL".to_owned(), |default| format!("({default})"))
}

/// A value that a column of this type takes, as SQL.
fn sample(column: &TargetColumn) -> String {
    let text = match column.base.as_str() {
        "text" | "varchar" | "bpchar" | "citext" | "name" | "tsvector" => "sample",
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "money" => "1",
        "bool" => "true",
        "date" => "2001-02-03",
        "timestamp" | "timestamptz" => "2001-02-03 04:05:06+00",
        "time" | "timetz" => "04:05:06",
        "interval" => "1 day",
        "uuid" => "00000000-0000-4000-8000-000000000001",
        "json" | "jsonb" | "_text" | "_int4" | "_int8" => "{}",
        "bytea" => "\\x01",
        "inet" | "cidr" => "192.0.2.1",
        "enum" => {
            return column.labels.first().map_or_else(|| "NULL".to_owned(), |label| quote_pg_literal(label));
        }
        _ => return "NULL".to_owned(),
    };
    quote_pg_literal(text)
}

//! The state in which a run has left the tables of an app, read from the catalog.

use std::fmt;

use migrate_core::plan::ExistingTable;
use serde::Serialize;

use super::Session;
use crate::error::{Context, Result};
use crate::ledger::{self, Run};
use postgres_client::connection::{Connection, text_array};
use postgres_client::{DbSettings, TargetUrl, pool};

/// What a run has changed in an app's tables and not put back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OpenTables {
    /// The foreign keys that are dropped, each after its table.
    pub foreign_keys: Vec<String>,
    /// The triggers that are disabled, each after its table.
    pub triggers: Vec<String>,
    /// The tables whose own rows are deleted, and saved in the ledger's schema.
    pub replaced: Vec<String>,
    /// The tables that hold rows of the run.
    pub loaded: Vec<String>,
}

/// The names of the foreign keys of $1 and $2 that are not there, and of the triggers of $3 and $4 that do not fire.
const OPEN_SQL: &str = "SELECT \
    to_json(ARRAY(SELECT place FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (place, name, number) \
      WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = to_regclass(place) AND c.conname = name) ORDER BY number)), \
    to_json(ARRAY(SELECT name FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (place, name, number) \
      WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = to_regclass(place) AND c.conname = name) ORDER BY number)), \
    to_json(ARRAY(SELECT place FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS t (place, name, number) \
      WHERE EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass(place) AND g.tgname = name AND g.tgenabled = 'D') ORDER BY number)), \
    to_json(ARRAY(SELECT name FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS t (place, name, number) \
      WHERE EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass(place) AND g.tgname = name AND g.tgenabled = 'D') ORDER BY number)), \
    to_json(ARRAY(SELECT r FROM unnest($5::text[]) AS r WHERE to_regclass(r) IS NOT NULL))";

impl OpenTables {
    /// Reads the state for a run.
    ///
    /// # Errors
    /// When the target cannot be read.
    pub(super) fn read(connection: &mut Connection, run: &Run) -> Result<OpenTables> {
        let existing: Vec<&ExistingTable> =
            run.plan.existing_tables().map(|(_, existing)| existing).collect();
        if existing.is_empty() {
            return Ok(OpenTables::default());
        }
        let (mut keys, mut triggers) = (Vec::new(), Vec::new());
        for existing in &existing {
            let place = existing.name_in_sql();
            keys.extend(existing.table.foreign_keys.iter().map(|key| (place.clone(), key.name.clone())));
            triggers
                .extend(existing.table.triggers.iter().map(|trigger| (place.clone(), trigger.name.clone())));
            let own = existing.table.partition_triggers.iter().filter(|trigger| trigger.how != "DISABLE");
            triggers.extend(own.map(|trigger| (trigger.partition.clone(), trigger.name.clone())));
        }
        let arrays = |pairs: &[(String, String)]| {
            [
                text_array(pairs.iter().map(|(place, _)| Some(place))),
                text_array(pairs.iter().map(|(_, name)| Some(name))),
            ]
        };
        let ([key_places, key_names], [places, names]) = (arrays(&keys), arrays(&triggers));
        let replaced: Vec<&&ExistingTable> = existing.iter().filter(|table| table.replaces_rows()).collect();
        let saved = text_array(replaced.iter().map(|existing| Some(existing.saved_rows())));
        let parameters = [&key_places, &key_names, &places, &names, &saved].map(|text| Some(text.as_str()));
        type Found = (Vec<String>, Vec<String>, Vec<String>, Vec<String>, Vec<String>);
        let (key_places, keys, places, triggers, saved): Found =
            connection.one(OPEN_SQL, &parameters).context(|| "the target cannot be examined")?;
        let named = |places: Vec<String>, names: Vec<String>| {
            places.into_iter().zip(names).map(|(place, name)| format!("{place}.{name}")).collect()
        };
        let chunks = ledger::chunks(connection, run.id)?;
        let is_loaded = |source: &str| {
            chunks.iter().any(|chunk| chunk.table == source && chunk.done.is_some_and(|done| done.rows > 0))
        };
        let loaded = run.plan.existing_tables().filter(|(table, _)| is_loaded(&table.source));
        Ok(OpenTables {
            foreign_keys: named(key_places, keys),
            triggers: named(places, triggers),
            replaced: (replaced.iter())
                .filter(|existing| saved.contains(&existing.saved_rows()))
                .map(|existing| existing.name_in_sql())
                .collect(),
            loaded: loaded.map(|(_, existing)| existing.name_in_sql()).collect(),
        })
    }

    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        *self == OpenTables::default()
    }
}

/// The state in which the last run into a target has left an app's tables; none where there is no unfinished run into such tables.
///
/// # Errors
/// When the target cannot be read.
pub fn open_tables(target: &TargetUrl, settings: &DbSettings) -> Result<Option<OpenTables>> {
    let pool = pool::open(target, settings)?;
    read_last(&mut *pool::get(&pool)?)
}

fn read_last(connection: &mut Connection) -> Result<Option<OpenTables>> {
    let Some(run) = ledger::last_run(connection)? else { return Ok(None) };
    if !run.plan.is_into_existing() || run.validated_at.is_some() {
        return Ok(None);
    }
    let open = OpenTables::read(connection, &run)?;
    Ok((!open.is_empty()).then_some(open))
}

/// In the chain of an error: the state in which it leaves an app's tables.
#[derive(Debug)]
pub struct LeftOpen {
    /// The state; none where the target does not answer.
    pub open: Option<OpenTables>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for LeftOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tables of the app are not as before")
    }
}

impl std::error::Error for LeftOpen {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Adds to the error of a run into an app's tables in which state it leaves them.
pub(super) fn with_state(error: crate::error::Error, session: &Session<'_>) -> crate::error::Error {
    if error.is_transient() {
        return error.with_cause(|cause| LeftOpen { open: None, cause });
    }
    let open = match session.connection().and_then(|mut connection| read_last(&mut connection)) {
        Ok(None) => return error,
        Ok(open) => open,
        Err(_) => None,
    };
    error.with_cause(|cause| LeftOpen { open, cause })
}

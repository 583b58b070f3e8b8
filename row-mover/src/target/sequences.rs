//! Finds the sequences of the target and the columns that draw from them: by the catalog's dependencies, and by evaluating defaults
//! whose text does not name their sequence plainly.
//!
//! `nextval` is not undone by a rollback. So each trial compares the positions of all sequences before and after, and sets those back
//! that have moved. That is safe where nobody else writes to the database, which a migration requires anyway.

use std::collections::BTreeMap;

use migrate_core::identifier::qualified_pg;
use migrate_core::target_schema::{SequenceLink, SequenceUse, TargetSequence};

use super::as_owner::value_as_owner;
use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// The sequences that are neither PostgreSQL's own, nor an extension's, nor the ledger's.
const SEQUENCES_SQL: &str = "SELECT s.oid::text, n.nspname::text, s.relname::text, q.seqincrement, has_sequence_privilege(s.oid, 'SELECT') \
    FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid JOIN pg_namespace n ON n.oid = s.relnamespace \
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migration') \
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = s.oid AND e.deptype = 'e') \
    ORDER BY n.nspname COLLATE \"C\", s.relname COLLATE \"C\"";

/// The columns that the catalog ties to a sequence: identity columns, owners, and defaults that name it.
const LINKS_SQL: &str = "SELECT s.oid::text, n.nspname::text, c.relname::text, a.attname::text, \
        CASE WHEN p.classid = 'pg_attrdef'::regclass THEN 'default' WHEN p.deptype = 'i' THEN 'identity' ELSE 'owned' END \
    FROM pg_depend p \
    LEFT JOIN pg_attrdef d ON p.classid = 'pg_attrdef'::regclass AND d.oid = p.objid \
    JOIN pg_class s ON s.relkind = 'S' AND s.oid = CASE WHEN p.classid = 'pg_attrdef'::regclass THEN p.refobjid ELSE p.objid END \
    JOIN pg_attribute a ON a.attrelid = coalesce(d.adrelid, p.refobjid) AND a.attnum = coalesce(d.adnum, p.refobjsubid) AND a.attnum > 0 \
    JOIN pg_class c ON c.oid = a.attrelid AND NOT c.relispartition JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE p.refclassid = 'pg_class'::regclass AND (p.classid = 'pg_attrdef'::regclass OR p.classid = 'pg_class'::regclass AND p.deptype IN ('i', 'a'))";

/// The defaults, of columns and of their domains, that may move a sequence which the catalog does not tie to them, or may store another
/// value than its number: they name `nextval` in another form than the plain one, or call a function that is not PostgreSQL's own.
const DEFAULTS_SQL: &str = "SELECT n.nspname::text, c.relname::text, a.attname::text, e.expression, pg_get_userbyid(c.relowner)::text FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    CROSS JOIN LATERAL (SELECT coalesce(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(t.typdefaultbin, 0)) AS expression) AS e \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attgenerated = '' \
    AND pg_has_role(c.relowner, 'USAGE') AND e.expression IS NOT NULL \
    AND (e.expression ~ 'nextval' AND (d.oid IS NULL OR e.expression !~ '^nextval\\(''[^'']+''::regclass\\)$') \
      OR EXISTS (SELECT FROM pg_depend o WHERE o.refclassid = 'pg_proc'::regclass \
         AND (o.classid = 'pg_attrdef'::regclass AND o.objid = d.oid OR d.oid IS NULL AND o.classid = 'pg_type'::regclass AND o.objid = t.oid))) \
    ORDER BY 1, 2, a.attnum";

/// The error where the catalog cannot be read.
const FAILED: fn() -> &'static str = || "the target's sequences cannot be read";

/// How many positions are read by one statement.
const READ_AT_ONCE: usize = 100;

/// The longest time that the evaluation of a default or the call of a trigger may take.
pub(super) const TRIAL_TIMEOUT_S: u32 = 10;

/// The sequences of the target as far as they are known.
pub(super) struct Sequences {
    found: Vec<Found>,
}

struct Found {
    oid: String,
    sequence: TargetSequence,
    increment: i64,
    is_readable: bool,
}

/// The position of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    last: i64,
    is_called: bool,
}

/// A sequence that has moved.
pub(super) struct Moved {
    index: usize,
    before: Position,
    increment: i64,
}

impl Moved {
    /// The number that the sequence has issued first.
    pub(super) fn first_number(&self) -> i64 {
        match self.before.is_called {
            true => self.before.last.saturating_add(self.increment),
            false => self.before.last,
        }
    }
}

impl Sequences {
    /// Reads the sequences and what the catalog ties to them, and tries the defaults of the tables in `schemas`.
    ///
    /// # Errors
    /// When the catalog cannot be read, or the connection is lost.
    pub(super) fn read(target: &mut Connection, schemas: &[&str]) -> Result<Sequences> {
        let mut sequences = Sequences::declared(target)?;
        let schemas = postgres_client::connection::text_array(schemas.iter().map(Some));
        let defaults: Vec<(String, String, String, String, String)> =
            target.load(DEFAULTS_SQL, &[Some(&schemas)]).context(FAILED)?;
        for (schema, table, column, expression, owner) in defaults {
            sequences.try_default(target, [schema, table, column], &expression, &owner)?;
        }
        Ok(sequences)
    }

    /// Reads the sequences and what the catalog ties to them, and tries nothing.
    ///
    /// # Errors
    /// When the catalog cannot be read, or the connection is lost.
    pub(super) fn declared(target: &mut Connection) -> Result<Sequences> {
        let mut found = Vec::new();
        let rows: Vec<(String, String, String, i64, bool)> =
            target.load(SEQUENCES_SQL, &[]).context(FAILED)?;
        for (oid, schema, name, increment, is_readable) in rows {
            let sequence = TargetSequence { schema, name, uses: Vec::new() };
            found.push(Found { oid, sequence, increment, is_readable });
        }
        let mut sequences = Sequences { found };
        let links: Vec<(String, String, String, String, String)> =
            target.load(LINKS_SQL, &[]).context(FAILED)?;
        for (oid, schema, table, column, how) in links {
            let by = match how.as_str() {
                "identity" => SequenceLink::Identity,
                "owned" => SequenceLink::Owned,
                _ => SequenceLink::Default,
            };
            if let Some(index) = sequences.found.iter().position(|found| found.oid == oid) {
                sequences.link(index, SequenceUse { schema, table, column, by });
            }
        }
        Ok(sequences)
    }

    /// The sequences with all that was found.
    pub(super) fn into_facts(self) -> Vec<TargetSequence> {
        self.found.into_iter().map(|found| found.sequence).collect()
    }

    /// Evaluates a default, and ties the column to the sequences that it moves.
    fn try_default(
        &mut self,
        target: &mut Connection,
        [schema, table, column]: [String; 3],
        expression: &str,
        owner: &str,
    ) -> Result<()> {
        let (value, moved) = self.watching(target, |target| {
            target.undone_transaction(|target| {
                as_the_app(target)?;
                let tried = value_as_owner(target, owner, &[], &format!("({expression})::pg_catalog.text"))?;
                Ok(tried.ok().flatten())
            })
        })?;
        let Some(value) = value else {
            // Nothing is known about the value, so the links of the catalog do not tell where the sequence has to stand.
            return self.unlink(&schema, &table, &column);
        };
        for moved in moved {
            let by = match value == moved.first_number().to_string() {
                true => SequenceLink::TriedDefault,
                false => SequenceLink::Computed,
            };
            self.link(
                moved.index,
                SequenceUse { schema: schema.clone(), table: table.clone(), column: column.clone(), by },
            );
        }
        Ok(())
    }

    /// Says of the column's links that they are no more than that.
    fn unlink(&mut self, schema: &str, table: &str, column: &str) -> Result<()> {
        for used in self.found.iter_mut().flat_map(|found| &mut found.sequence.uses) {
            if (used.schema.as_str(), used.table.as_str(), used.column.as_str()) == (schema, table, column) {
                used.by = SequenceLink::Computed;
            }
        }
        Ok(())
    }

    /// Ties a column to a sequence by what a trial has shown.
    pub(super) fn link_moved(&mut self, moved: &Moved, used: SequenceUse) {
        self.link(moved.index, used);
    }

    /// Ties a column to a sequence; what is found later is known better.
    fn link(&mut self, index: usize, used: SequenceUse) {
        let Some(found) = self.found.get_mut(index) else { return };
        let uses = &mut found.sequence.uses;
        let is_same = |other: &SequenceUse| {
            (&other.schema, &other.table, &other.column) == (&used.schema, &used.table, &used.column)
        };
        match uses.iter_mut().find(|other| is_same(other)) {
            Some(other) => other.by = used.by,
            None => uses.push(used),
        }
        uses.sort_by(|one, other| {
            (&one.schema, &one.table, &one.column).cmp(&(&other.schema, &other.table, &other.column))
        });
    }

    /// Does some work, and returns what it returns with the sequences that it moved, which are set back.
    pub(super) fn watching<T>(
        &self,
        target: &mut Connection,
        work: impl FnOnce(&mut Connection) -> Result<T>,
    ) -> Result<(T, Vec<Moved>)> {
        let before = self.positions(target)?;
        let done = work(target);
        let after = self.positions(target)?;
        let mut all_moved = Vec::new();
        for (index, before) in before {
            if after.get(&index).is_none_or(|after| *after == before) {
                continue;
            }
            let Some(found) = self.found.get(index) else { continue };
            // Whoever may not set it back has skipped a number.
            let sql = "SELECT setval($1::oid::regclass, $2::bigint, $3::boolean) WHERE has_sequence_privilege($1::oid, 'UPDATE')";
            let parameters = [found.oid.clone(), before.last.to_string(), before.is_called.to_string()];
            let parameters = parameters.each_ref().map(|text| Some(text.as_str()));
            target.query(sql, &parameters).context(|| "a sequence of the target cannot be set back")?;
            all_moved.push(Moved { index, before, increment: found.increment });
        }
        if !all_moved.is_empty() {
            // Numbers that this session has reserved (CACHE) would hide the next trial.
            target.script("DISCARD SEQUENCES").context(|| "a sequence of the target cannot be set back")?;
        }
        Ok((done?, all_moved))
    }

    /// The positions of all sequences that this role may read.
    fn positions(&self, target: &mut Connection) -> Result<BTreeMap<usize, Position>> {
        let readable: Vec<(usize, &Found)> =
            self.found.iter().enumerate().filter(|(_, found)| found.is_readable).collect();
        let mut positions = BTreeMap::new();
        for part in readable.chunks(READ_AT_ONCE) {
            let selects = part.iter().map(|(index, found)| {
                let name = qualified_pg(&found.sequence.schema, &found.sequence.name);
                format!("SELECT {index}, last_value, is_called FROM {name}")
            });
            let sql = selects.collect::<Vec<_>>().join(" UNION ALL ");
            let rows: Vec<(usize, i64, bool)> =
                target.load(&sql, &[]).context(|| "the target's sequences cannot be read")?;
            positions.extend(
                rows.into_iter().map(|(index, last, is_called)| (index, Position { last, is_called })),
            );
        }
        Ok(positions)
    }
}

/// Sets up the transaction so that code of the app finds its names as it does for the app, and ends soon.
pub(super) fn as_the_app(target: &mut Connection) -> Result<()> {
    target
        .script(&format!(
            "SET LOCAL search_path TO DEFAULT; SET LOCAL statement_timeout = '{TRIAL_TIMEOUT_S}s'; SET LOCAL lock_timeout = '2s'"
        ))
        .map(drop)
}

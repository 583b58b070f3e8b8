//! Damage to the sealed copy: found by its hash, and never reported as damage of the target.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use migrate_core::identifier::quote_pg_literal;

use crate::chance::Chance;
use crate::demand::Demand;
use crate::draw::{Damage, Draw};
use crate::kinds::Kind;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("sealed copy: one bit", |draw| {
        sealed(draw, DIFFERS, |path, chance| {
            let mut bytes = fs::read(path).unwrap();
            let place = chance.below(bytes.len());
            bytes[place] ^= 1 << chance.below(8);
            fs::write(path, bytes).unwrap();
        })
    }),
    Kind::drawn("sealed copy: cut short", |draw| {
        sealed(draw, DIFFERS, |path, chance| {
            let mut bytes = fs::read(path).unwrap();
            bytes.truncate(chance.below(bytes.len()));
            fs::write(path, bytes).unwrap();
        })
    }),
    Kind::drawn("sealed copy: a byte behind it", |draw| {
        sealed(draw, DIFFERS, |path, _| {
            let mut bytes = fs::read(path).unwrap();
            bytes.push(0);
            fs::write(path, bytes).unwrap();
        })
    }),
    Kind::drawn("sealed copy: a row changed by SQLite", |draw| {
        sealed(draw, DIFFERS, |path, _| {
            let sqlite = rusqlite::Connection::open(path).unwrap();
            sqlite.execute_batch("PRAGMA user_version = 77").unwrap();
        })
    }),
    Kind::drawn("sealed copy: another database in its place", |draw| {
        sealed(draw, DIFFERS, |path, _| {
            fs::remove_file(path).unwrap();
            crate::engine::sqlite(path, "CREATE TABLE t (x)");
        })
    }),
    Kind::drawn("sealed copy: gone", |draw| {
        sealed(draw, "does not exist", |path, _| fs::remove_file(path).unwrap())
    }),
    Kind::drawn("sealed copy and target: one bit each", |draw| {
        let damage = sealed(draw, DIFFERS, |path, chance| {
            let mut bytes = fs::read(path).unwrap();
            let place = chance.below(bytes.len());
            bytes[place] ^= 1;
            fs::write(path, bytes).unwrap();
        })?;
        let table = draw.table(|table| table.existing.is_none())?;
        let sql = [vec![format!("DELETE FROM {}", table.qualified(&table.target))], damage.sql].concat();
        Some(Damage { sql, ..damage })
    }),
];

const DIFFERS: &str = "is not what was sealed: its SHA-256 differs";

/// Returns the statement that makes the ledger name a copy of the sealed copy in a separate folder.
pub fn copied(draw: &Draw<'_>) -> (Arc<tempfile::TempDir>, std::path::PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealed.db");
    fs::write(&path, fs::read(&draw.subject.sealed).unwrap()).unwrap();
    let literal = quote_pg_literal(&serde_json::to_string(&path).unwrap());
    let sql = format!(
        "UPDATE migration.runs SET seal = jsonb_set(seal::jsonb, '{{path}}', {literal}::jsonb)::text"
    );
    (Arc::new(folder), path, sql)
}

fn sealed(draw: &mut Draw<'_>, words: &'static str, damage: fn(&Path, &mut Chance)) -> Option<Damage> {
    let (folder, path, sql) = copied(draw);
    damage(&path, draw.chance);
    let demand = Demand { refused: Some(words), ..Demand::default() };
    let what = format!("the sealed copy of {}", draw.subject.name);
    Some(Damage { folder: Some(folder), ..Damage::new(vec![sql], what, demand) })
}

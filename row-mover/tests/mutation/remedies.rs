//! Every remedy is followed word for word, and validation has to prove the database afterwards.

use postgres_client::TargetUrl;
use report::words::remedy::{self, Remedy};
use row_mover::observer::Silent;
use row_mover::run::{self, Outcome, Request, Validation};
use test_database::TestDatabase;

use crate::demand::{baseline, found_in_words};
use crate::engine::{chain, session};
use crate::subject::Subject;

/// What came of following the remedies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// The database is proven again, by SQL.
    BySql,
    /// The database is proven again, after everything was moved again.
    ByMoving,
    /// No remedy repairs it, and none says that it does.
    NotOffered,
    /// A remedy does not help.
    Failed(String),
}

/// Follows the remedies of all findings in their order.
pub fn follow(subject: &Subject, copy: &TestDatabase, found: &Validation) -> Repaired {
    let plan = &subject.case.plan;
    let mut remedies = remedy::schema(&found.schema, plan);
    remedies.extend(found.sequences.differences.iter().map(|found| remedy::sequence(found, plan)));
    remedies.extend(found.missing_migrations.iter().map(remedy::missing_migration));
    remedies.extend(baseline(found).map(remedy::baseline));
    remedies.extend(found.defaults.differences.iter().map(|found| remedy::default(found, plan)));
    if remedies.iter().any(|remedy| matches!(remedy, Remedy::Inspect(_) | Remedy::RestoreRows)) {
        return Repaired::NotOffered;
    }
    if remedies.is_empty() {
        return Repaired::NotOffered;
    }
    let mut psql = session(copy.url());
    psql.script("RESET search_path").unwrap();
    psql.script("SET search_path = \"$user\", public").unwrap();
    for sql in remedies.iter().filter_map(statement) {
        if let Err(error) = psql.script(sql) {
            return Repaired::Failed(format!("{sql}: {}; found: {}", chain(&error), found_in_words(found)));
        }
    }
    drop(psql);
    let is_moved = remedies.contains(&Remedy::MoveAgain);
    if is_moved && let Err(words) = move_again(subject, copy) {
        return Repaired::Failed(format!("--restart: {words}; found: {}", found_in_words(found)));
    }
    match subject.validated(copy) {
        Ok(again) if again.is_proven() && is_moved => Repaired::ByMoving,
        Ok(again) if again.is_proven() => Repaired::BySql,
        Ok(again) => Repaired::Failed(format!(
            "{remedies:?} leave {}; found: {}",
            found_in_words(&again),
            found_in_words(found)
        )),
        Err(words) => Repaired::Failed(words),
    }
}

/// `migrate --restart`.
fn move_again(subject: &Subject, copy: &TestDatabase) -> Result<(), String> {
    // Rows that cannot be compared are only dropped on demand, as the remedy says.
    restart(subject, copy, false).or_else(|_| restart(subject, copy, true))
}

fn restart(subject: &Subject, copy: &TestDatabase, discard: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        target: TargetUrl::parse(copy.url()).unwrap(),
        backup_dir: folder.path().join("backups"),
        rejects_dir: folder.path().join("rejects"),
        restart: true,
        discard,
        ..subject.case.request()
    };
    match run::migrate(&request, &Silent) {
        // The copy is validated once more, from the folder of the subject.
        Ok(Outcome::Moved(moved)) if moved.validation.is_proven() => {
            std::mem::forget(folder);
            Ok(())
        }
        Ok(outcome) => Err(format!("{outcome:?}")),
        Err(error) => Err(chain(&error)),
    }
}

/// Returns the statement of a remedy, if it is one.
fn statement(remedy: &Remedy) -> Option<&str> {
    match remedy {
        Remedy::Drop(sql) => Some(sql),
        other => other.sql(),
    }
}

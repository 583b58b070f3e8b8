//! What to do next, in words: about an error, and about a migration that is not done. The engine gives it as a value; commands, options
//! and files are named here.

use std::borrow::Cow;

use postgres_client::session::APPLICATION_NAME;
use row_mover::remedy::{FolderNeed, Remedy};
use row_mover::status::NextStep;

use crate::display::shell_word;

/// Returns what to do about an error, if that is known.
pub(crate) fn of(error: &anyhow::Error) -> Option<Cow<'_, str>> {
    error.chain().find_map(|cause| {
        let error = cause.downcast_ref::<row_mover::Error>()?;
        error.remedy_text().map(Cow::Borrowed).or_else(|| error.remedy_value().map(words))
    })
}

fn words(remedy: &Remedy) -> Cow<'static, str> {
    Cow::Borrowed(match remedy {
        Remedy::AcceptDamagedIndexes => {
            "its rows are those of the cutover, and do not depend on the indexes: add --accept-damaged-indexes, with which the app gets its \
             file back with the damage that it had, and build the indexes again afterwards with `sqlite3 FILE 'REINDEX'`"
        }
        Remedy::AllowProcesses => {
            "allow this account more processes (`ulimit -u`), or use fewer with --workers"
        }
        Remedy::AwaitOther => {
            return Cow::Owned(format!(
                "wait for it, or end it; `cargo xtask status` shows it, and its sessions are named {APPLICATION_NAME} in pg_stat_activity"
            ));
        }
        Remedy::CalmSource => {
            "run the same command again when fewer programs use the file: it needs a moment without another transaction; or stop the app before"
        }
        Remedy::CutoverBegun => {
            "run the same `cargo xtask cutover` again to continue, or go back to SQLite with `cargo xtask rollback`; `cargo xtask guide` shows how far it is"
        }
        Remedy::ContinueRollback => "continue it: run the same `cargo xtask rollback` again",
        Remedy::DiscardMigrations => {
            "keep the database as it is, or add --discard, which drops the tables with all that was changed in them since"
        }
        Remedy::DownThenUp => "run `cargo xtask schema down`, then `cargo xtask schema up`",
        Remedy::DiscardUnseen => "add --discard, which drops what is there without checking it",
        Remedy::FinishedNotUndone => {
            "--undo puts a target back until a migration is validated, and nothing was changed; to load the source again, give \
             --restart; to go back to a state before it, restore a backup of the database"
        }
        Remedy::FindByDryRun => "`cargo xtask migrate --dry-run` names it",
        Remedy::KeepNumbering { is_serial } => {
            let numbering = if *is_serial { "serial" } else { "identity" };
            return Cow::Owned(format!(
                "write `autoincrement = \"{numbering}\"` into the plan's mapping.toml, above its first section, repeat `cargo xtask generate … \
                 --drizzle`, and run the same command again"
            ));
        }
        Remedy::LongerPause => {
            "run the same command when the app writes less, or with a larger --pause-max, below the app's busy timeout"
        }
        Remedy::MakeRoom { folder, free_bytes } => {
            return Cow::Owned(format!(
                "{} has {free_bytes} bytes free: make room there, or name another folder with --backup-dir",
                folder.display()
            ));
        }
        Remedy::Migrate => {
            "migrate first: `cargo xtask migrate`; what another tool moved is compared with its file: \
             `cargo xtask validate --sqlite FILE --postgres URL`"
        }
        Remedy::MigrateAgain => {
            "move the rows again with `cargo xtask migrate --sqlite FILE`, then run the same command again"
        }
        Remedy::NameBackupFolder => "name the folder with the sealed copies with --backup-dir",
        Remedy::NameCopyOfRollback => {
            "if the copy was moved, name its new path with --sealed-copy; a damaged one: restore it from a backup of the backup folder"
        }
        Remedy::NameSealedCopy => {
            "if it was moved, name its new path: `cargo xtask validate --sealed-copy FILE`; if it is lost, \
             `cargo xtask migrate --restart --discard` moves everything again and drops what was written to the target since"
        }
        Remedy::NameSource => {
            "name the SQLite file with --sqlite or DATABASE_PATH; to try it with sample data: `cargo xtask migrate --sample`"
        }
        Remedy::OrNoBaseline(first) => {
            return Cow::Owned(format!(
                "{first}; or give --no-baseline, which leaves the list of the app's migrator as it is"
            ));
        }
        Remedy::OtherBackupFolder(FolderNeed::Room) => "name a folder with more room with --backup-dir",
        Remedy::OtherBackupFolder(FolderNeed::ShortPath) => {
            "name a folder with a shorter path with --backup-dir"
        }
        Remedy::OtherBackupFolder(FolderNeed::Write) => {
            "name a folder that this account may write to with --backup-dir"
        }
        Remedy::OtherDatabaseOrExisting => {
            "use an empty database, or load into the tables that the app has made with --into-existing; nothing was changed in this one"
        }
        Remedy::OtherDatabaseOrRestart => {
            "use an empty database, or --restart to drop what that migration created and start over"
        }
        Remedy::OtherSchemaOrNoBaseline => {
            "name another schema in mapping.toml; or give --no-baseline, with which Drizzle's list is not written"
        }
        Remedy::PlanAgain => {
            "make the plan again: `cargo xtask generate … --into-existing`, or migrate without --plan; nothing was changed"
        }
        Remedy::PlanForSchema => {
            "put a copy of mapping.toml into a folder DIR, add your decisions about the differences, run \
             `cargo xtask generate --sqlite FILE --out DIR`, review the plan, and migrate with --plan DIR"
        }
        Remedy::PlanAgainAndRestart => {
            "nothing was changed: plan for the new schema with `cargo xtask generate --sqlite FILE --out DIR`, and start over with \
             `cargo xtask migrate --restart --plan DIR`"
        }
        Remedy::PutBackOrRestart { must_discard: false } => {
            "put it back where it was, or start over with --restart, which takes a new one"
        }
        Remedy::PutBackOrRestart { must_discard: true } => {
            "put it back where it was, or start over with --restart --discard, which takes a new one"
        }
        Remedy::RepairIndexes { source } => {
            return Cow::Owned(format!(
                "nothing was switched: `sqlite3 {} 'REINDEX'` builds the indexes again, also while the app works; check what the app has \
                 done by the damaged ones, and run the same command again",
                shell_word(&source.display().to_string())
            ));
        }
        Remedy::RepairRowOrTable => {
            "a row violates a rule of the app's table: repair the row in SQLite, or the table in PostgreSQL, and start over with \
             --restart, which removes the rows of this run"
        }
        Remedy::RepairSource => {
            "it was written to the source after preflight: repair it there, and start over with --restart"
        }
        Remedy::RepairSourceAndCatchUp => {
            "nothing was changed: repair the row in the SQLite file, and run the same command again; or plan for it, and start over with \
             `cargo xtask migrate --restart`"
        }
        Remedy::RepairTargetAndRestart { has_dropped: false } => {
            "repair what it names in the target, and run the same command again"
        }
        Remedy::RepairTargetAndRestart { has_dropped: true } => {
            "what was dropped is gone; repair what it names in the target, and run the same command again: it resumes here"
        }
        Remedy::RepairTargetOrSource => {
            "repair what it names in the target and run the same command again: it resumes here; or repair the source and start over \
             with --restart"
        }
        Remedy::Restart => "start over with --restart",
        Remedy::RestartAgain => {
            "run `cargo xtask migrate` with --restart again: it drops what remains, and starts over; or with --undo, which only drops it"
        }
        Remedy::RestartAsOwner => "this role does not own them: run the same command as their owner",
        Remedy::Resume => "run the same `cargo xtask migrate` again: it resumes there",
        Remedy::ResumeAfter(first) => {
            return Cow::Owned(format!("{first}; then run the same command again: it resumes here"));
        }
        Remedy::RestoreCopy => {
            "add --restore-copy, which puts the sealed copy in its place and keeps the file that is there under another name"
        }
        Remedy::RestoreMigration { is_last: true } => {
            "restore the file from version control and write the change as a migration of its own with `cargo xtask schema new NAME`; or, \
             where this change was not released, run `cargo xtask schema redo`"
        }
        Remedy::RestoreMigration { is_last: false } => {
            "restore the file from version control, and write the change as a migration of its own with `cargo xtask schema new NAME`"
        }
        Remedy::RollBack => "`cargo xtask rollback` puts SQLite back in charge",
        Remedy::SameVersionOrRestart => "resume with that version, or start over with --restart",
        Remedy::SeeStatus => {
            "see `cargo xtask status`; the sealed copy of this run remains in its backup folder"
        }
        Remedy::SelectTable(table) => return Cow::Owned(format!("add {table} to --tables")),
        Remedy::SelectTableOrAll => "name it among --tables, or omit --tables",
        Remedy::StopWriters => {
            "stop the app and run the same command again, or add --fence, with which the app need not be stopped"
        }
        Remedy::UpgradeServer => "upgrade it, or omit the URL to use a private PostgreSQL",
        Remedy::ValidateOrDiscard => "validate to see them; add --discard, which drops them for good",
        Remedy::ValidateOrRestart => {
            "see what is there with `cargo xtask validate`, or start over with --restart"
        }
    })
}

/// Returns what to do next about a migration.
pub(crate) fn next_step(next: &NextStep) -> Cow<'static, str> {
    Cow::Borrowed(match next {
        NextStep::Await => "wait for the migration that is at work, or follow it with --watch",
        NextStep::AwaitSeal => {
            "wait: a migration reads its source, and records its run once the source is sealed"
        }
        NextStep::Migrate => "`cargo xtask migrate --sqlite FILE`: no migration was made here",
        NextStep::Nothing { validated_at } => {
            let at = validated_at.as_deref().unwrap_or("an unknown time");
            return Cow::Owned(format!("nothing: validated at {at}"));
        }
        NextStep::Resume(phase) => {
            return Cow::Owned(format!("run the same `cargo xtask migrate` again: it resumes at {phase}"));
        }
        NextStep::StartOver => "run the same `cargo xtask migrate` again: it starts over",
        NextStep::Validate => "`cargo xtask validate`: everything was moved, and is not proven yet",
    })
}

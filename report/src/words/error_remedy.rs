//! What to do about an error of a run, in the words of the command line.

use migrate_core::remedy::Remedy;

/// The line behind `next:`.
pub fn error_remedy(remedy: &Remedy) -> String {
    let text = match remedy {
        Remedy::AddTable { table } => return format!("add {table} to --tables"),
        Remedy::ChooseTable { tables } => return format!("its tables are {}", tables.join(", ")),
        Remedy::RenameTable { name } => {
            return format!(
                "rename or drop it: ALTER TABLE {name} RENAME TO diesel_schema_migrations_before"
            );
        }
        Remedy::RunSql { sql } => sql.as_str(),
        Remedy::RunSqlAndResume { sql } => {
            return format!("{sql}; then run the same command again: it resumes");
        }
        Remedy::SeeAllRows { table } => {
            return format!(
                "this role may not see every row of {table}: validate as a role that may (SELECT on it, and BYPASSRLS where it has row \
             level security), or switch that off: ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
            );
        }
        Remedy::WaitForLock { seconds } => {
            return format!(
                "waited {seconds} seconds; stop what holds an exclusive lock on it and try again"
            );
        }
        Remedy::FreeBytes { folder, bytes } => {
            return format!(
                "{folder} has {bytes} bytes free: free some space there, or name another folder with --backup-dir"
            );
        }
        Remedy::DiscardRows => "validate to see them; --restart with --discard drops them for good",
        Remedy::DiscardUnseen => "--restart with --discard drops what is there without checking it",
        Remedy::FindByDryRun => "`cargo xtask migrate --dry-run` names it",
        Remedy::MigrateFirst => "migrate first: `cargo xtask migrate`",
        Remedy::NameTable => "name it among --tables, or omit --tables",
        Remedy::OtherDatabaseOrRestart => {
            "use an empty database, or --restart to drop what that migration created and start over"
        }
        Remedy::OtherVersion => "finish or remove it with the version that began it, or use another database",
        Remedy::PlanAgain => {
            "make the plan again: `cargo xtask generate … --into-existing`, or migrate without --plan; nothing was changed"
        }
        Remedy::PlanForSchema => {
            "put a copy of mapping.toml into a folder DIR, add your decisions about the differences, run \
             `cargo xtask generate --sqlite FILE --out DIR`, review the plan, and migrate with --plan DIR"
        }
        Remedy::RepairAndRestart => "repair what it names in the target, and run again with --restart",
        Remedy::Restart => "start over with --restart",
        Remedy::RestartAsOwner => "this role does not own them: run --restart as their owner",
        Remedy::RestartRemoval => {
            "run `cargo xtask migrate --restart` again: it drops what remains, and starts over"
        }
        Remedy::ResumeMigration => "run the same `cargo xtask migrate` again: it resumes there",
        Remedy::ResumeRemoval => {
            "what was dropped is gone; repair what it names in the target, and run again with --restart: it resumes"
        }
        Remedy::SameVersionOrRestart => "resume with that version, or start over with --restart",
        Remedy::SeeStatus => "see `cargo xtask status`; the sealed copy of this run is in its backup folder",
        Remedy::ValidateAgain => "the sealed copy may have been written to while it was read: validate again",
        Remedy::ValidateOrRestart => {
            "see what is there with `cargo xtask validate`, or start over with --restart"
        }
        Remedy::WaitForOther => {
            "wait for it, or end it; `cargo xtask status` shows it, and its sessions are named hyperpage-migration in pg_stat_activity"
        }
        Remedy::AllowWrites => "switch it off for this database or role, if it is not meant to be read-only",
        Remedy::CheckLedgerSchema => {
            "check the schema migration of the target: something keeps rows from being written there"
        }
        Remedy::CreateUtf8Database => "create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
        Remedy::DropDependents => "another object depends on it; drop that first, or use an empty database",
        Remedy::DropObjects => {
            "drop it, or move it to another schema or database; nothing was changed in this one"
        }
        Remedy::NamePrimary => "name the primary",
        Remedy::RaiseMaxvalue => "raise its MAXVALUE in the target, then run the same command again",
        Remedy::ReindexTable => "an index of the table is damaged: REINDEX the table, and validate again",
        Remedy::RenameSchema => "rename it for the migration; nothing was changed",
        Remedy::RepairForAppTable => {
            "a row violates a rule of the app's table: repair the row in SQLite, or the table in PostgreSQL, and start over with \
             --restart, which removes the rows of this run"
        }
        Remedy::RepairTargetOrSource => {
            "repair what it names in the target, then run the same command again: it resumes; or repair the source and start over \
             with --restart"
        }
        Remedy::UpgradeServer => "upgrade it, or omit the URL to use a private PostgreSQL",
        Remedy::UseEmptyDatabase => {
            "use an empty database, or load into the tables that the app has made with --into-existing; nothing was changed in \
             this one"
        }
        Remedy::CheckFile => {
            "it is a database, but an empty one; check that this is the file that the app uses"
        }
        Remedy::CheckWal => {
            "it is in WAL mode, and there is no -wal file with content: if it was copied, copy FILE, FILE-wal and FILE-shm together, \
             or let the app close it first; else check that this is the file that the app uses"
        }
        Remedy::CloseWithApp => "open it with the app or with sqlite3, and close it, which empties that",
        Remedy::CopyToRowidTable => {
            "where its key has a collation that only the app has and the table is WITHOUT ROWID, let the app copy it into a table with \
             rowids, or do not migrate it: its name and the reason under [leave_behind] in mapping.toml"
        }
        Remedy::Decrypt => "if it is encrypted (SQLCipher), decrypt it to a plain file first",
        Remedy::DropInCopyOrRestore => {
            "if the app still opens the file, its SQLite knows more than this one: let it drop what is named here in a copy, and \
             migrate the copy; else the file is damaged: restore it from a backup"
        }
        Remedy::FindRealFile => "an app creates such a file when its path is wrong; find the real one",
        Remedy::MakeSmallerInCopy => {
            "in a copy of the file, let the app's own SQLite drop this or make it smaller, and migrate the copy"
        }
        Remedy::NameFileItself => "name the SQLite file itself",
        Remedy::NameSourceFile => {
            "name the SQLite file with --sqlite or DATABASE_PATH; to try it with sample data: `cargo xtask migrate --sample`"
        }
        Remedy::OpenOnce => {
            "open it once with the app or with `sqlite3 FILE .tables`, which rolls it back, then try again"
        }
        Remedy::RemoveFunctionInCopy => {
            "if its schema uses a function that only the app has, remove the index or column that does in a copy, and migrate the copy"
        }
        Remedy::RenameInCopy => "rename it in a copy of the file, and migrate the copy",
        Remedy::RenamePath => "the manifest and the ledger hold paths as text: name a copy or move the file",
        Remedy::RepairAndRestartSource => {
            "it was written to the source after preflight: repair it there, and start over with --restart"
        }
        Remedy::RestoreOrRecover => {
            "restore it from a backup, or recover the rest with `sqlite3 FILE .recover`, and migrate that"
        }
        Remedy::StopApp => "stop the app and try again",
        Remedy::StopWriters => "stop whatever copies over it, replaces it or writes to it, and try again",
        Remedy::WritableFolder => {
            "a database in WAL mode needs a folder that this account may write to, for SQLite's -shm file"
        }
        Remedy::BuildWithLockedSqlite => "build it with the SQLite that Cargo.lock names",
        Remedy::CheckSealedCopy => {
            "rows cannot be compared in an order that only one side has: check the sealed copy with `PRAGMA integrity_check`"
        }
        Remedy::MoreProcesses => {
            "allow this account more processes (`ulimit -u`), or use fewer with --workers"
        }
        Remedy::MoreRoom => "name a folder with more room with --backup-dir",
        Remedy::PutBackOrRestart { must_discard: false } => {
            "put it back where it was, or start over with --restart, which takes a new one"
        }
        Remedy::PutBackOrRestart { must_discard: true } => {
            "put it back where it was, or start over with --restart --discard, which takes a new one"
        }
        Remedy::RestoreSealedCopy => {
            "it was damaged or changed after the migration began; restore it from a backup of the backup folder"
        }
        Remedy::WritableBackupFolder => "name a folder that this account may write to with --backup-dir",
    };
    text.to_owned()
}

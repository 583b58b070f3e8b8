//! What to do about an error, where that takes the program's own commands, options or files. The program words it; a remedy in a
//! database or in a file is text (`Error::with_remedy_text`).

use std::path::PathBuf;

/// What to do about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Roll back although the indexes of the final copy are damaged, and repair them afterwards.
    AcceptDamagedIndexes,
    /// Let the system start more threads for this account, or ask for fewer workers.
    AllowProcesses,
    /// Wait for the migration that holds the lock, or end it.
    AwaitOther,
    /// Wait until fewer transactions are open in the source, or stop the app.
    CalmSource,
    /// Continue the rollback that has begun.
    ContinueRollback,
    /// Go on with the cutover, or roll it back.
    CutoverBegun,
    /// Drop also the migrations that the app's migrator has run since, with what they created.
    DiscardMigrations,
    /// Revert the migration, then apply it.
    DownThenUp,
    /// Drop what is there without checking it.
    DiscardUnseen,
    /// Start over, or restore a backup: a finished run is not undone.
    FinishedNotUndone,
    /// Find the value with a run that changes nothing.
    FindByDryRun,
    /// Plan with the numbering that the tables have.
    KeepNumbering {
        /// Whether it is `bigserial`.
        is_serial: bool,
    },
    /// Let writers wait longer, or write less meanwhile.
    LongerPause,
    /// Make room for the sealed copy, or choose another backup folder.
    MakeRoom {
        /// The backup folder.
        folder: PathBuf,
        /// What is free there.
        free_bytes: u64,
    },
    /// Migrate first.
    Migrate,
    /// Migrate again: a rollback has ended the last migration.
    MigrateAgain,
    /// Name the folder with the sealed copies.
    NameBackupFolder,
    /// Name the final copy of a rollback where it was moved to.
    NameCopyOfRollback,
    /// Give the sealed copy's new path, or take a new copy.
    NameSealedCopy,
    /// Give the path of the SQLite file.
    NameSource,
    /// Do this in the target, or write no baseline.
    OrNoBaseline(String),
    /// Choose another backup folder.
    OtherBackupFolder(FolderNeed),
    /// Choose an empty database, or start over.
    OtherDatabaseOrRestart,
    /// Choose an empty database, or plan for the tables that are there.
    OtherDatabaseOrExisting,
    /// Plan for another schema, or write no baseline.
    OtherSchemaOrNoBaseline,
    /// Plan again for the tables of the target.
    PlanAgain,
    /// Plan for the schema that the source has, and start over.
    PlanAgainAndRestart,
    /// Plan for the schema that the source has.
    PlanForSchema,
    /// Restore the sealed copy, or start over.
    PutBackOrRestart {
        /// Whether a restart cannot check what it drops.
        must_discard: bool,
    },
    /// Let SQLite build the indexes of the source again, and continue.
    RepairIndexes {
        /// The app's file.
        source: PathBuf,
    },
    /// Repair the row that the app's table refuses, or that table, and start over.
    RepairRowOrTable,
    /// Repair the value in the source, and start over.
    RepairSource,
    /// Repair the target, and start over.
    RepairTargetAndRestart {
        /// Whether a part was dropped already.
        has_dropped: bool,
    },
    /// Repair the row in the source, and catch up again.
    RepairSourceAndCatchUp,
    /// Repair the target and resume, or the source and start over.
    RepairTargetOrSource,
    /// Start over.
    Restart,
    /// Start over once more: an earlier restart was interrupted.
    RestartAgain,
    /// Start over as the role that owns the tables.
    RestartAsOwner,
    /// Resume.
    Resume,
    /// Do this in the target, and resume.
    ResumeAfter(String),
    /// Restore the sealed copy, and keep the file that is there.
    RestoreCopy,
    /// Restore the file of a migration that was edited, or apply it again.
    RestoreMigration {
        /// Whether it is the last one that is applied.
        is_last: bool,
    },
    /// Roll the cutover back.
    RollBack,
    /// Resume with the version that began the run, or start over.
    SameVersionOrRestart,
    /// See what is in the target.
    SeeStatus,
    /// Choose this table as well.
    SelectTable(String),
    /// Choose the table as well, or all tables.
    SelectTableOrAll,
    /// Stop the app, or close the source by a fence.
    StopWriters,
    /// Upgrade the server, or use a private one.
    UpgradeServer,
    /// See by validation what was written since, or drop it.
    ValidateOrDiscard,
    /// See by validation what is there, or start over.
    ValidateOrRestart,
}

/// What a backup folder needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderNeed {
    /// Enough room for the sealed copy.
    Room,
    /// A path that SQLite can open.
    ShortPath,
    /// The right to write there.
    Write,
}

//! The sentences of `cleanup`: how much is left, what is next, and why nothing is changed.

use super::proof::{NotMigrated, Refusal};
use crate::app_findings::{counted, counts, install, shown};
use crate::display::{printable, printable_lines, shell_word};
use app_checkout::{Applied, ChangeKind, Listing, Manager, Obstacle, Plan, Use};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use row_mover::source::archive::{Archive, CHECKSUMS, RESTORED_CHECKSUMS};
use row_mover::source::seal::Seal;

/// One line with the number of findings of each kind.
pub(super) fn summary(listing: &Listing) -> String {
    let files = counted(listing.files_read, "file", "files");
    if listing.findings.is_empty() {
        return format!("nothing of SQLite is left: {files} searched");
    }
    let counts: Vec<String> = counts(listing).into_iter().map(|(_, _, words)| words).collect();
    let mechanical = listing.findings.iter().filter(|finding| finding.is_mechanical).count();
    let total = listing.findings.len();
    format!("{total} left in {files}: {}; --apply does {mechanical}", counts.join(", "))
}

/// The command that updates a lock file.
pub(super) fn next((path, manager): &(std::path::PathBuf, Manager)) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| "the checkout".to_owned(), shown);
    format!("`{}` in {folder}, which rewrites {}", install(*manager), shown(path))
}

/// Why nothing is changed.
pub(super) fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotReady { reason, next } => format!("{reason}; next: {next}"),
        Refusal::TooEarly { cutover_at, left_seconds } => {
            let left = duration(*left_seconds);
            format!(
                "the cutover finished at {cutover_at}, which is too recent: {left} are left of --soak; next: run the same command then, \
                 or give a shorter --soak"
            )
        }
        Refusal::Repository(obstacle) => repository(obstacle),
        Refusal::Git(reason) => format!("git cannot be asked: {}", printable_lines(reason)),
        Refusal::NotMigrated { databases, migrated } => {
            let why = |why: &NotMigrated| match why {
                NotMigrated::SealedCopy => {
                    "is the sealed copy, which `cargo xtask validate` reads".to_owned()
                }
                NotMigrated::Other => "is not the database that was migrated".to_owned(),
                NotMigrated::Written => "was written to since it was sealed".to_owned(),
                NotMigrated::Unknown(cause) => format!("cannot be compared with the sealed copy: {cause}"),
            };
            let databases =
                databases.iter().map(|(path, reason)| format!("{} {}; ", shown(path), why(reason)));
            format!(
                "{}what was migrated is {}; next: migrate each database that the app needs (`cargo xtask migrate --sqlite \
                 FILE`, with --restart where it was migrated before), and leave the others where they are with --exclude",
                databases.collect::<String>(),
                shown(migrated)
            )
        }
        Refusal::InUse(uses) => {
            let line = |each: &app_checkout::InUse| {
                let path = shown(&each.database);
                match each.by {
                    Use::Log(suffix) => format!(
                        "{path}{suffix} is not empty: an app has the database open, or ended without closing it. Stop the app, \
                         then run `sqlite3 {path} 'PRAGMA wal_checkpoint(TRUNCATE)'`"
                    ),
                    Use::Lock => {
                        format!("{path} is in use: another process has it locked. Stop the app first")
                    }
                }
            };
            uses.iter().map(line).collect::<Vec<_>>().join("\n  ")
        }
        Refusal::CopyGone(copy) => format!(
            "the last sealed copy, {}, is gone, and SQLite's integrity_check has not run over it; next: put it back, for instance from its \
             archive",
            shown(copy)
        ),
        Refusal::DamagedIndexes { copy, problem } => format!(
            "the indexes of the last sealed copy, {}, do not agree with its tables: {}; the rows in PostgreSQL were read without them; \
             next: check what the app did through them while it worked with SQLite, then give --accept-damaged-indexes",
            shown(copy),
            printable(problem)
        ),
        Refusal::Declined => "the answer was no".to_owned(),
        Refusal::NoTerminal => "there is no terminal to ask on: give --yes".to_owned(),
    }
}

/// Why nothing can be committed.
fn repository(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Dirty(paths) => {
            let shown: Vec<String> = paths.iter().take(5).map(|path| shown(path)).collect();
            let more = paths.len().saturating_sub(shown.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!(
                "the checkout has changes that are not committed: {}{more}; next: commit them, or `git stash`",
                shown.join(", ")
            )
        }
        Obstacle::BranchExists(branch) => {
            let branch = shell_word(branch);
            format!(
                "the branch {branch} exists; next: continue there with `git switch {branch}`, or give another name with --branch"
            )
        }
        Obstacle::NoBranchName(name) => {
            format!("--branch {} is no name for a branch; next: give another one", printable(name))
        }
        Obstacle::Underway(what) => {
            format!(
                "a {what} is under way in the checkout; next: finish it, or `git {what} {}`",
                match *what {
                    "bisect" => "reset",
                    _ => "--abort",
                }
            )
        }
        Obstacle::NoCommit => "the repository has no commit yet; next: commit what is there".to_owned(),
        Obstacle::OtherRepository(path) => format!(
            "{} lies in a repository of its own, a submodule for one; next: leave it out with --exclude, and clean it up by itself",
            shown(path)
        ),
    }
}

/// The title and the text of a commit.
pub(super) fn commit(kind: ChangeKind) -> (&'static str, String) {
    let (title, text) = match kind {
        ChangeKind::Dependencies => (
            "Remove the SQLite packages",
            "The app's rows are in PostgreSQL. The package manager rewrites the lock file.",
        ),
        ChangeKind::Environment => (
            "Remove the path of the SQLite file from the environment",
            "The app reaches PostgreSQL through DATABASE_URL. What the file contained stays in the history.",
        ),
        ChangeKind::Databases => (
            "Remove the SQLite database files",
            "They are kept in the backup folder of the cleanup. What they contained stays in the history.",
        ),
    };
    (title, text.to_owned())
}

/// The remark where the cleanup is recorded.
pub(super) const FINISHED: &str =
    "the cleanup is finished and recorded: `cargo xtask rollback` is refused from now on";

/// The remark where something needs a person.
pub(super) const NOT_FINISHED: &str = "the cleanup is not finished, and `cargo xtask rollback` is still possible. Once what is left is done, or left out with --exclude, \
     run the same command again";

/// The question before anything changes.
pub(super) fn question(before: &Listing, plan: &Plan, branch: Option<&str>) -> String {
    let is_complete = before.findings.iter().all(|finding| finding.is_mechanical);
    let consequence = match is_complete {
        true => "Afterwards `cargo xtask rollback` is refused.",
        false => "`cargo xtask rollback` stays possible, since something is left for a person.",
    };
    let place = branch.map_or_else(String::new, |branch| format!(" on the branch {}", printable(branch)));
    let mut work = vec!["archive the sealed copy".to_owned()];
    if !plan.edits.is_empty() {
        work.push(format!("change {}", counted(plan.edits.len(), "file", "files")));
    }
    if !plan.moves.is_empty() {
        work.push(format!("move {}", counted(plan.moves.len(), "file", "files")));
    }
    if plan.is_empty() && is_complete {
        work.push("record that nothing of SQLite is left".to_owned());
    }
    let last = work.pop().unwrap_or_default();
    let work = if work.is_empty() { last } else { format!("{} and {last}", work.join(", ")) };
    format!("About to {work}{place}. {consequence} Continue? [y/N]")
}

/// The remark before the last copy is checked.
pub(super) const CHECKING: &str =
    "checking the last sealed copy with SQLite's integrity_check, which may take some minutes";

/// The remark where its problems are accepted.
pub(super) fn accepted(problems: usize) -> String {
    let problems = counted(problems, "problem", "problems");
    format!(
        "note: integrity_check found {problems} in the last sealed copy, accepted by --accept-damaged-indexes"
    )
}

/// The archive.
pub(super) fn archived(archive: &Archive) -> String {
    let verb = if archive.is_earlier { "verified the archive" } else { "archived the sealed copy as" };
    format!("{verb} {}: SHA-256 {}", shown(&archive.path), archive.sha256)
}

/// What was done, and what is next.
pub(super) fn done(plan: &Plan, applied: &Applied, branch: Option<&str>, seal: &Seal) -> Vec<String> {
    let mut lines: Vec<String> =
        applied.edited.iter().map(|path| format!("changed {}", shown(path))).collect();
    lines.extend(
        applied.kept.iter().map(|path| format!("kept the text that git does not have as {}", shown(path))),
    );
    lines.extend(
        applied.moved.iter().map(|each| format!("moved {} to {}", shown(&each.source), shown(&each.target))),
    );
    lines.extend(applied.commits.iter().map(|(hash, title)| format!("committed {hash}: {title}")));
    let moved_source = || applied.moved.iter().any(|each| seal.source_path.ends_with(&each.source));
    if !moved_source() && seal.source_path.exists() {
        lines.push(format!(
            "note: the SQLite file {} is outside of what was changed, and stays where it is",
            shown(&seal.source_path)
        ));
    }
    if !applied.commits.is_empty() {
        lines.push("note: what the removed files contained stays in git's history".to_owned());
    }
    lines.extend(plan.lockfiles.iter().map(|lockfile| format!("next: {}", next(lockfile))));
    if let Some(branch) = branch.filter(|_| !applied.commits.is_empty()) {
        lines
            .push(format!("next: review the branch {}, and merge it; nothing was pushed", printable(branch)));
    }
    lines
}

/// The note that lies beside the archive.
pub(super) fn retention(archive: &str, database: &str, seal: &Seal, cutover_at: &str) -> String {
    let (archive_word, database_word) = (shell_word(archive), shell_word(database));
    format!(
        "What this is\n\
         \x20 {archive} is the last copy of the SQLite database {}, made at\n\
         \x20 {} when the app moved to PostgreSQL. The cutover finished at {cutover_at}.\n\
         \x20 It contains all rows of the app at that time, secrets included, and nothing that was\n\
         \x20 written to PostgreSQL since then.\n\n\
         How long to keep it\n\
         \x20 For as long as your rules for backups and for personal data say. Nothing deletes it.\n\n\
         How to restore it, in this folder\n\
         \x20 sha256sum -c {CHECKSUMS}\n\
         \x20 zstd -d {archive_word} -o {database_word}\n\
         \x20 sha256sum -c {RESTORED_CHECKSUMS}\n",
        printable(&shown(&seal.source_path)),
        seal.sealed_at,
    )
}

/// A time as people give it: `7d`, `12h`, `30m`, or several parts.
pub(super) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "a time such as 7d, 12h or 30m is needed".to_owned())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let duration =
        duration.map_err(|_| "months and years differ in length: give days, hours or minutes".to_owned())?;
    if duration.is_negative() { Err("a time that has passed is needed".to_owned()) } else { Ok(duration) }
}

/// A number of seconds in its two largest units.
fn duration(seconds: u64) -> String {
    let units = [
        (86_400, "day", "days"),
        (3600, "hour", "hours"),
        (60, "minute", "minutes"),
        (1, "second", "seconds"),
    ];
    let mut rest = seconds;
    let parts = units.map(|(unit, one, many)| {
        let count = rest / unit;
        rest %= unit;
        (count, counted(usize::try_from(count).unwrap_or(usize::MAX), one, many))
    });
    let shown: Vec<String> = parts
        .into_iter()
        .skip_while(|part| part.0 == 0)
        .take(2)
        .filter(|part| part.0 > 0)
        .map(|part| part.1)
        .collect();
    shown.join(" and ")
}

/// A line with the password of every URL in it masked.
pub(super) fn without_passwords(line: &str) -> String {
    let mut parts = line.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let (address, after) = part.split_at(part.find([' ', '"', '\'', '`']).unwrap_or(part.len()));
        // The last `@` ends the user part even where the password has one, or a slash.
        match address.rsplit_once('@') {
            Some((user, host)) => {
                out.push_str(&format!("{}:***@{host}", user.split(':').next().unwrap_or_default()));
            }
            None => out.push_str(address),
        }
        out.push_str(after);
    }
    out
}

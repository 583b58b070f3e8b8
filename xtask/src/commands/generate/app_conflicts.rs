//! Files of an app in places where generated files would go: what they are, and the commands that make room.

use std::path::Path;

use drizzle::Journal;

use crate::display::shell_word;

/// What is in the way.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    /// Whose the migrations in `drizzle/` are, if they are not generated.
    pub(super) journal: Option<Journal>,
    /// What is in the places of folders and is none, by its path below the app's folder.
    pub(super) not_folders: Vec<String>,
    /// The paths of files that were not generated, below the app's folder.
    pub(super) own: Vec<String>,
}

/// Refuses to overwrite what the app has written.
///
/// # Errors
/// When there is any, with the commands that rename it.
pub(super) fn refuse(folder: &Path, conflicts: &Conflicts) -> anyhow::Result<()> {
    let mut reasons = Vec::new();
    let mut commands = Vec::new();
    let mut rename = |path: &str, suffix: &str| {
        let from = folder.join(path);
        let mut to = folder.join(format!("{path}{suffix}"));
        let mut number = 2;
        while to.exists() {
            to = folder.join(format!("{path}{suffix}-{number}"));
            number += 1;
        }
        let word = |path: &Path| shell_word(&path.display().to_string());
        commands.push(format!("mv {} {}", word(&from), word(&to)));
    };
    match &conflicts.journal {
        Some(Journal::OtherDialect(dialect)) => {
            reasons.push(format!("drizzle/ has the app's migrations for {dialect}"));
            rename("drizzle", &format!("-{}", plain(dialect)));
        }
        Some(_) => {
            reasons.push("drizzle/ has other migrations than the generated ones".to_owned());
            rename("drizzle", "-before");
        }
        None => {}
    }
    if !conflicts.not_folders.is_empty() {
        reasons.push(format!(
            "this command needs a folder in the place of {}",
            conflicts.not_folders.join(", ")
        ));
        conflicts.not_folders.iter().for_each(|path| rename(path, ".before"));
    }
    if !conflicts.own.is_empty() {
        reasons.push(format!("this command did not write {}", conflicts.own.join(", ")));
        conflicts.own.iter().for_each(|path| rename(path, ".before"));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let keep = match conflicts.own.as_slice() {
        _ if conflicts.journal.is_some() => "",
        [] => "",
        _ => ", or leave them as they are with --keep-own",
    };
    Err(row_mover::Error::new(format!("files of the app in {} would be overwritten", folder.display()))
        .caused_by(reasons.join("; "))
        .with_remedy_text(format!(
            "rename them and run the same command again{keep}\n{}",
            commands.join("\n")
        ))
        .into())
}

/// A dialect as a part of a file's name.
fn plain(dialect: &str) -> String {
    let kept: String = dialect.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    if kept.is_empty() { "before".to_owned() } else { kept }
}

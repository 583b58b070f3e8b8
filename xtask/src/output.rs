//! The only module that writes to the screen: data to standard output, everything else to standard error.

use row_mover::error::TargetChanged;
use row_mover::run::LeftOpen;
use std::io::{self, Write};

use crate::display::printable_lines;
use crate::{open_tables, remedy};

/// Writes data to standard output, with a closing newline where it has none; no data is no line.
///
/// A reader that has closed the pipe (`| head`) is no error.
///
/// # Errors
/// Where standard output cannot be written for another reason, a full disk for one.
pub(crate) fn stdout(text: &str) -> anyhow::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        _ => Ok(()),
    }
}

/// Writes a line of progress or a remark, if it is not empty, to standard error, and ignores one that is closed. Names of a database are escaped.
pub(crate) fn note(text: &str) {
    if text.is_empty() {
        return;
    }
    let _ = writeln!(io::stderr().lock(), "{}", printable_lines(text));
}

/// Prints remarks, or suppresses them with `--quiet`.
pub(crate) fn remarks(is_quiet: bool) -> impl Fn(&str) {
    move |text| {
        if !is_quiet {
            note(text);
        }
    }
}

/// Writes an error with its causes and the remedy to standard error.
pub(crate) fn failure(error: &anyhow::Error) {
    // A line of a server's message must not look like one of ours.
    let indented = |words: &str, by: &str| words.trim_end().replace('\n', &format!("\n{by}"));
    note(&format!("error: {}", indented(&error.to_string(), "  ")));
    let mut shown = error.to_string();
    for cause in error.chain().skip(1).filter(|cause| !cause.is::<LeftOpen>()) {
        let words = match cause.downcast_ref::<TargetChanged>() {
            Some(changed) => ::report::words::schema_list(&changed.differences),
            None => cause.to_string(),
        };
        // A library often repeats its cause's words in its own.
        if !shown.contains(&words) {
            note(&format!("  because: {}", indented(&words, "    ")));
        }
        shown = words;
    }
    if let Some(left) = error.chain().find_map(|cause| cause.downcast_ref::<LeftOpen>()) {
        let state = open_tables::text(left.open.as_ref());
        note(&format!("  state: {}", indented(&state, "    ")));
    }
    if let Some(next) = remedy::of(error) {
        note(&format!("  next: {}", indented(&next, "    ")));
    }
}

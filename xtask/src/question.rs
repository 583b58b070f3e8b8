//! Asks a person on the terminal. A signal ends the question, so that what was prepared for the answer can be undone.

use std::io::{BufRead, IsTerminal};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::output;
use crate::stop::Stop;

/// How often a signal is looked for.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// Whether somebody can answer.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks, and returns the answer without its white space; none where a signal or the end of the input came instead.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn ask(question: &str, stop: &Stop) -> anyhow::Result<Option<String>> {
    output::note(question);
    let (sender, receiver) = channel();
    // It ends with the process where nobody answers: a read of the terminal cannot be interrupted.
    std::thread::Builder::new().name("answer".to_owned()).spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        drop(sender.send(read.ok().filter(|bytes| *bytes > 0).map(|_| answer.trim().to_owned())));
    })?;
    loop {
        match receiver.recv_timeout(STOP_CHECK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) if !stop.is_asked() => {}
            Err(_) => return Ok(None),
        }
    }
}

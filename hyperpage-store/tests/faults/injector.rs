//! One fault at a chosen message of the store: the connection is cut or silent, a reply is withheld, or the session is killed.

use std::sync::{Arc, Mutex};

use test_database::proxy::{Action, Piece, Proxy};

use crate::harness::{App, kill_sessions};

/// What happens at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message does not arrive, and the connection is closed.
    Cut,
    /// The message arrives, its reply does not, and the connection is closed.
    ReplyLost,
    /// Neither the message nor anything after it arrives, and nothing is closed.
    Silence,
    /// An administrator has ended the session before the message arrives.
    Killed,
}

/// Where a fault happened.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Whether the message was a COMMIT.
    pub is_commit: bool,
    /// What can be read of the message.
    pub text: String,
}

#[derive(Default)]
struct Plan {
    /// The fault, and the number of messages before it.
    due: Option<(usize, Fault)>,
    hit: Option<Hit>,
}

/// A proxy that injects one fault at a time.
pub struct Injector {
    pub proxy: Proxy,
    plan: Arc<Mutex<Plan>>,
}

impl Injector {
    /// Starts it in front of an app's database.
    pub fn start(app: &App) -> Injector {
        let plan = Arc::new(Mutex::new(Plan::default()));
        let judged = Arc::clone(&plan);
        let direct = app.database.url().to_owned();
        let proxy = Proxy::start(app.database.url(), move |piece| match next(&judged, piece) {
            None => Action::Forward,
            Some(Fault::Cut) => Action::Cut,
            Some(Fault::ReplyLost) => Action::WithholdReply,
            Some(Fault::Silence) => Action::Silence,
            Some(Fault::Killed) => {
                kill_sessions(&direct);
                Action::Forward
            }
        });
        Injector { proxy, plan }
    }

    /// Plans a fault after this number of messages.
    pub fn arm(&self, after: usize, fault: Fault) {
        *self.plan.lock().unwrap() = Plan { due: Some((after, fault)), hit: None };
    }

    /// Plans nothing more, and returns where the fault happened, if it did.
    pub fn disarm(&self) -> Option<Hit> {
        std::mem::take(&mut *self.plan.lock().unwrap()).hit
    }
}

/// Counts a message, and returns the fault that is due at it.
fn next(plan: &Mutex<Plan>, piece: &Piece<'_>) -> Option<Fault> {
    if !piece.is_from_client {
        return None;
    }
    let mut plan = plan.lock().unwrap();
    let (before, fault) = plan.due?;
    if before > 0 {
        plan.due = Some((before - 1, fault));
        return None;
    }
    plan.due = None;
    let readable = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
    let text = piece.bytes.iter().take(200).map(readable).collect();
    plan.hit = Some(Hit { is_commit: piece.contains(b"COMMIT\0"), text });
    Some(fault)
}

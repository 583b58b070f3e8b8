//! The fence: what keeps writers from the source after a cutover. This is the one place where the source is written to.
//!
//! Nothing here decides when; `cutover` closes the fence and `rollback` opens it. The fence is a set of triggers on ordinary tables, and the
//! read-only mark in the file's header where triggers are not enough. It carries a part of the hash of the last sealed copy, which
//! identifies the cutover.
//!
//! The file is only touched through SQLite: closing a descriptor of it drops the locks that SQLite holds for this process (SQLite manual,
//! "How To Corrupt", section 2.2).

mod connection;
mod detect;
mod lock;
mod mark;
mod open;
mod same_content;
mod sealed;
mod triggers;

pub use detect::detect;
pub use lock::WriteLock;
pub use open::open;
pub use sealed::is_sealed_behind_fence;
pub(crate) use triggers::has_name_of_fence;

/// The message of a write that the triggers refuse.
pub const MESSAGE: &str = "moved to PostgreSQL";

/// Identifies the fence of one cutover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceId(String);

/// When the fence includes the read-only mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarkUse {
    /// Where the file has full-text, R*Tree or other virtual tables, whose writes pass triggers.
    #[default]
    WhereNeeded,
    /// Always: also changes of the schema are refused then.
    Always,
}

impl FenceId {
    /// Digits of the hash in the name of each trigger.
    const DIGITS: usize = 16;

    /// The fence of the cutover whose last sealed copy has this SHA-256, in hex.
    pub fn of(sha256: &str) -> FenceId {
        FenceId(sha256.chars().filter(char::is_ascii_hexdigit).take(Self::DIGITS).collect())
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

//! What all sections share: cases as data, the migration of any source, and what is held against what came of it.

pub mod case;
pub mod check;
pub mod migrate;
pub mod oracle;

pub use case::{Ending, PeerCase, case};
pub use check::check;

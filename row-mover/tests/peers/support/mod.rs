//! Support for all sections: cases as data, the migration of any source, and checks of the result.

pub mod case;
pub mod check;
pub mod migrate;
pub mod oracle;

pub use case::{Ending, PeerCase, case};
pub use check::check;

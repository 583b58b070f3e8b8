//! Comparison of a SQLite database with a PostgreSQL database that any tool may have filled: what a comparison can find, as data.
//!
//! Everything here is pure. Reading both databases is `row_mover::comparison`; the sentences are `report`'s.

mod diagnosis;
mod gap;
mod other_form;
mod result;

pub use diagnosis::Diagnosis;
pub use gap::Gap;
pub use other_form::{OtherForm, TimeUnit};
pub use result::{
    ComparedColumn, ComparedTable, Comparison, DifferentValues, EqualValues, Pairing, RowDifference, RowKind,
    SealedSource,
};

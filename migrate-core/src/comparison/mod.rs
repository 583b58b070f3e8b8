//! Comparison of a SQLite database with a PostgreSQL database that any tool may have filled: what a comparison can find, as data.
//!
//! Everything here is pure. Reading both databases is `row_mover::comparison`; the sentences are `report`'s.

mod diagnosis;
mod examine;
mod gap;
pub mod key_order;
mod matching;
mod other_form;
mod result;
pub mod structure;

pub use diagnosis::Diagnosis;
pub use examine::{
    append_normal_form, append_normal_form_of_target, examine, form, form_of_conversion, key_conversions,
    likely_unit,
};
pub use gap::Gap;
pub use matching::{Match, match_tables};
pub use other_form::{FormFamily, OtherForm, TimeUnit, unit_of};
pub use result::{
    ComparedColumn, ComparedTable, Comparison, DifferentValues, EqualValues, Pairing, RowDifference, RowKind,
    SealedSource, WithoutCounterpart,
};

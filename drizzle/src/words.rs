//! The words for what a schema in TypeScript leaves out, in its comments and on the screen.

use migrate_core::plan::LeftOut;

/// Returns a sentence about something that is left out.
pub fn left_out(item: &LeftOut) -> String {
    match item {
        LeftOut::View { name } => {
            format!(
                "The view {name} is left out: its plan is of an older version, without the types of its columns."
            )
        }
    }
}

//! What an app's Drizzle schema leaves out, among what a reviewer should check.

use migrate_core::plan::LeftOut;

use super::View;
use super::checks::{Group, Item, no_lines};

/// Returns what Drizzle cannot express or misreads.
pub(super) fn group(view: &View<'_>) -> Group {
    let left_out = view.shown.drizzle.iter().flat_map(|decided| &decided.left_out);
    Group {
        title: "Drizzle's schema",
        hint: "The database has all of it; schema.ts does not, or drizzle-kit misreads it (docs/drizzle.md)."
            .to_owned(),
        items: left_out.map(item).collect(),
        lines: no_lines,
    }
}

fn item(left_out: &LeftOut) -> Item {
    let text = drizzle::left_out(left_out);
    Item { text: text.trim_end_matches('.').to_owned(), lines: Vec::new() }
}

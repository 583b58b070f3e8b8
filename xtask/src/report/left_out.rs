//! What `repair.sql` leaves out, in words.

use migrate_core::comparison::structure::{Structure, StructureDifference};
use report::figures::count;
use report::words;

use super::counted;
use crate::display::printable;

/// How many differences of the structure no statement repairs, and why.
pub(super) fn not_repaired(structure: &Structure) -> String {
    const SHOWN_MAX: usize = 3;
    let mut reasons: Vec<(String, u64)> = Vec::new();
    for found in structure.not_repaired() {
        let reason = words::unrepaired(found);
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, number)) => *number += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let total: u64 = reasons.iter().map(|(_, number)| number).sum();
    if total == 0 {
        return String::new();
    }
    reasons.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let one = |(reason, number): &(String, u64)| match number {
        _ if total == 1 => printable(reason),
        number => format!("{} ({})", printable(reason), count(*number)),
    };
    let mut shown: Vec<String> = reasons.iter().take(SHOWN_MAX).map(one).collect();
    if reasons.len() > SHOWN_MAX {
        shown.push("…".to_owned());
    }
    let verb = if total == 1 { "has" } else { "have" };
    format!("{} of the structure {verb} no statement: {}\n", counted(total, "difference"), shown.join("; "))
}

/// What to do about a difference that no statement repairs.
pub(super) fn left_out(found: &StructureDifference) -> String {
    format!("no statement repairs it: {}", words::unrepaired(found))
}

/// The same as a comment of SQL, on one line: a name may have line ends.
pub(super) fn left_out_comment(found: &StructureDifference) -> String {
    let line = format!("Left out: {}: {}", words::structure(found), words::unrepaired(found));
    format!("-- {}\n", printable(&line))
}

//! Rows of the target that break what is missing, and what that means for its repair.

use super::{StructureDifference, StructureProblem as Problem, Unrepaired};

/// Notes that rows break what is missing: a foreign key or a CHECK that is added is for new rows, and nothing else can be.
pub fn broken_by_rows(found: &mut StructureDifference) {
    found.is_broken_by_rows = true;
    let is_constraint = matches!(
        found.problem,
        Problem::ForeignKeyMissing { .. } | Problem::ForeignKeyDiffers { .. } | Problem::CheckMissing { .. }
    );
    let is_added = |sql: &String| sql.contains(" ADD CONSTRAINT ");
    if !is_constraint || !found.repair.iter().any(is_added) {
        found.leave_out(Unrepaired::BrokenByRows);
        return;
    }
    for sql in found.repair.iter_mut().filter(|sql| is_added(sql) && !sql.ends_with(" NOT VALID;")) {
        if let Some(statement) = sql.strip_suffix(';') {
            *sql = format!("{statement} NOT VALID;");
        }
    }
}

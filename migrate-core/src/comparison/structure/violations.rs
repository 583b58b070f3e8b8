//! Rows of the target that break what is missing there, and what that means for its repair.

use super::{StructureDifference, StructureProblem as Problem};
use crate::identifier::{quote_pg, quote_pg_list};
use crate::plan::Plan;

/// The query that returns whether rows of the target break what is missing; none where nothing can.
pub fn violations_sql(expected: &Plan, found: &StructureDifference) -> Option<String> {
    let table = expected.tables.iter().find(|table| Some(&table.source) == found.table.as_ref())?;
    let (name, all) = (table.name_in_sql(), |conditions: Vec<String>| conditions.join(" AND "));
    let not_null = |columns: &[String]| -> Vec<String> {
        columns.iter().map(|column| format!("{} IS NOT NULL", quote_pg(column))).collect()
    };
    let rows = match &found.problem {
        Problem::NotNullMissing { column } => format!("{name} WHERE {} IS NULL", quote_pg(column)),
        Problem::PrimaryKeyMissing { columns } => {
            format!("{name} GROUP BY {} HAVING count(*) > 1", quote_pg_list(columns))
        }
        Problem::UniqueMissing { keys, condition, .. } => {
            let mut conditions: Vec<String> = keys.iter().map(|key| format!("({key}) IS NOT NULL")).collect();
            conditions.extend(condition.iter().map(|condition| format!("({condition})")));
            let keys: Vec<String> = keys.iter().map(|key| format!("({key})")).collect();
            format!("{name} WHERE {} GROUP BY {} HAVING count(*) > 1", all(conditions), keys.join(", "))
        }
        Problem::CheckMissing { check } => {
            let check = table.checks.iter().find(|planned| planned.source == *check)?;
            format!("{name} WHERE NOT ({})", check.expression)
        }
        Problem::ForeignKeyMissing { columns, parent, parent_columns } => {
            let parent = expected.tables.iter().find(|table| table.target == *parent)?;
            let pairs = columns.iter().zip(parent_columns);
            let pairs =
                pairs.map(|(own, other)| format!("parent.{} = child.{}", quote_pg(other), quote_pg(own)));
            let parents = format!("{} AS parent WHERE {}", parent.name_in_sql(), all(pairs.collect()));
            format!("{name} AS child WHERE {} AND NOT EXISTS (SELECT FROM {parents})", all(not_null(columns)))
        }
        _ => return None,
    };
    Some(format!("SELECT EXISTS (SELECT FROM {rows})"))
}

/// Notes that rows break what is missing: a foreign key or a CHECK is made for new rows, and nothing else can be.
pub fn broken_by_rows(found: &mut StructureDifference) {
    found.is_broken_by_rows = true;
    let can_be_not_valid =
        matches!(found.problem, Problem::ForeignKeyMissing { .. } | Problem::CheckMissing { .. });
    if !can_be_not_valid {
        found.repair.clear();
    }
    for sql in &mut found.repair {
        if let Some(statement) = sql.strip_suffix(';') {
            *sql = format!("{statement} NOT VALID;");
        }
    }
}

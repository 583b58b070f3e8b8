//! The words for why no statement repairs a difference.

use migrate_core::comparison::structure::{StructureDifference, Unrepaired};

/// Why no statement repairs a difference.
pub fn unrepaired(found: &StructureDifference) -> String {
    let Some(reason) = &found.unrepaired else { return "it has to be decided by hand".to_owned() };
    let list = |names: &[String]| names.join(", ");
    match reason {
        Unrepaired::BrokenByRows => "rows break it".to_owned(),
        Unrepaired::TooLongForIndex => "a value may be too long for an index".to_owned(),
        Unrepaired::Refused { message } => format!("PostgreSQL refuses it: {message}"),
        Unrepaired::UsedBy { objects } => format!("needed as it is by {}", list(objects)),
        Unrepaired::LostWithColumn { objects } => {
            format!("the column would be made anew, without its {}", list(objects))
        }
        Unrepaired::Inherited => "it is inherited from another table".to_owned(),
        Unrepaired::PartitionKey => {
            "a key of a partitioned table has to include the columns that it is partitioned by".to_owned()
        }
        Unrepaired::Partitioned => "the table is partitioned".to_owned(),
        Unrepaired::ColumnMissing { table, column } => format!("column {table}.{column} is missing"),
        Unrepaired::NoKey { parent, columns } => {
            format!("nothing keeps {parent} ({}) unique", list(columns))
        }
        Unrepaired::Unlogged { parent } => format!("{parent} is UNLOGGED"),
        Unrepaired::TakesNull { column } => format!("{column} has to be NOT NULL first"),
        Unrepaired::NotNumbered { type_name } => format!("a column of type {type_name} cannot be numbered"),
        Unrepaired::NumberTooHigh { type_name } => {
            format!("the next number is too high for type {type_name}")
        }
        Unrepaired::NeverNull => {
            "an identity column, a domain or a replica identity is always NOT NULL".to_owned()
        }
        Unrepaired::ViewMissing { view } => format!("view {view} is missing, and left out itself"),
        Unrepaired::NameTaken { name } => format!("something else is named {name}"),
    }
}

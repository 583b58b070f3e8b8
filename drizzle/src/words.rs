//! The words for what a schema in TypeScript leaves out, in its comments and on the screen.

use migrate_core::plan::LeftOut;

/// Returns a sentence about something that Drizzle cannot express or misreads.
pub fn left_out(item: &LeftOut) -> String {
    match item {
        LeftOut::Table { table } => format!(
            "Table {table} is left out and hidden from drizzle-kit: drizzle-kit cannot read a name with a quotation mark, the name __proto__, or a table named like a property of all objects, such as constructor."
        ),
        LeftOut::View { view } => format!(
            "View {view} is left out and hidden from drizzle-kit: drizzle-kit cannot read a name of it, or the plan lacks the types of its columns."
        ),
        LeftOut::Trigger { table, trigger } => {
            format!("Trigger {trigger} on {table} is left out: Drizzle has no triggers.")
        }
        LeftOut::ForeignKey { table, key } => format!(
            "Foreign key {key} of {table} is left out: the table that it references is. `drizzle-kit push` would drop it."
        ),
        LeftOut::Deferred { table, key } => {
            format!(
                "Foreign key {key} of {table} is DEFERRABLE INITIALLY DEFERRED, which Drizzle cannot express."
            )
        }
        LeftOut::KeyOrder { table, key } => format!(
            "Key {key} of {table} has its columns in another order: they are written in the order of the table, as drizzle-kit reads them."
        ),
        LeftOut::ForeignKeyOrder { table, key } => format!(
            "Foreign key {key} of {table} has its columns in another order: both sides are written in the order of their tables, as \
             drizzle-kit reads them, and only the SQL shows which belong together."
        ),
        LeftOut::ReferencedIndex { table, index } => format!(
            "Unique index {index} of {table} is left out: a foreign key references it, and drizzle-kit does not see such an index."
        ),
        LeftOut::DescendingExpression { table, index } => format!(
            "Index {index} of {table} has expressions and a descending key: `drizzle-kit push` would drop it and create it again each time."
        ),
        LeftOut::DefaultMisread { table, column } => format!(
            "The default of {table}.{column} is written as drizzle-kit reads it, which cuts it at the first `::`."
        ),
        LeftOut::DefaultUnknown { table, column } => format!(
            "The default of {table}.{column} may be printed in another form by PostgreSQL: `drizzle-kit push` may set it again each time."
        ),
        LeftOut::DefaultUnreadable { table, column } => {
            format!(
                "drizzle-kit stops with an error at the default of {table}.{column}: `push` and `pull` fail."
            )
        }
        LeftOut::Identity { table, column } => format!(
            "The sequence of {table}.{column} has a quoted name: `drizzle-kit push` would set its cache again each time."
        ),
    }
}

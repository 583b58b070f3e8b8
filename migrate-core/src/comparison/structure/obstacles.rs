//! What in the target makes PostgreSQL refuse statements: facts of its catalog.

/// A fact of the catalog that makes PostgreSQL refuse a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obstacle {
    /// What it refuses.
    pub kind: ObstacleKind,
    /// The schema.
    pub schema: String,
    /// The table; empty where it is about a name in the schema.
    pub table: String,
    /// The column, constraint or index; empty where it is about the table.
    pub name: String,
    /// The object that needs it, in PostgreSQL's words.
    pub object: String,
    /// The foreign key that needs an index: its schema, table and name.
    pub foreign_key: Option<[String; 3]>,
}

/// What an obstacle is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObstacleKind {
    /// An object needs the column as it is: neither its type can be changed, nor can it be dropped.
    NeedsColumn,
    /// An object is dropped with the column.
    GoesWithColumn,
    /// The type of the table's rows is that of a column: no column's type can be changed, and none can be added.
    RowType,
    /// The column belongs to the table's parent.
    InheritedColumn,
    /// The constraint belongs to the table's parent.
    InheritedConstraint,
    /// The index belongs to that of a partitioned table.
    InheritedIndex,
    /// The table is a partition.
    Partition,
    /// The table is partitioned.
    Partitioned,
    /// The table is partitioned by the column, or by an expression where it has no name.
    PartitionKey,
    /// The table is UNLOGGED.
    Unlogged,
    /// The column is NOT NULL by something else than itself.
    NeverNull,
    /// A foreign key or a view needs the index, or the constraint that made it.
    NeedsIndex,
    /// The index is that of a DEFERRABLE constraint, which foreign keys cannot reference.
    DeferrableIndex,
    /// The name of a relation or a type.
    #[default]
    Name,
    /// The name of a function without arguments.
    Function,
}

impl ObstacleKind {
    /// All kinds with their names in queries.
    const NAMED: [(&'static str, ObstacleKind); 15] = [
        ("needs column", ObstacleKind::NeedsColumn),
        ("goes with column", ObstacleKind::GoesWithColumn),
        ("row type", ObstacleKind::RowType),
        ("inherited column", ObstacleKind::InheritedColumn),
        ("inherited constraint", ObstacleKind::InheritedConstraint),
        ("inherited index", ObstacleKind::InheritedIndex),
        ("partition", ObstacleKind::Partition),
        ("partitioned", ObstacleKind::Partitioned),
        ("partition key", ObstacleKind::PartitionKey),
        ("unlogged", ObstacleKind::Unlogged),
        ("never null", ObstacleKind::NeverNull),
        ("needs index", ObstacleKind::NeedsIndex),
        ("deferrable index", ObstacleKind::DeferrableIndex),
        ("name", ObstacleKind::Name),
        ("function", ObstacleKind::Function),
    ];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<ObstacleKind> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

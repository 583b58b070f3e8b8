//! Differences between the live schema and the one that the plan creates.

use std::fmt;

use serde::Serialize;

/// A difference between the live schema and the plan's. Tables are named as in the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SchemaDifference {
    /// A table is missing.
    TableMissing {
        /// The table.
        table: String,
    },
    /// An item of a table is missing, such as a column.
    ItemMissing {
        /// The table, view, sequence or function.
        table: String,
        /// What is missing.
        #[serde(flatten)]
        item: SchemaItem,
        /// How the plan defines it.
        planned: String,
    },
    /// An item is defined differently.
    ItemDiffers {
        /// The table, view, sequence or function.
        table: String,
        /// What differs.
        #[serde(flatten)]
        item: SchemaItem,
        /// How PostgreSQL has it.
        live: String,
        /// How the plan defines it.
        planned: String,
    },
    /// An item of a planned table that the plan does not have.
    ItemUnplanned {
        /// The table, view, sequence or function.
        table: String,
        /// What is not planned.
        #[serde(flatten)]
        item: SchemaItem,
        /// How PostgreSQL has it.
        live: String,
    },
    /// An object in a schema of the plan that the plan does not have.
    ObjectUnplanned {
        /// The schema.
        schema: String,
        /// What kind of object it is, such as `view`.
        object: String,
        /// Its name.
        name: String,
    },
    /// Rows that the app had before the migration, and that were to be kept, are missing.
    KeptRowsMissing {
        /// The table.
        table: String,
        /// How many are missing.
        missing: u64,
        /// How many were to be kept.
        kept: u64,
    },
    /// The Diesel schema that the app compiles against is not the plan's.
    DieselSchemaDiffers {
        /// The file.
        file: String,
        /// The command that writes it.
        command: String,
    },
}

/// An item of a table's description, such as `column id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SchemaItem {
    /// What kind of item it is.
    pub item: ItemKind,
    /// Its name; none of what a table has once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What kind of item it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Whether foreign keys are checked at all.
    ConstraintChecking,
    /// A column.
    Column,
    /// A constraint, but for NOT NULL.
    Constraint,
    /// A function; its name is the list of arguments.
    Function,
    /// An index.
    Index,
    /// A table that inherits from it.
    InheritingTable,
    /// Whether it is a table or a view.
    RelationKind,
    /// A table that it inherits from.
    ParentTable,
    /// Whether it is logged.
    Persistence,
    /// The query of a view.
    Query,
    /// Row level security.
    RowLevelSecurity,
    /// A rule.
    Rule,
    /// What a sequence is made of.
    Sequence,
    /// A trigger.
    Trigger,
    /// Any other.
    Other,
}

/// The words of the description for items that have a name.
const NAMED: [(&str, ItemKind); 8] = [
    ("column ", ItemKind::Column),
    ("constraint ", ItemKind::Constraint),
    ("function ", ItemKind::Function),
    ("index ", ItemKind::Index),
    ("inheriting table ", ItemKind::InheritingTable),
    ("parent table ", ItemKind::ParentTable),
    ("rule ", ItemKind::Rule),
    ("trigger ", ItemKind::Trigger),
];

/// Those for items that a table has once.
const SINGLE: [(&str, ItemKind); 6] = [
    ("checking of constraints", ItemKind::ConstraintChecking),
    ("kind", ItemKind::RelationKind),
    ("persistence", ItemKind::Persistence),
    ("query", ItemKind::Query),
    ("row level security", ItemKind::RowLevelSecurity),
    ("sequence", ItemKind::Sequence),
];

impl SchemaItem {
    /// Reads an item of the description (`describe.sql`), such as `column id`.
    pub fn parse(text: &str) -> SchemaItem {
        if let Some((_, item)) = SINGLE.into_iter().find(|(word, _)| *word == text) {
            return SchemaItem { item, name: None };
        }
        let named = NAMED.into_iter().find_map(|(word, item)| Some((item, text.strip_prefix(word)?)));
        match named {
            Some((item, name)) => SchemaItem { item, name: Some(name.to_owned()) },
            None => SchemaItem { item: ItemKind::Other, name: Some(text.to_owned()) },
        }
    }

    /// Whether it is an item of this kind and name.
    pub fn is(&self, item: ItemKind, name: &str) -> bool {
        self.item == item && self.name.as_deref() == Some(name)
    }
}

impl fmt::Display for SchemaItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = NAMED.iter().chain(&SINGLE).find(|(_, item)| *item == self.item).map(|(word, _)| *word);
        write!(f, "{}{}", word.unwrap_or_default(), self.name.as_deref().unwrap_or_default())
    }
}

impl SchemaDifference {
    /// The table, view, sequence or function that it is about, by target name; none of an object beside them.
    pub fn table(&self) -> Option<&str> {
        match self {
            SchemaDifference::TableMissing { table }
            | SchemaDifference::ItemMissing { table, .. }
            | SchemaDifference::ItemDiffers { table, .. }
            | SchemaDifference::ItemUnplanned { table, .. }
            | SchemaDifference::KeptRowsMissing { table, .. } => Some(table),
            SchemaDifference::ObjectUnplanned { .. } | SchemaDifference::DieselSchemaDiffers { .. } => None,
        }
    }

    /// The item that it is about.
    pub fn item(&self) -> Option<&SchemaItem> {
        match self {
            SchemaDifference::ItemMissing { item, .. }
            | SchemaDifference::ItemDiffers { item, .. }
            | SchemaDifference::ItemUnplanned { item, .. } => Some(item),
            _ => None,
        }
    }

    /// Whether the rows of its table cannot be read as planned.
    pub fn makes_unreadable(&self) -> bool {
        match self {
            SchemaDifference::TableMissing { .. } => true,
            SchemaDifference::ItemMissing { item, .. } => item.item == ItemKind::Column,
            SchemaDifference::ItemDiffers { item, live, planned, .. } => {
                let name = |definition| ColumnDefinition::parse(definition).type_name;
                item.item == ItemKind::Column && name(live) != name(planned)
            }
            _ => false,
        }
    }
}

/// What of a column's definition differs, where a statement can restore it without touching values: each as the plan has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChange<'a> {
    /// Whether the column is to be NOT NULL; none where that does not differ.
    pub not_null: Option<bool>,
    /// The default that it is to have, if any; none where that does not differ.
    pub default: Option<Option<&'a str>>,
}

impl<'a> ColumnChange<'a> {
    /// Compares two definitions; none where more differs than NOT NULL and the default.
    pub fn between(live: &str, planned: &'a str) -> Option<ColumnChange<'a>> {
        let (live, planned) = (ColumnDefinition::parse(live), ColumnDefinition::parse(planned));
        let is_same = live.type_with_collation == planned.type_with_collation
            && live.generated == planned.generated
            && live.is_validated
            && planned.is_validated;
        is_same.then_some(ColumnChange {
            not_null: (live.is_not_null != planned.is_not_null).then_some(planned.is_not_null),
            default: (live.default != planned.default).then_some(planned.default),
        })
    }
}

/// A column's definition in its parts, in the order in which `describe.sql` composes them:
/// `TYPE [COLLATE …] [NOT NULL] [(not validated)] [GENERATED …] [DEFAULT …]`.
struct ColumnDefinition<'a> {
    type_name: &'a str,
    type_with_collation: &'a str,
    is_not_null: bool,
    is_validated: bool,
    generated: Option<&'a str>,
    default: Option<&'a str>,
}

impl ColumnDefinition<'_> {
    fn parse(definition: &str) -> ColumnDefinition<'_> {
        let position = |part: &str| definition.find(part).unwrap_or(definition.len());
        let (generated_at, default_at) = (position(" GENERATED "), position(" DEFAULT "));
        let (head, tail) = definition.split_at(generated_at.min(default_at));
        let (head, is_validated) = match head.strip_suffix(" (not validated)") {
            Some(head) => (head, false),
            None => (head, true),
        };
        let (type_with_collation, is_not_null) = match head.strip_suffix(" NOT NULL") {
            Some(head) => (head, true),
            None => (head, false),
        };
        ColumnDefinition {
            type_name: type_with_collation
                .split_once(" COLLATE ")
                .map_or(type_with_collation, |(name, _)| name),
            type_with_collation,
            is_not_null,
            is_validated,
            generated: (generated_at < default_at).then_some(tail),
            default: (default_at < generated_at).then(|| tail.strip_prefix(" DEFAULT ").unwrap_or(tail)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_and_printed_alike() {
        for text in
            ["column id", "constraint a b", "kind", "checking of constraints", "function (text)", "else"]
        {
            assert_eq!(SchemaItem::parse(text).to_string(), text);
        }
        assert!(SchemaItem::parse("index by_v").is(ItemKind::Index, "by_v"));
    }

    #[test]
    fn a_change_of_a_column_is_told_by_its_parts() {
        let change = |not_null, default| Some(ColumnChange { not_null, default });
        for (live, planned, expected) in [
            ("text COLLATE C", "text COLLATE C NOT NULL", change(Some(true), None)),
            ("text DEFAULT 'a NOT NULL b'", "text", change(None, Some(None))),
            ("integer NOT NULL DEFAULT 1", "integer DEFAULT 2", change(Some(false), Some(Some("2")))),
            ("bigint NOT NULL", "integer NOT NULL", None),
            ("text COLLATE POSIX", "text COLLATE C", None),
            ("bigint NOT NULL", "bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY", None),
            ("text NOT NULL (not validated)", "text NOT NULL", None),
        ] {
            assert_eq!(ColumnChange::between(live, planned), expected, "{live}, {planned}");
        }
    }
}

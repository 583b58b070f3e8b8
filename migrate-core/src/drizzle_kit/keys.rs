//! Keys, sequences and names: the order in which columns of a key come, and what drizzle-kit's own queries find.

use crate::identifier::quote_pg;
use crate::plan::PlannedTable;
use crate::terms::DEFAULT_SCHEMA;

/// Returns the columns in the order of their table, in which drizzle-kit reads those of a key.
pub fn in_table_order<'k>(table: &PlannedTable, columns: &'k [String]) -> Vec<&'k str> {
    let place = |name: &str| table.columns.iter().position(|column| column.target == name);
    let mut ordered: Vec<&str> = columns.iter().map(String::as_str).collect();
    ordered.sort_by_key(|name| place(name));
    ordered
}

/// Returns the name of something in the form of `regclass`, for a session with `public` in its search path.
pub fn regclass(schema: &str, name: &str) -> String {
    match schema {
        DEFAULT_SCHEMA => quote_pg(name),
        _ => format!("{}.{}", quote_pg(schema), quote_pg(name)),
    }
}

/// Whether drizzle-kit knows that a sequence is that of a column: it compares the printed name with the plain one.
pub fn is_own_sequence(schema: &str, name: &str) -> bool {
    let printed = regclass(schema, name);
    let plain = printed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&printed);
    plain == name || printed == format!("{schema}.{name}")
}

/// The properties that every JavaScript object inherits. drizzle-kit looks a table up in a plain object, finds one of these instead, and
/// stops with an error.
const INHERITED_PROPERTIES: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// Whether drizzle-kit can read a table or a view of this name, with columns, keys and indexes of these names. It puts the name between
/// quotes of both kinds without doubling any, and keeps the others as properties of JavaScript objects, which `__proto__` never is.
pub fn is_readable<'n>(name: &str, parts: impl IntoIterator<Item = &'n String>) -> bool {
    !name.contains(['\'', '"'])
        && !INHERITED_PROPERTIES.contains(&name)
        && parts.into_iter().all(|part| part != "__proto__")
}

/// Whether drizzle-kit can read a table.
pub fn is_readable_table(table: &PlannedTable) -> bool {
    let columns = table.columns.iter().map(|column| &column.target);
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| &key.name);
    let checks = table.checks.iter().map(|check| &check.name);
    let rest =
        table.foreign_keys.iter().map(|key| &key.name).chain(table.indexes.iter().map(|index| &index.name));
    is_readable(&table.target, columns.chain(keys).chain(checks).chain(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_inherited_properties_are_readable_as_columns_only() {
        let column = "constructor".to_owned();
        assert!(is_readable("t", [&column]));
        assert!(!is_readable("constructor", []) && !is_readable("toString", []));
        assert!(is_readable("constructors", []) && is_readable("tostring", []));
        assert!(!is_readable("t", [&"__proto__".to_owned()]));
    }
}

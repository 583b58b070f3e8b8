//! Types that Drizzle does not have, defined in the schema itself where a column has one.

use super::Imports;

/// The types by name, each with its definition.
const TYPES: [(&str, &str); 5] = [
    ("bytea", "<{ data: Buffer }>({ dataType: () => 'bytea' })"),
    (
        "milliseconds",
        "<{ data: number; driverData: string }>({\n  \
         dataType: () => 'timestamp with time zone',\n  \
         fromDriver: (value) => new Date(value).getTime(),\n  \
         toDriver: (value) => new Date(value).toISOString(),\n})",
    ),
    ("money", "<{ data: string }>({ dataType: () => 'money' })"),
    ("tsvector", "<{ data: string }>({ dataType: () => 'tsvector' })"),
    (
        "utcMilliseconds",
        "<{ data: number; driverData: string }>({\n  \
         dataType: () => 'timestamp',\n  \
         fromDriver: (value) => new Date(`${value}+0000`).getTime(),\n  \
         toDriver: (value) => new Date(value).toISOString(),\n})",
    ),
];

impl Imports {
    /// A type that the schema defines itself.
    pub(super) fn custom(&mut self, name: &'static str) -> &'static str {
        self.custom.insert(name);
        self.pg_core.insert("customType");
        name
    }
}

/// Returns the definitions of the types in use.
pub(super) fn text(imports: &Imports) -> String {
    let used = TYPES.iter().filter(|(name, _)| imports.custom.contains(name));
    used.map(|(name, definition)| format!("\nconst {name} = customType{definition};\n")).collect()
}

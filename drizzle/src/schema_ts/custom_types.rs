//! Types that Drizzle does not have, defined in the schema itself where a column has one.

use super::Imports;

/// The types by name, each with its definition.
const TYPES: [(&str, &str); 5] = [
    (
        "bytea",
        "customType<{ data: Buffer; driverData: Buffer | string }>({\n  \
         dataType: () => 'bytea',\n  \
         // In a related row it is text: `\\x` and hexadecimal digits.\n  \
         fromDriver: (value) => (typeof value === 'string' ? Buffer.from(value.slice(2), 'hex') : value),\n\
         })",
    ),
    (
        "milliseconds",
        "customType<{ data: number; driverData: string }>({\n  \
         dataType: () => 'timestamp with time zone',\n  \
         fromDriver: toMilliseconds,\n  \
         toDriver: fromMilliseconds,\n})",
    ),
    ("money", "customType<{ data: string }>({ dataType: () => 'money' })"),
    ("tsvector", "customType<{ data: string }>({ dataType: () => 'tsvector' })"),
    (
        "utcMilliseconds",
        "customType<{ data: number; driverData: string }>({\n  \
         dataType: () => 'timestamp',\n  \
         fromDriver: toMilliseconds,\n  \
         toDriver: fromMilliseconds,\n})",
    ),
];

/// The types that are moments in milliseconds.
const MOMENTS: [&str; 2] = ["milliseconds", "utcMilliseconds"];

/// What these types need.
const CONVERSIONS: &str = r"
// Milliseconds since 1970 of a moment as PostgreSQL prints it, in UTC where it has no offset. In a related row, which is JSON, it has a `T`
// where there is a blank otherwise. JavaScript's own parser misreads years of fewer than four digits, and knows neither offsets with
// seconds nor years before Christ. `infinity` becomes NaN.
function toMilliseconds(text: string): number {
  const [, year, day, time, sign, hours = 0, minutes = 0, seconds = 0, era] =
    /^(\d+)(-\d\d-\d\d)[ T]([\d:.]+)(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/.exec(text) ?? [];
  const full = era ? 1 - Number(year) : Number(year);
  const padded = `${full < 0 ? '-' : '+'}${String(Math.abs(full)).padStart(6, '0')}`;
  const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * (sign === '-' ? -1000 : 1000);
  return Date.parse(`${padded}${day}T${time}Z`) - offset;
}

// The same moment as text for PostgreSQL.
function fromMilliseconds(value: number): string {
  const [, year = '', rest] = /^([+-]\d{6}|\d{4})(.*)$/.exec(new Date(value).toISOString()) ?? [];
  const full = Number(year);
  return `${String(full > 0 ? full : 1 - full).padStart(4, '0')}${rest}${full > 0 ? '' : ' BC'}`;
}
";

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
    let types: String = used.map(|(name, definition)| format!("\nconst {name} = {definition};\n")).collect();
    let has_moments = MOMENTS.iter().any(|name| imports.custom.contains(name));
    if has_moments { format!("{CONVERSIONS}{types}") } else { types }
}

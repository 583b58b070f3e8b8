//! Generated schemas with rows, as SQL.

use super::prng::Prng;
use super::values::{Kind, odd_value};

const NAMES: [&str; 16] = [
    "id_", "name", "Name2", "order", "select", "a b", "täg", "x\"y", "value", "at", "group", "Ж", "1st",
    "is_on", "data", "user",
];

/// A column.
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub declared: &'static str,
    pub not_null: bool,
    /// Whether it may hold values that do not fit its purpose.
    odd: bool,
}

/// A table.
pub struct Table {
    pub name: String,
    /// The SQL that creates it, its indexes, and its rows.
    pub sql: String,
    /// Whether rows have an id column.
    pub numbered: bool,
}

/// Generates the tables of a seed.
pub fn tables(seed: u64) -> Vec<Table> {
    let mut prng = Prng::new(seed);
    let count = 1 + prng.below(3);
    let mut tables: Vec<Table> = Vec::new();
    for number in 0..count {
        let parent = if number > 0 && prng.one_in(2) { Some(prng.below(number) as usize) } else { None };
        let parent = parent.map(|place| (tables[place].name.clone(), tables[place].numbered));
        let table = table(&mut prng, number, parent.filter(|(_, numbered)| *numbered).map(|(name, _)| name));
        tables.push(table);
    }
    tables
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn table(prng: &mut Prng, number: u64, parent: Option<String>) -> Table {
    let name = format!("{}{number}", prng.pick(&["t", "Table ", "tä", "order", "q\"q", "T"]));
    let strict = prng.one_in(6);
    let columns = columns(prng, strict);
    let mut parts = Vec::new();
    let key = prng.below(6);
    let numbered = key <= 2;
    match key {
        0 | 1 => parts.push("\"id\" INTEGER PRIMARY KEY".to_owned()),
        2 => parts.push("\"id\" INTEGER PRIMARY KEY AUTOINCREMENT".to_owned()),
        _ => {}
    }
    parts.extend(columns.iter().map(|column| column_sql(prng, column)));
    if let Some(parent) = &parent {
        let action = prng.pick(&[
            "",
            " ON DELETE CASCADE",
            " ON DELETE SET NULL",
            " ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED",
        ]);
        parts.push(format!("\"up\" INTEGER REFERENCES {} (\"id\"){action}", quoted(parent)));
    }
    if prng.one_in(3) {
        parts.extend(generated(prng, &columns, strict));
    }
    let named = |place: usize| quoted(&columns[place % columns.len()].name);
    let mut without_rowid = false;
    if key == 4 && columns.len() > 1 {
        without_rowid = prng.one_in(2);
        parts.push(format!("PRIMARY KEY ({}, {})", named(1), named(0)));
    } else if key == 5 {
        parts.push(format!("PRIMARY KEY ({})", named(0)));
    }
    parts.extend(checks(prng, &columns));
    if prng.one_in(4) && columns.len() > 2 {
        parts.push(format!("UNIQUE ({}, {})", named(1), named(2)));
    }
    let options: Vec<&str> = [(without_rowid, "WITHOUT ROWID"), (strict, "STRICT")]
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, words)| *words)
        .collect();
    let mut sql = format!("CREATE TABLE {} ({}) {};\n", quoted(&name), parts.join(", "), options.join(", "));
    sql.push_str(&indexes(prng, &name, number, &columns));
    sql.push_str(&rows(prng, &name, &columns, parent.as_deref()));
    Table { name, sql, numbered }
}

fn columns(prng: &mut Prng, strict: bool) -> Vec<Column> {
    let count = 1 + prng.below(6);
    let first = prng.below(NAMES.len() as u64);
    (0..count)
        .map(|place| {
            let kind = Kind::ALL[prng.below(Kind::ALL.len() as u64) as usize];
            Column {
                name: NAMES[((first + place) % NAMES.len() as u64) as usize].to_owned(),
                kind,
                declared: if strict { kind.declared_strictly(prng) } else { kind.declared(prng) },
                not_null: prng.one_in(3),
                odd: prng.one_in(5),
            }
        })
        .collect()
}

fn column_sql(prng: &mut Prng, column: &Column) -> String {
    let mut sql = format!("{} {}", quoted(&column.name), column.declared);
    if column.not_null {
        sql.push_str(" NOT NULL");
    }
    if prng.one_in(10) {
        sql.push_str(" UNIQUE");
    }
    if column.kind == Kind::Word && prng.one_in(4) {
        sql.push_str(" COLLATE NOCASE");
    }
    if prng.one_in(3) {
        let clock = match column.kind {
            Kind::Seconds => Some("(unixepoch())"),
            Kind::Milliseconds => Some("(unixepoch() * 1000)"),
            Kind::Date => Some("CURRENT_DATE"),
            Kind::Time => Some("CURRENT_TIME"),
            Kind::Moment => Some("CURRENT_TIMESTAMP"),
            _ => None,
        };
        let default = clock
            .filter(|_| prng.one_in(2))
            .map_or_else(|| format!("({})", column.kind.value(prng)), str::to_owned);
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    sql
}

fn generated(prng: &mut Prng, columns: &[Column], strict: bool) -> Option<String> {
    let column = &columns[prng.below(columns.len() as u64) as usize];
    let of = quoted(&column.name);
    let expression = match column.kind {
        Kind::Integer | Kind::Boolean => format!("coalesce({of}, 0) + 1"),
        Kind::Word => format!("lower({of}) || '!'"),
        Kind::AnyText | Kind::Document => format!("length({of})"),
        Kind::Date | Kind::Moment => format!("strftime('%Y', {of})"),
        Kind::Float => format!("{of} IS NULL"),
        _ => return None,
    };
    let declared = if strict { "ANY" } else { prng.pick(&["", "TEXT", "INTEGER"]) };
    Some(format!(
        "\"made\" {declared} GENERATED ALWAYS AS ({expression}) {}",
        prng.pick(&["STORED", "VIRTUAL"])
    ))
}

fn checks(prng: &mut Prng, columns: &[Column]) -> Vec<String> {
    let mut checks = Vec::new();
    for column in columns.iter().filter(|column| !column.odd) {
        if !prng.one_in(4) {
            continue;
        }
        let of = quoted(&column.name);
        checks.push(match column.kind {
            Kind::Integer => format!("CHECK ({of} <> 13 AND {of} % 7 <> 6)"),
            Kind::Boolean => format!("CHECK ({of} IN (0, 1))"),
            Kind::Word => format!("CHECK (length({of}) BETWEEN 1 AND 40 AND {of} NOT LIKE 'z%')"),
            Kind::AnyText => format!("CHECK ({of} <> 'yes')"),
            Kind::Float => format!("CHECK ({of} IS NULL OR {of} < 900 OR {of} > 1000)"),
            Kind::Document => format!("CHECK (json_valid({of}))"),
            _ => format!("CHECK ({of} IS NOT NULL OR 1 = 1)"),
        });
    }
    checks
}

fn indexes(prng: &mut Prng, table: &str, number: u64, columns: &[Column]) -> String {
    let mut sql = String::new();
    for (place, column) in columns.iter().enumerate() {
        if !prng.one_in(3) {
            continue;
        }
        let of = quoted(&column.name);
        let key = match column.kind {
            Kind::Word if prng.one_in(2) => format!("lower({of})"),
            Kind::AnyText if prng.one_in(2) => format!("length({of})"),
            _ => format!("{of}{}", prng.pick(&["", " DESC", " ASC"])),
        };
        let condition = match column.kind {
            Kind::Integer if prng.one_in(3) => format!(" WHERE {of} > 0"),
            _ if prng.one_in(4) => format!(" WHERE {of} IS NOT NULL"),
            _ => String::new(),
        };
        let unique = if prng.one_in(6) { "UNIQUE " } else { "" };
        sql.push_str(&format!(
            "CREATE {unique}INDEX \"i{number}_{place}\" ON {} ({key}){condition};\n",
            quoted(table)
        ));
    }
    sql
}

/// Generates rows. Refused rows are skipped, as by a tolerant app. Foreign keys are off and sometimes broken.
fn rows(prng: &mut Prng, table: &str, columns: &[Column], parent: Option<&str>) -> String {
    let has_parent = parent.is_some();
    let mut names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    if has_parent {
        names.push("\"up\"".to_owned());
    }
    let orphans = prng.one_in(5);
    let mut sql = String::new();
    for _ in 0..prng.below(50) {
        let mut values: Vec<String> = columns.iter().map(|column| value(prng, column)).collect();
        if has_parent {
            values.push(if orphans && prng.one_in(10) { "999999".to_owned() } else { "NULL".to_owned() });
        }
        sql.push_str(&format!(
            "INSERT OR IGNORE INTO {} ({}) VALUES ({});\n",
            quoted(table),
            names.join(", "),
            values.join(", ")
        ));
    }
    if let Some(parent) = parent.filter(|_| !orphans) {
        let some = prng.pick(&["min", "max"]);
        sql.push_str(&format!(
            "UPDATE {} SET \"up\" = (SELECT {some}(\"id\") FROM {});\n",
            quoted(table),
            quoted(parent)
        ));
    }
    sql
}

fn value(prng: &mut Prng, column: &Column) -> String {
    match () {
        () if prng.one_in(7) => "NULL".to_owned(),
        () if column.odd && prng.one_in(8) => odd_value(prng),
        () => column.kind.value(prng),
    }
}

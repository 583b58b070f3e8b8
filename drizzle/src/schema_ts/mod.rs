//! `schema.ts`: the tables and views for Drizzle ORM, in TypeScript.

mod columns;
mod constraints;
mod custom_types;

use std::collections::BTreeSet;

use migrate_core::plan::Plan;

use crate::GENERATED;
use crate::documents::DocumentTypes;
use crate::model::{Database, Sequence, Table, View};
use crate::names::{TABLE_PARAMETER, comment, sql, string};
use crate::{pg_core, words};

/// The names that the module imports.
#[derive(Default)]
struct Imports {
    /// From `drizzle-orm`.
    orm: BTreeSet<&'static str>,
    /// From `drizzle-orm/pg-core`.
    pg_core: BTreeSet<&'static str>,
    /// Types from `drizzle-orm/pg-core`.
    pg_core_types: BTreeSet<&'static str>,
    /// The types of documents.
    documents: BTreeSet<String>,
    /// The types that the module defines itself.
    custom: BTreeSet<&'static str>,
}

impl Imports {
    /// A name of `drizzle-orm/pg-core`, which is imported.
    fn core(&mut self, name: &'static str) -> &'static str {
        self.pg_core.insert(name);
        name
    }

    /// A type of `drizzle-orm/pg-core`, which is imported.
    fn core_type(&mut self, name: &'static str) -> &'static str {
        self.pg_core_types.insert(name);
        name
    }

    /// SQL as an expression.
    fn sql(&mut self, text: &str) -> String {
        self.orm.insert("sql");
        sql(text)
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let mut import = |kind: &str, names: Vec<&str>, module: &str| {
            if !names.is_empty() {
                let names: String = names.iter().map(|name| format!("  {name},\n")).collect();
                out.push_str(&format!("import {kind}{{\n{names}}} from {};\n", string(module)));
            }
        };
        import("", self.orm.iter().copied().collect(), "drizzle-orm");
        import("", self.pg_core.iter().copied().collect(), pg_core::MODULE);
        import("type ", self.pg_core_types.iter().copied().collect(), pg_core::MODULE);
        import("type ", self.documents.iter().map(String::as_str).collect(), DocumentTypes::MODULE);
        out
    }
}

/// Returns the text of `schema.ts`.
pub(crate) fn schema(plan: &Plan, database: &Database<'_>) -> String {
    let mut imports = Imports::default();
    let mut body = String::new();
    for schema in &database.schemas {
        let function = imports.core("pgSchema");
        body.push_str(&format!(
            "\nexport const {} = {function}({});\n",
            schema.constant,
            string(schema.name)
        ));
    }
    for sequence in &database.sequences {
        body.push_str(&self::sequence(database, sequence, &mut imports));
    }
    for (place, table) in database.tables.iter().enumerate() {
        body.push_str(&self::table(database, place, table, &mut imports));
    }
    for view in &database.views {
        body.push_str(&self::view(database, view, &mut imports));
    }
    let left_out = left_out(plan);
    let custom = custom_types::text(&imports);
    format!("{GENERATED}\n{left_out}{}{custom}{body}", imports.text())
}

fn left_out(plan: &Plan) -> String {
    let left_out = plan.drizzle.iter().flat_map(|decided| &decided.left_out);
    left_out.map(|item| format!("// {}\n", comment(&words::left_out(item)))).collect()
}

fn table(database: &Database<'_>, place: usize, table: &Table<'_>, imports: &mut Imports) -> String {
    let function = match database.schema(table.planned.schema_name()) {
        Some(schema) => format!("{schema}.table"),
        None => imports.core("pgTable").to_owned(),
    };
    let columns = columns::text(&table.planned.columns, &table.columns, imports);
    let constraints = constraints::lines(database, table, imports);
    let comment = comment_lines(table.planned.comment.as_deref(), "");
    let (name, constant) = (string(&table.planned.target), &table.constant);
    if constraints.is_empty() {
        return format!("\n{comment}export const {constant} = {function}({name}, {columns});\n");
    }
    let constraints: String = constraints.iter().map(|line| format!("  {line},\n")).collect();
    let parameter = if table.names_columns() { TABLE_PARAMETER } else { "" };
    // Without a stated type, TypeScript follows the reference to a later table, and so a circle of tables.
    let references_later = table.foreign_keys.iter().any(|key| key.parent > place);
    let result = match references_later {
        true => format!(": {}[]", imports.core_type("PgTableExtraConfigValue")),
        false => String::new(),
    };
    format!(
        "\n{comment}export const {constant} = {function}({name}, {columns}, ({parameter}){result} => [\n{constraints}]);\n"
    )
}

fn sequence(database: &Database<'_>, sequence: &Sequence<'_>, imports: &mut Imports) -> String {
    let function = match database.schema(sequence.schema) {
        Some(schema) => format!("{schema}.sequence"),
        None => imports.core("pgSequence").to_owned(),
    };
    let (constant, name, max) = (&sequence.constant, string(sequence.name), sequence.max);
    format!("\nexport const {constant} = {function}({name}, {{ maxValue: '{max}' }});\n")
}

fn view(database: &Database<'_>, view: &View<'_>, imports: &mut Imports) -> String {
    let function = match database.schema(view.schema) {
        Some(schema) => format!("{schema}.view"),
        None => imports.core("pgView").to_owned(),
    };
    let columns = columns::text(&[], &view.columns, imports);
    let query = imports.sql(&view.planned.query);
    format!(
        "\nexport const {} = {function}({}, {columns}).as({query});\n",
        view.constant,
        string(&view.planned.target)
    )
}

/// A comment of the source, each of its lines one.
fn comment_lines(text: Option<&str>, indent: &str) -> String {
    let lines = text.into_iter().flat_map(str::lines);
    lines.map(|line| format!("{indent}// {}\n", comment(line)).replace(" \n", "\n")).collect()
}

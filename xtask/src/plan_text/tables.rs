//! The tables of the plan: each column with its type and one short reason, then keys, indexes, views and triggers.

use migrate_core::conversion::{Conversion, NaiveZone};
use migrate_core::plan::{ExistingTable, Plan, PlannedColumn, PlannedIndex, PlannedTable, SeedCounts};
use report::figures::{count, counted};

use super::checks::{declared, is_decided};
use super::page::{Page, columns, padded};
use super::{Column, Origin, View, details};

/// The most columns of the screen that names and types are aligned to.
const NAME_MAX: usize = 28;
const TYPE_MAX: usize = 44;

/// Writes the tables, views and triggers, and the objects that `mapping.toml` excludes.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.title("Tables");
    let mut all = view.columns().peekable();
    for (table, shown) in view.tables() {
        page.heading(&head(view.plan, shown));
        let mut of_table = Vec::new();
        while let Some(column) = all.next_if(|column| std::ptr::eq(column.table, table)) {
            of_table.push(column);
        }
        if view.is_verbose {
            details::table(&view.shown, shown).lines().for_each(|line| page.line(line));
        } else {
            write_columns(view, &of_table, page);
            write_keys(shown, page);
        }
    }
    write_objects(view, page);
    if !view.is_verbose {
        page.blank();
        page.wrapped("", "--verbose prints every detail.");
    }
}

/// The table's name, and its known row counts.
fn head(plan: &Plan, table: &PlannedTable) -> String {
    let renamed = match &table.schema {
        Some(schema) => format!(" -> {schema}.{}", table.target),
        None if table.source == table.target => String::new(),
        None => format!(" -> {}", table.target),
    };
    let rows = table.profile_rows.map(|rows| counted(rows, "row"));
    let existing = match &table.existing {
        None => plan.is_into_existing().then(|| "is created".to_owned()),
        Some(existing) => Some(match seeds(existing) {
            None => "exists in PostgreSQL".to_owned(),
            Some(words) => format!("exists in PostgreSQL; {words}"),
        }),
    };
    let facts: Vec<String> = [rows, existing].into_iter().flatten().collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    format!("{}{renamed}{facts}", table.source)
}

/// What happens to the rows that a table holds; none where it holds none.
fn seeds(existing: &ExistingTable) -> Option<String> {
    let own = existing.table.rows;
    if own == 0 {
        return None;
    }
    let there = counted(own, "row");
    if existing.replaces_rows() {
        return Some(format!("{there} there to be deleted"));
    }
    let Some(SeedCounts { equal, differing, only_target }) = existing.seed_counts else {
        return Some(format!("{there} there to be kept"));
    };
    let parts = [(equal, "equal"), (differing, "to be overwritten"), (only_target, "to be kept")];
    let parts = parts.iter().filter(|(rows, _)| *rows > 0);
    let parts: Vec<String> = parts.map(|(rows, what)| format!("{} {what}", count(*rows))).collect();
    Some(format!("{there} there: {}", parts.join(", ")))
}

fn write_columns(view: &View<'_>, of_table: &[Column<'_>], page: &mut Page) {
    let types: Vec<String> = of_table.iter().map(types).collect();
    let widest =
        |texts: &mut dyn Iterator<Item = &str>, most: usize| texts.map(columns).max().unwrap_or(0).min(most);
    let name_width = widest(&mut of_table.iter().map(|found| found.shown.source.as_str()), NAME_MAX);
    let type_width = widest(&mut types.iter().map(String::as_str), TYPE_MAX);
    for (found, types) in of_table.iter().zip(&types) {
        let name = padded(&found.shown.source, name_width);
        let line = format!("  {name}  {}", padded(types, type_width));
        page.remarked(&line, &reason(view, found), name_width + 4);
    }
    let searches = of_table.first().map(|found| found.shown_table.searches.as_slice()).unwrap_or_default();
    for search in searches {
        let line = format!("  {}  tsvector", padded(&search.target, name_width));
        page.remarked(&line, &format!("for the full-text index {}", search.instead_of), name_width + 4);
    }
}

/// A column in SQLite and in PostgreSQL.
fn types(found: &Column<'_>) -> String {
    let column = found.shown;
    let renamed = if column.source == column.target { String::new() } else { format!("{} ", column.target) };
    let not_null = if column.not_null { " not null" } else { "" };
    let default = column.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    let generated = if column.generated.is_some() { " generated" } else { "" };
    let target_type = details::target_type(column);
    format!("{} -> {renamed}{target_type}{not_null}{default}{generated}", declared(column))
}

/// The short reason for a column's plan.
fn reason(view: &View<'_>, found: &Column<'_>) -> String {
    let column = found.column;
    let rejected = column.profile.map_or(0, |seen| seen.rejects(&column.conversion));
    let origin = match view.origin(found.table, column) {
        _ if column.sequence.is_some() => "numbers its rows".to_owned(),
        Origin::Declared if column.declared.is_empty() => "as its values are".to_owned(),
        Origin::Declared => "as declared".to_owned(),
        Origin::Values => "as its values are".to_owned(),
        Origin::Clock => "its default is the clock".to_owned(),
        Origin::Inferred if column.profile.is_some_and(|seen| seen.values() > 0) => {
            "inferred from its values".to_owned()
        }
        Origin::Inferred => "inferred from its name".to_owned(),
        Origin::Decided(Some(why)) => format!("mapping.toml: {}", crate::display::printable(why)),
        Origin::Decided(None) => "mapping.toml".to_owned(),
        Origin::Existing if is_read_as_utc(column) => {
            "as in the app's table; without an offset in UTC".to_owned()
        }
        Origin::Existing => "as in the app's table".to_owned(),
    };
    let secret = if column.secret { "secret".to_owned() } else { String::new() };
    let rejected = match rejected {
        0 => String::new(),
        1 => "1 value does not fit".to_owned(),
        number => format!("{} values do not fit", count(number)),
    };
    let parts: Vec<String> = [origin, rejected, secret].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// Whether times without an offset, of which only a person knows the zone, are read as UTC.
fn is_read_as_utc(column: &PlannedColumn) -> bool {
    matches!(&column.conversion, Conversion::TimestamptzFromIso8601(zone) if *zone == NaiveZone::default())
        && column.profile.as_ref().is_some_and(|seen| seen.timestamps + seen.dates > 0)
}

fn write_keys(table: &PlannedTable, page: &mut Page) {
    let primary = table.primary_key.iter().map(|key| format!("primary key ({})", key.columns.join(", ")));
    let unique = table.unique.iter().map(|key| format!("unique ({})", key.columns.join(", ")));
    let checks = table.checks.iter().map(|check| {
        let not_valid = if check.not_valid { " not valid" } else { "" };
        format!("check ({}){not_valid}", check.expression)
    });
    let foreign = table.foreign_keys.iter().map(|key| {
        let not_valid = if key.not_valid { " not valid" } else { "" };
        format!("foreign key ({}) -> {}{not_valid}", key.columns.join(", "), key.parent_table)
    });
    let keys: Vec<String> = primary.chain(unique).chain(foreign).chain(checks).collect();
    if !keys.is_empty() {
        page.wrapped("  ", &keys.join("; "));
    }
    let indexes: Vec<String> = table.indexes.iter().map(index_in_words).collect();
    if !indexes.is_empty() {
        let word = if indexes.len() == 1 { "index" } else { "indexes" };
        page.wrapped("  ", &format!("{word} {}", indexes.join(", ")));
    }
}

/// The name of an index, whether it is added, and the operator classes that a human chose.
fn index_in_words(index: &PlannedIndex) -> String {
    let added = index.added_because.is_some().then(|| "added".to_owned());
    let classes = index.columns.iter().filter_map(|key| key.ops.as_ref()).map(ToString::to_string);
    let remarks: Vec<String> = added.into_iter().chain(classes).collect();
    let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) };
    format!("{}{remarks}", index.name)
}

fn write_objects(view: &View<'_>, page: &mut Page) {
    let shown = &view.shown;
    if !shown.views.is_empty() || !shown.triggers.is_empty() {
        page.title("Views and triggers");
    }
    for each in &shown.views {
        page.wrapped("  ", &format!("view {} ({})", each.target, each.columns.join(", ")));
    }
    for each in &shown.triggers {
        page.wrapped("  ", &format!("trigger {} {} on {}", each.target, each.event.trim(), each.table));
    }
    if !shown.only_in_target.is_empty() {
        page.title("Only in PostgreSQL");
        page.wrapped("  ", &shown.only_in_target.join(", "));
    }
    let objects = view.plan.left_behind.iter().zip(&shown.left_behind);
    let listed: Vec<_> = objects.filter(|(object, _)| view.is_verbose || is_decided(view, object)).collect();
    if !listed.is_empty() {
        page.title("Not migrated");
    }
    for (_, object) in listed {
        let name = object.name.split_whitespace().collect::<Vec<_>>().join(" ");
        page.wrapped("  ", &format!("{} {name}: {}", object.kind, object.reason));
        if view.is_verbose {
            let sql = object.sql.iter().flat_map(|sql| sql.lines());
            sql.for_each(|line| page.verbatim(4, line));
        }
    }
}

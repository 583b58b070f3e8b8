//! What a reviewer should check in a plan, with the lines of `mapping.toml` that decide otherwise. Each group of lines can be pasted at
//! the end of a `mapping.toml`.

use migrate_core::affinity::{Affinity, affinity};
use migrate_core::conversion::Conversion;
use migrate_core::mapping::TomlKey;
use migrate_core::plan::{LeftBehind, PlannedColumn};
use report::figures::{count, counted};

use super::page::Page;
use super::{Column, Origin, View, derived, drizzle};

/// The most lines that all groups have; with the summary that is less than two screens.
const LINES_MAX: usize = 38;

/// How many things a group shows: as many as have room.
const SHOWN_OF_GROUP: [usize; 5] = [usize::MAX, 5, 3, 2, 1];

/// One thing to check.
pub(super) struct Item {
    pub(super) text: String,
    /// The lines to paste, or SQL to run.
    pub(super) lines: Vec<String>,
}

/// Things to check of one kind.
pub(super) struct Group {
    /// Their heading, such as `Suggestions`.
    pub(super) title: &'static str,
    /// Their meaning, and the effect of the lines.
    pub(super) hint: String,
    pub(super) items: Vec<Item>,
    /// Lines to paste for all items that are shown.
    pub(super) lines: fn(&View<'_>, usize) -> Vec<String>,
}

/// Writes everything that a reviewer should check.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let groups: Vec<Group> = [rejects(view), breaches(view)]
        .into_iter()
        .chain(derived::groups(view))
        .chain([not_migrated(view), drizzle::group(view), suggestions(view), inferred(view), notes(view)])
        .filter(|group| !group.items.is_empty())
        .collect();
    page.title(if groups.is_empty() { "To check: nothing" } else { "To check" });
    let written = |shown: usize| {
        let mut page = Page::new();
        groups.iter().for_each(|group| write_group(view, group, shown, &mut page));
        page.into_text()
    };
    let fits = |text: &String| view.is_verbose || text.lines().count() <= LINES_MAX;
    let [.., least] = SHOWN_OF_GROUP;
    let text = SHOWN_OF_GROUP.into_iter().map(written).find(fits).unwrap_or_else(|| written(least));
    page.append(&text);
}

fn write_group(view: &View<'_>, group: &Group, shown: usize, page: &mut Page) {
    page.heading(&format!("{} ({})", group.title, count(group.items.len() as u64)));
    page.wrapped("  ", &group.hint);
    for item in group.items.iter().take(shown) {
        page.wrapped("  - ", &item.text);
        item.lines.iter().for_each(|line| page.verbatim(6, line));
    }
    for line in (group.lines)(view, shown) {
        page.verbatim(6, &line);
    }
    if group.items.len() > shown {
        let rest = group.items.len() - shown;
        page.wrapped("  - ", &format!("and {} more; --verbose lists all", count(rest as u64)));
    }
}

/// Values that PostgreSQL cannot hold.
fn rejects(view: &View<'_>) -> Group {
    let item = |found: Column<'_>| {
        let Column { column, shown, .. } = &found;
        let profile = column.profile?;
        let rejected = profile.rejects(&column.conversion);
        if rejected == 0 {
            return None;
        }
        let (verb, policy) =
            (if rejected == 1 { "does" } else { "do" }, column.policy(view.plan.on_reject).in_words());
        let (rejected, values) = (count(rejected), counted(profile.values(), "value"));
        let name = name(&found);
        let fits = format!("{name}: {rejected} of {values} {verb} not fit {}", shown.target_type.sql());
        let is_text = matches!(column.conversion, Conversion::Text | Conversion::TextFromAny);
        let has_text = found.table.existing.is_none() && !is_text;
        let others = [(!column.not_null).then_some("\"null\""), has_text.then_some("\"text\"")];
        let others: Vec<&str> = others.into_iter().flatten().collect();
        let or = if others.is_empty() { String::new() } else { format!("  # or {}", others.join(", ")) };
        let lines = column_lines(view, &found, &format!("on_reject = \"skip\"{or}"));
        Some(Item { text: format!("{fits}. Such a value {policy}"), lines })
    };
    Group {
        title: "Values that do not fit",
        hint: "Repair the rows in SQLite, or decide in mapping.toml:".to_owned(),
        items: view.columns().filter_map(item).collect(),
        lines: no_lines,
    }
}

/// Constraints that rows break.
fn breaches(view: &View<'_>) -> Group {
    let item = |breach: &migrate_core::plan::PlannedBreach| {
        let more = if breach.rows > breach.first.len() as u64 { ", …" } else { "" };
        let verb = if breach.rows == 1 { "breaks" } else { "break" };
        Item {
            text: format!(
                "{}: {} {verb} {} ({}{more}). It becomes {}",
                breach.table,
                counted(breach.rows, "row"),
                breach.constraint,
                breach.first.join(", "),
                breach.becomes
            ),
            lines: vec![breach.remedy.clone()],
        }
    };
    Group {
        title: "Broken constraints",
        hint: "The rows are migrated. Repair them in SQLite beforehand, or in PostgreSQL: this SQL lists them, repairs them, and restores the constraint:".to_owned(),
        items: view.shown.breaches.iter().map(item).collect(),
        lines: no_lines,
    }
}

/// Objects that are not migrated and of which `mapping.toml` decides nothing.
fn not_migrated(view: &View<'_>) -> Group {
    let item = |(_, shown): (&LeftBehind, &LeftBehind)| {
        let name = shown.name.split_whitespace().collect::<Vec<_>>().join(" ");
        Item { text: format!("{} {name}: {}", shown.kind, shown.reason), lines: Vec::new() }
    };
    Group {
        title: "Not migrated",
        hint: "Create what the app needs by hand. The lines record that the app does not need an object."
            .to_owned(),
        items: undecided(view).map(item).collect(),
        lines: leave_behind_lines,
    }
}

/// The objects that are not migrated, and of which no person decided that, in both forms.
fn undecided<'a>(view: &'a View<'_>) -> impl Iterator<Item = (&'a LeftBehind, &'a LeftBehind)> {
    let objects = view.plan.left_behind.iter().zip(&view.shown.left_behind);
    objects.filter(|(object, _)| !is_decided(view, object))
}

/// Whether a person decided that an object is not migrated: the reason is then the one in `mapping.toml`.
pub(super) fn is_decided(view: &View<'_>, object: &LeftBehind) -> bool {
    view.mapping.skip_reasons().any(|reason| *reason == object.reason)
}

/// Whether `mapping.toml` can name the object.
fn can_be_left(object: &LeftBehind) -> bool {
    ["table", "view", "trigger", "virtual table"].contains(&object.kind.as_str())
}

/// The lines for the first `shown` objects. A header may occur once in a file.
fn leave_behind_lines(view: &View<'_>, shown: usize) -> Vec<String> {
    let named = undecided(view).take(shown).filter(|(object, _)| can_be_left(object));
    let lines: Vec<String> = named
        .map(|(object, _)| format!("{} = \"the app does not need it\"", TomlKey(&object.name)))
        .collect();
    let header = match (lines.is_empty(), view.mapping.leave_behind.is_empty()) {
        (true, _) => None,
        (false, true) => Some("[leave_behind]".to_owned()),
        (false, false) => Some("# under [leave_behind] in mapping.toml:".to_owned()),
    };
    header.into_iter().chain(lines).collect()
}

/// No lines for all items.
pub(super) fn no_lines(_: &View<'_>, _: usize) -> Vec<String> {
    Vec::new()
}

/// Better types that are not certain.
fn suggestions(view: &View<'_>) -> Group {
    let item = |found: Column<'_>| {
        // The lines to paste are the last two. They are escaped for TOML when the plan is made.
        let suggestion = found.shown.suggestion.as_ref()?;
        let mut parts = suggestion.lines();
        let why = parts.next().unwrap_or_default();
        Some(Item { text: format!("{}: {why}", name(&found)), lines: parts.map(str::to_owned).collect() })
    };
    Group {
        title: "Suggestions",
        hint: "A better type is likely but not certain. To use it:".to_owned(),
        items: view.columns().filter_map(item).collect(),
        lines: no_lines,
    }
}

/// Types that neither the declaration nor a person decided.
fn inferred(view: &View<'_>) -> Group {
    let item = |found: Column<'_>| {
        if view.origin(found.table, found.column) != Origin::Inferred {
            return None;
        }
        let seen = match &found.column.profile {
            Some(profile) if profile.values() > 0 => {
                match (profile.values(), profile.rejects(&found.column.conversion)) {
                    (1, 0) => "its only value fits".to_owned(),
                    (values, 0) => format!("all {} values fit", count(values)),
                    (values, rejected) => {
                        let fitting = count(values.saturating_sub(rejected));
                        format!("{fitting} of {} fit", counted(values, "value"))
                    }
                }
            }
            _ => "no value was there to check".to_owned(),
        };
        let plain = plain(found.column);
        let text = format!(
            "{}: {} becomes {}; {seen}. To keep {}:",
            name(&found),
            declared(found.shown),
            found.shown.target_type.sql(),
            plain.target_type().sql()
        );
        let lines = column_lines(view, &found, &format!("as = \"{}\"", plain.name()));
        Some(Item { text, lines })
    };
    Group {
        title: "Inferred types",
        hint: "Names and values say more than the declared type. --faithful keeps all declared types."
            .to_owned(),
        items: view.columns().filter_map(item).collect(),
        lines: no_lines,
    }
}

/// Where PostgreSQL behaves otherwise than SQLite.
fn notes(view: &View<'_>) -> Group {
    let of_tables = view.shown.tables.iter().flat_map(|table| {
        let own = table.notes.iter().map(move |note| (table.source.clone(), note));
        let columns = table.columns.iter().flat_map(move |column| {
            column.notes.iter().map(move |note| (column_name(&table.source, &column.source), note))
        });
        let checks = table.checks.iter().flat_map(move |check| {
            check.notes.iter().map(move |note| (format!("{}: check {}", table.source, check.name), note))
        });
        let indexes = table
            .indexes
            .iter()
            .flat_map(|index| index.notes.iter().map(move |note| (format!("index {}", index.name), note)));
        own.chain(columns).chain(checks).chain(indexes)
    });
    let views = view
        .shown
        .views
        .iter()
        .flat_map(|view| view.notes.iter().map(move |note| (format!("view {}", view.source), note)));
    let triggers = view.shown.triggers.iter().flat_map(|trigger| {
        trigger.notes.iter().map(move |note| (format!("trigger {}", trigger.source), note))
    });
    let notes = of_tables.chain(views).chain(triggers);
    Group {
        title: "Notes",
        hint: "Names that change, and where PostgreSQL behaves otherwise than SQLite.".to_owned(),
        items: notes
            .map(|(name, note)| Item { text: format!("{name}: {note}"), lines: Vec::new() })
            .collect(),
        lines: no_lines,
    }
}

fn name(found: &Column<'_>) -> String {
    column_name(&found.shown_table.source, &found.shown.source)
}

/// The names of a table and of its column.
fn column_name(table: &str, column: &str) -> String {
    let or_empty = |name: &str| if name.is_empty() { "(empty name)".to_owned() } else { name.to_owned() };
    format!("{}.{}", or_empty(table), or_empty(column))
}

/// The declared type, or that there is none.
pub(super) fn declared(column: &PlannedColumn) -> &str {
    if column.declared.is_empty() { "(no type)" } else { &column.declared }
}

/// The lines that decide something about a column. Where `mapping.toml` has an entry for it, a second one would be an error.
fn column_lines(view: &View<'_>, found: &Column<'_>, decision: &str) -> Vec<String> {
    let (table, column) = (&found.table.source, &found.column.source);
    let has_entry = view.mapping.tables.get(table).is_some_and(|table| table.columns.contains_key(column));
    if has_entry {
        return vec![format!("# in its entry in mapping.toml: {decision}")];
    }
    vec![format!("[tables.{}.columns.{}]", TomlKey(table), TomlKey(column)), decision.to_owned()]
}

/// The conversion that keeps the values of a column unchanged.
fn plain(column: &PlannedColumn) -> Conversion {
    let first = match affinity(&column.declared) {
        Affinity::Integer => Conversion::Bigint,
        Affinity::Real => Conversion::DoublePrecision,
        Affinity::Text => Conversion::Text,
        Affinity::Blob => Conversion::Bytea,
        Affinity::Numeric => Conversion::Numeric,
    };
    let fits = |conversion: &Conversion| column.profile.is_none_or(|seen| seen.rejects(conversion) == 0);
    let candidates = [first, Conversion::Text, Conversion::Bigint, Conversion::Numeric, Conversion::Bytea];
    candidates.into_iter().find(fits).unwrap_or(Conversion::TextFromAny)
}

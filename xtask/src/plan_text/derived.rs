//! What the app derives from rows, on the screen: columns that get no value, materialized views, and sequences that nobody can check.

use migrate_core::mapping::TomlKey;
use migrate_core::plan::{DerivedDecision, Filler, UnloadedColumn};

use super::View;
use super::checks::{Group, Item, no_lines};

/// The groups of things to check.
pub(super) fn groups(view: &View<'_>) -> [Group; 3] {
    [undecided(view), without_value(view), unchecked_sequences(view)]
}

/// The lines that decide about derived data. A heading may occur once in a file.
fn decision_lines(view: &View<'_>, shown: usize) -> Vec<String> {
    let columns = view.plan.trigger_filled().filter(|column| column.decision.is_none());
    let views = view.plan.materialized_views.iter().filter(|other| other.decision.is_none());
    let names = columns.map(UnloadedColumn::full_name).chain(views.map(|other| other.name.clone()));
    let lines: Vec<String> =
        names.take(shown).map(|name| format!("{} = \"fill\"  # or \"accept\"", TomlKey(&name))).collect();
    let written = view.plan.written_tables.iter().filter(|table| table.decision.is_none());
    let written = written.take(shown.saturating_sub(lines.len()));
    let lines: Vec<String> = lines
        .into_iter()
        .chain(written.map(|table| format!("{} = \"accept\"", TomlKey(&table.table))))
        .collect();
    let header = match view.mapping.derived.is_empty() {
        _ if lines.is_empty() => None,
        true => Some("[derived]".to_owned()),
        false => Some("# under [derived] in mapping.toml:".to_owned()),
    };
    header.into_iter().chain(lines).collect()
}

/// Derived data about which nobody has decided: columns that triggers fill, then materialized views.
fn undecided(view: &View<'_>) -> Group {
    let shown = &view.shown;
    let column = |column: &UnloadedColumn| {
        let triggers: Vec<String> = (column.triggers().iter())
            .map(|trigger| {
                format!(
                    "trigger {} {}",
                    trigger.name,
                    if trigger.is_seen { "fills it" } else { "may fill it" }
                )
            })
            .collect();
        let text = format!("{}: {}", column.full_name(), triggers.join(", "));
        Item { text, lines: Vec::new() }
    };
    let columns = shown.trigger_filled().filter(|column| column.decision.is_none()).map(column);
    let views = shown.materialized_views.iter().filter(|other| other.decision.is_none());
    let views =
        views.map(|other| Item { text: format!("materialized view {}", other.name), lines: Vec::new() });
    let written = shown.written_tables.iter().filter(|table| table.decision.is_none());
    let written = written.map(|table| Item {
        text: format!("table {}: triggers may write it: {}", table.table, table.trigger_names()),
        lines: Vec::new(),
    });
    Group {
        title: "Derived data",
        hint: "The app derives it from the rows, and the load does not: if something is missing and not decided, the exit status is 1.".to_owned(),
        items: columns.chain(views).chain(written).collect(),
        lines: decision_lines,
    }
}

/// The other columns that get no value, on one line for each table.
fn without_value(view: &View<'_>) -> Group {
    let of_table = |table: &migrate_core::plan::PlannedTable| {
        let columns = view.shown.unloaded.iter().filter(|column| column.table == table.target);
        let texts: Vec<String> =
            columns.filter_map(|column| Some(format!("{} ({})", column.column, filler(column)?))).collect();
        let text = format!("{}: {}", table.target, texts.join(", "));
        (!texts.is_empty()).then(|| Item { text, lines: Vec::new() })
    };
    Group {
        title: "Columns without a value from the source",
        hint: "What fills them:".to_owned(),
        items: view.shown.tables.iter().filter_map(of_table).collect(),
        lines: no_lines,
    }
}

/// What fills a column; none where that is listed as a decision to make.
fn filler(column: &UnloadedColumn) -> Option<String> {
    Some(match (&column.filled_by, column.decision) {
        (Filler::Nothing, _) => "nothing: NULL".to_owned(),
        (Filler::Default(default), _) => format!("default {default}"),
        (Filler::Identity, _) => "identity".to_owned(),
        (Filler::Generated, _) => "generated".to_owned(),
        (Filler::Triggers(_), None) => return None,
        (Filler::Triggers(triggers), Some(decision)) => {
            let names: Vec<&str> = triggers.iter().map(|trigger| trigger.name.as_str()).collect();
            let decided = match decision {
                DerivedDecision::Fill => "called for the loaded rows",
                DerivedDecision::Accept => "not called, as accepted",
            };
            format!("trigger {}, {decided}", names.join(", "))
        }
    })
}

/// Sequences that are neither set nor checked.
fn unchecked_sequences(view: &View<'_>) -> Group {
    let sequences = view.shown.sequences.iter().filter(|sequence| !sequence.is_checkable());
    let item = |sequence: &migrate_core::plan::PlannedSequence| {
        let columns: Vec<String> =
            sequence.columns.iter().map(|used| format!("{}.{}", used.table, used.column)).collect();
        let why = match columns.is_empty() {
            true => "no column is known to draw from it".to_owned(),
            false => format!("{} does not store its numbers as they are", columns.join(", ")),
        };
        Item { text: format!("{}: {why}", sequence.name), lines: Vec::new() }
    };
    Group {
        title: "Sequences that are not set",
        hint: "If a column draws from one, tie it in mapping.toml: [sequences], NAME = \"TABLE.COLUMN\""
            .to_owned(),
        items: sequences.map(item).collect(),
        lines: no_lines,
    }
}

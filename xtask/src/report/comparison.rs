//! The output of `validate --sqlite`: what a comparison with a database that any tool may have filled found, on the screen, as JSON, and
//! as SQL that repairs the structure.

use migrate_core::comparison::structure::{Severity, Structure, StructureDifference};
use migrate_core::comparison::{
    ComparedColumn, ComparedTable, Comparison, DifferentValues, Gap, RowKind, WithoutCounterpart,
};
use migrate_core::finding::{NotCompared, Reason};
use postgres_client::TargetUrl;
use report::comparison::{ComparisonReport, TableResult};
use report::figures::count;
use report::findings::Finding;
use report::words;
use row_mover::comparison::Compared;
use serde_json::{Value, json};

use super::layout::{List, Section, TableRow, fitted};
use super::left_out::{left_out, left_out_comment, not_repaired};
use super::{JSON_FORMAT, counted, seconds};
use crate::display::{printable, printable_lines};
use crate::workspace;

/// How many lines the result has at most, without the statements that repair the structure.
const LINES_MAX: usize = 45;

/// The file with the statements that repair the structure.
pub(crate) const REPAIR_FILE: &str = "repair.sql";

/// Whether both databases have the same rows, and the target keeps all that the source declares.
pub(crate) fn is_same(compared: &Compared) -> bool {
    compared.comparison.is_equal() && compared.structure.is_equal() && is_decided(compared)
}

/// Whether everything was compared that decides whether the databases are equal.
fn is_decided(compared: &Compared) -> bool {
    compared.comparison.tables.iter().all(|table| table.undecided == 0)
        && undecided(&compared.structure).next().is_none()
}

/// What of the structure could not be compared for want of a right: the app may fail on it.
fn undecided(structure: &Structure) -> impl Iterator<Item = &NotCompared> {
    structure.not_compared.iter().filter(|left| matches!(left.reason, Reason::NoRightToReadSequence { .. }))
}

/// The result on the screen; `folder` is that of the report, where one was written.
pub(crate) fn comparison_text(compared: &Compared, url: &TargetUrl, folder: Option<&str>) -> String {
    let (comparison, structure) = (&compared.comparison, &compared.structure);
    let mut sections = vec![Section::Text(head(comparison, url)), rows_table(&comparison.tables)];
    sections.push(list(row_lines(comparison), "kinds of rows on one side"));
    sections.push(list(value_lines(comparison), "kinds of different values"));
    sections.push(list(gap_lines(comparison, true), "things without a counterpart"));
    for (severity, title) in [(Severity::Lost, "lost"), (Severity::Different, "different")] {
        sections
            .push(list(structure_lines(structure, severity, title), "kinds of differences of the structure"));
    }
    sections.push(list(not_compared_lines(structure), "things not compared"));
    sections.push(list(form_lines(comparison), "columns with values in another form"));
    sections.push(list(gap_lines(comparison, false), "things in one database only"));
    sections.push(list(structure_lines(structure, Severity::Remark, "remark"), "kinds of remarks"));
    let mut text = fitted(&sections, LINES_MAX);
    text.push_str(&verdict(compared));
    text.push_str(&what_to_do(compared, folder));
    text
}

fn head(comparison: &Comparison, url: &TargetUrl) -> String {
    let copy = &comparison.sealed;
    format!(
        "{} (sealed copy, SHA-256 {}…) and {url}, schema {}\n",
        printable(&workspace::shown(&copy.path)),
        copy.sha256.get(..12).unwrap_or(&copy.sha256),
        printable(&comparison.schemas.join(", "))
    )
}

fn list(entries: Vec<String>, noun: &'static str) -> Section {
    let entries = entries.iter().map(|line| printable(line)).collect();
    Section::List(List { entries, noun, ..List::default() })
}

fn rows_table(tables: &[ComparedTable]) -> Section {
    let has_duplicates = tables.iter().any(|found| found.duplicates > 0);
    let mut heads =
        vec!["table", "in PostgreSQL", "rows", "equal", "missing", "extra", "different", "seconds"];
    if has_duplicates {
        heads.insert(6, "twice");
    }
    let row = |found: &ComparedTable| {
        let mut cells = vec![printable(&found.table), printable(&found.target)];
        let counts = [found.source_rows, found.equal, found.missing, found.extra, found.different];
        cells.extend(counts.map(count));
        if has_duplicates {
            cells.insert(6, count(found.duplicates));
        }
        cells.push(seconds(found.seconds));
        let is_equal = found.is_equal();
        TableRow { cells, is_wrong: !is_equal, is_equal, rows: found.source_rows }
    };
    Section::Table { heads, rows: tables.iter().map(row).collect() }
}

fn row_lines(comparison: &Comparison) -> Vec<String> {
    comparison.tables.iter().flat_map(row_lines_of).collect()
}

/// The keys of rows that are on one side only, or there more often.
fn row_lines_of(table: &ComparedTable) -> Vec<String> {
    let kinds = [
        (RowKind::Missing, table.missing),
        (RowKind::Extra, table.extra),
        (RowKind::Duplicate, table.duplicates),
    ];
    let line = |(kind, rows): (RowKind, u64)| {
        let keys: Vec<String> =
            table.rows.iter().filter(|row| row.kind == kind).map(|row| row.key.clone()).collect();
        let first = if keys.is_empty() { String::new() } else { format!(" ({})", words::some(rows, &keys)) };
        format!("{}: {} {}{first}", table.table, counted(rows, "row"), words::row_kind(kind))
    };
    let undecided = (table.undecided > 0).then(|| {
        format!(
            "{}: {} not decided: too many rows have the values by which they can be paired; a key in SQLite decides",
            table.table,
            counted(table.undecided, "row")
        )
    });
    kinds.into_iter().filter(|(_, rows)| *rows > 0).map(line).chain(undecided).collect()
}

fn value_lines(comparison: &Comparison) -> Vec<String> {
    let of_table = |table: &ComparedTable| -> Vec<String> {
        table.columns.iter().flat_map(|column| value_lines_of(&table.table, column)).collect()
    };
    comparison.tables.iter().flat_map(of_table).collect()
}

/// The different values of a column, with the values themselves where they were asked for. Only the screen and JSON show these.
fn value_lines_of(table: &str, column: &ComparedColumn) -> Vec<String> {
    let with_values = |(line, found): (String, &DifferentValues)| {
        let pair = |[source, target]: &[String; 2]| format!("{source} in SQLite, {target} in PostgreSQL");
        let pairs: Vec<String> = found.shown.iter().take(3).map(pair).collect();
        if pairs.is_empty() { line } else { format!("{line}: {}", pairs.join("; ")) }
    };
    words::different_values(table, column).into_iter().zip(&column.differences).map(with_values).collect()
}

fn form_lines(comparison: &Comparison) -> Vec<String> {
    let of_table = |table: &ComparedTable| -> Vec<String> {
        table.columns.iter().flat_map(|column| words::other_forms(&table.table, column)).collect()
    };
    comparison.tables.iter().flat_map(of_table).map(|line| format!("equal in another form: {line}")).collect()
}

fn gap_lines(comparison: &Comparison, is_difference: bool) -> Vec<String> {
    // A generated column that is missing is a difference of the structure.
    let is_shown =
        |gap: &&Gap| gap.is_difference() == is_difference && !matches!(gap, Gap::GeneratedColumn { .. });
    let gaps = comparison.gaps.iter().filter(is_shown);
    gaps.map(words::gap).collect()
}

/// One line for each kind of difference, with all that it is about.
fn structure_lines(structure: &Structure, severity: Severity, title: &str) -> Vec<String> {
    let mut kinds: Vec<(&'static str, Vec<String>)> = Vec::new();
    for found in structure.differences.iter().filter(|found| found.severity == severity) {
        let (kind, item) = (words::structure_title(&found.problem), words::structure_item(found));
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, items)) => items.push(item),
            None => kinds.push((kind, vec![item])),
        }
    }
    let line = |(kind, items): (&str, Vec<String>)| {
        let number =
            if items.len() > 1 { format!(" ({})", count(items.len() as u64)) } else { String::new() };
        format!("{title}: {kind}{number}: {}", joined(&items))
    };
    kinds.into_iter().map(line).collect()
}

/// Items on one line. Columns of one table stand together behind its name.
fn joined(items: &[String]) -> String {
    let mut text = String::new();
    let mut last = "";
    for item in items {
        let is_column = !item.contains([' ', ',', '(']);
        let table = item.split_once('.').filter(|_| is_column).map_or("", |(table, _)| table);
        match item.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')) {
            Some(column) if !table.is_empty() && table == last => text.push_str(&format!(", {column}")),
            _ if text.is_empty() => text.push_str(item),
            _ => text.push_str(&format!("; {item}")),
        }
        last = table;
    }
    text
}

fn not_compared_lines(structure: &Structure) -> Vec<String> {
    let translated = structure.not_translated.iter();
    let translated =
        translated.map(|left| format!("not compared: {} {}: {}", left.kind, left.name, left.reason));
    let others = structure.not_compared.iter();
    let others = others.map(not_compared_line);
    let all =
        structure.not_planned.iter().map(|reason| format!("not compared: what SQLite declares: {reason}"));
    all.chain(translated).chain(others).collect()
}

fn not_compared_line(left: &NotCompared) -> String {
    format!("not compared: {}: {}", words::subject(&left.subject), words::reason(&left.reason))
}

fn verdict(compared: &Compared) -> String {
    let (comparison, structure) = (&compared.comparison, &compared.structure);
    let without = comparison.without_counterpart();
    let rows = comparison.tables.iter().map(|table| table.source_rows).sum::<u64>() + without.rows;
    let equal: u64 = comparison.tables.iter().map(|table| table.equal).sum();
    let found = |severity: Severity| {
        structure.differences.iter().filter(|found| found.severity == severity).count() as u64
    };
    let rows = match comparison.is_equal() {
        true => format!("all {} are in PostgreSQL with equal values", counted(rows, "row")),
        false => format!("{} of {} are in PostgreSQL with equal values", count(equal), counted(rows, "row")),
    };
    let is_partly_compared = !structure.not_translated.is_empty() || !structure.not_compared.is_empty();
    let structure = match (found(Severity::Lost), found(Severity::Different)) {
        _ if structure.not_planned.is_some() => "and what SQLite declares was not compared".to_owned(),
        (0, 0) if is_partly_compared => {
            "and it keeps what SQLite declares, as far as it was compared".to_owned()
        }
        (0, 0) if without != WithoutCounterpart::default() => {
            "and it keeps all else that SQLite declares".to_owned()
        }
        (0, 0) => "and it keeps all that SQLite declares".to_owned(),
        (lost, 0) => format!("and {} lost", declarations(lost)),
        (0, different) => format!("and {} different", declarations(different)),
        (lost, different) => format!("and {} lost, {} different", declarations(lost), count(different)),
    };
    let is_different = comparison.differs() || !compared.structure.is_equal();
    let head = match is_different {
        true => "NOT equal",
        false if is_decided(compared) => "Equal",
        false => "NOT decided",
    };
    format!("{head}: {rows}, {}{structure}.\n", no_counterpart(without))
}

/// The tables and columns without a counterpart, as a part of the verdict.
fn no_counterpart(without: WithoutCounterpart) -> String {
    let WithoutCounterpart { tables, columns, .. } = without;
    let named = [(tables, "table"), (columns, "column")];
    let named: Vec<String> = named
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| counted(number, noun))
        .collect();
    match tables + columns {
        0 => String::new(),
        1 => format!("{} has no counterpart, ", named.join("")),
        _ => format!("{} have no counterpart, ", named.join(" and ")),
    }
}

fn declarations(number: u64) -> String {
    format!("{} {}", counted(number, "declaration"), if number == 1 { "is" } else { "are" })
}

fn what_to_do(compared: &Compared, folder: Option<&str>) -> String {
    let mut text = String::new();
    let statements = compared.structure.repair_sql();
    if compared.comparison.differs() {
        text.push_str(
            "Rows and values that are missing or differ have to be moved again, which no statement does: cargo xtask migrate --sqlite FILE \
             --postgres URL, into another database; or, once the structure is repaired and the tables are empty, with --into-existing.\n",
        );
    }
    match folder {
        _ if statements.is_empty() => {}
        Some(folder) => text.push_str(&format!(
            "{} the structure, in one transaction: psql -1 -v ON_ERROR_STOP=1 -f {folder}/{REPAIR_FILE} URL; then validate again.\n",
            repairing(statements.len() as u64)
        )),
        None => {
            text.push_str(&format!("{} the structure, in this order:\n", repairing(statements.len() as u64)));
            statements.iter().for_each(|sql| text.push_str(&format!("  {}\n", printable_lines(sql))));
        }
    }
    text.push_str(&not_repaired(&compared.structure));
    text
}

fn repairing(statements: u64) -> String {
    format!("{} {}", counted(statements, "statement"), if statements == 1 { "repairs" } else { "repair" })
}

/// The result in words, for the forms of a report.
pub(crate) fn comparison_report(compared: &Compared, url: &TargetUrl) -> ComparisonReport {
    let (comparison, structure) = (&compared.comparison, &compared.structure);
    let missing = gap_lines(comparison, true).into_iter().map(|what| Finding {
        place: "without a counterpart".to_owned(),
        what,
        next: "move it again, or decide in mapping.toml".to_owned(),
    });
    let left = undecided(structure).map(|left| Finding {
        place: "not decided".to_owned(),
        what: not_compared_line(left),
        next: "grant the right, then validate again".to_owned(),
    });
    let is_remark = |found: &&StructureDifference| found.severity == Severity::Remark;
    let lost = structure.differences.iter().filter(|found| !is_remark(found)).map(|found| Finding {
        place: words::structure_title(&found.problem).to_owned(),
        what: words::structure_item(found),
        next: match found.repair.is_empty() {
            true => left_out(found),
            false => found.repair.join(" "),
        },
    });
    let remarks = structure.differences.iter().filter(is_remark).map(words::structure);
    let remarks = form_lines(comparison).into_iter().chain(gap_lines(comparison, false)).chain(remarks);
    ComparisonReport {
        subject: head(comparison, url).trim_end().to_owned(),
        verdict: verdict(compared).trim_end().to_owned(),
        is_equal: is_same(compared),
        tables: comparison.tables.iter().map(table_result).collect(),
        findings: missing.chain(lost).chain(left).collect(),
        remarks: remarks.collect(),
        not_compared: not_compared_lines(structure),
        repair: structure.repair_sql(),
        seconds: comparison.seconds,
    }
}

fn table_result(table: &ComparedTable) -> TableResult {
    let values = table.columns.iter().flat_map(|column| words::different_values(&table.table, column));
    TableResult {
        table: table.table.clone(),
        target: table.target.clone(),
        rows: table.source_rows,
        equal: table.equal,
        is_equal: table.is_equal(),
        lines: row_lines_of(table).into_iter().chain(values).collect(),
        seconds: table.seconds,
    }
}

/// The statements that repair the structure, as a file for `psql`.
pub(crate) fn repair_file(structure: &Structure) -> String {
    let mut text =
        "-- Repairs what a comparison with SQLite found in the structure. Rows and values are not changed.\n\
                    -- Run it in one transaction: psql -1 -v ON_ERROR_STOP=1 -f repair.sql URL\n"
            .to_owned();
    for sql in structure.repair_sql() {
        text.push_str(&sql);
        text.push('\n');
    }
    structure.not_repaired().for_each(|found| text.push_str(&left_out_comment(found)));
    text
}

/// The result as JSON (`docs/json-output.md`).
pub(crate) fn comparison_json(
    compared: &Compared,
    url: &TargetUrl,
    report: Option<&str>,
) -> anyhow::Result<String> {
    let (comparison, structure) = (&compared.comparison, &compared.structure);
    let mut result = serde_json::to_value(comparison)?;
    for (value, gap) in objects(&mut result["gaps"]).zip(&comparison.gaps) {
        value["words"] = words::gap(gap).into();
        value["is_difference"] = gap.is_difference().into();
    }
    for (value, table) in objects(&mut result["tables"]).zip(&comparison.tables) {
        value["is_equal"] = table.is_equal().into();
        for (value, column) in objects(&mut value["columns"]).zip(&table.columns) {
            let lines = words::different_values(&table.table, column);
            objects(&mut value["differences"])
                .zip(lines)
                .for_each(|(value, line)| value["words"] = line.into());
            let lines = words::other_forms(&table.table, column);
            objects(&mut value["forms"]).zip(lines).for_each(|(value, line)| value["words"] = line.into());
        }
    }
    result["structure"] = structure_json(structure)?;
    let value = json!({
        "format": JSON_FORMAT,
        "command": "validate",
        "target": url.to_string(),
        "equal": is_same(compared),
        "report": report,
        "result": result,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

fn structure_json(structure: &Structure) -> anyhow::Result<Value> {
    let difference = |found: &StructureDifference| -> anyhow::Result<Value> {
        let mut value = serde_json::to_value(found)?;
        value["words"] = words::structure(found).into();
        if let Some(reason) = value.get_mut("unrepaired") {
            reason["words"] = words::unrepaired(found).into();
        }
        Ok(value)
    };
    let differences = structure.differences.iter().map(difference).collect::<anyhow::Result<Vec<Value>>>()?;
    let not_compared = structure.not_compared.iter();
    let not_compared: Vec<Value> = not_compared
        .map(|left| json!({ "what": words::subject(&left.subject), "reason": words::reason(&left.reason) }))
        .chain(
            structure
                .not_translated
                .iter()
                .map(|left| json!({ "what": format!("{} {}", left.kind, left.name), "reason": left.reason })),
        )
        .collect();
    Ok(json!({
        "equal": structure.is_equal(),
        "not_planned": structure.not_planned,
        "differences": differences,
        "not_compared": not_compared,
        "repair_sql": structure.repair_sql(),
    }))
}

/// The objects of an array.
fn objects(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}

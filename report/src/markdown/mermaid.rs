//! Tables as Mermaid's erDiagram.
//!
//! A table whose name is no plain word gets an id and its name as an alias; of a column's name and type what Mermaid cannot read is
//! replaced, and the name as it is stands beside.

use std::collections::BTreeMap;

use crate::model::{DiagramColumn, DiagramTable};

/// The keywords of an erDiagram.
const WORDS: [&str; 21] = [
    "accdescr",
    "acctitle",
    "class",
    "classdef",
    "default",
    "direction",
    "end",
    "erdiagram",
    "fk",
    "many",
    "o",
    "one",
    "only",
    "optionally",
    "pk",
    "style",
    "title",
    "to",
    "u",
    "uk",
    "zero",
];

/// The diagram.
pub fn diagram(tables: &[DiagramTable]) -> String {
    let ids: BTreeMap<&str, String> = tables
        .iter()
        .enumerate()
        .map(|(place, table)| (table.name.as_str(), id(place, &table.name)))
        .collect();
    let mut text = "erDiagram\n".to_owned();
    for (place, table) in tables.iter().enumerate() {
        let id = id(place, &table.name);
        let alias = if id == table.name { String::new() } else { format!("[\"{}\"]", quoted(&table.name)) };
        // Braces with nothing between them are an error.
        if table.columns.is_empty() {
            text.push_str(&format!("    {id}{alias}\n"));
            continue;
        }
        text.push_str(&format!("    {id}{alias} {{\n"));
        table.columns.iter().for_each(|column| text.push_str(&column_line(table, column)));
        text.push_str("    }\n");
    }
    for table in tables {
        for reference in &table.references {
            // References to tables outside the diagram cannot be drawn.
            let (Some(child), Some(parent)) =
                (ids.get(table.name.as_str()), ids.get(reference.table.as_str()))
            else {
                continue;
            };
            let is_needed = reference
                .columns
                .iter()
                .all(|name| table.columns.iter().any(|column| column.name == *name && column.not_null));
            let one = if is_needed { "||" } else { "|o" };
            let label = quoted(&reference.columns.join(", "));
            text.push_str(&format!("    {parent} {one}--o{{ {child} : \"{label}\"\n"));
        }
    }
    text
}

/// The name where it is a plain word, else one that is made.
fn id(place: usize, name: &str) -> String {
    let is_plain = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !WORDS.contains(&name.to_ascii_lowercase().as_str())
        // Such as one that is made here.
        && !name.strip_prefix("table_").is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_digit()));
    if is_plain { name.to_owned() } else { format!("table_{}", place + 1) }
}

fn column_line(table: &DiagramTable, column: &DiagramColumn) -> String {
    let points = table.references.iter().any(|reference| reference.columns.contains(&column.name));
    let keys: Vec<&str> = [(column.is_key, "PK"), (points, "FK")]
        .into_iter()
        .filter_map(|(is_it, word)| is_it.then_some(word))
        .collect();
    let name = word(&column.name, "column");
    let mut said = Vec::new();
    if name != column.name {
        said.push(quoted(&column.name));
    }
    if column.not_null && !column.is_key {
        said.push("not null".to_owned());
    }
    let keys = if keys.is_empty() { String::new() } else { format!(" {}", keys.join(", ")) };
    let said = if said.is_empty() { String::new() } else { format!(" \"{}\"", said.join("; ")) };
    format!("        {} {name}{keys}{said}\n", word(&column.type_name, "any"))
}

/// A word that Mermaid reads as one; `other` where nothing of the text is left.
fn word(text: &str, other: &str) -> String {
    let is_taken = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let text: String = text.chars().map(|letter| if is_taken(letter) { letter } else { '_' }).collect();
    let text = text.trim_end_matches('_').to_owned();
    if text.trim_start_matches('_').is_empty() {
        return other.to_owned();
    }
    let is_key_word = ["PK", "FK", "UK"].contains(&text.as_str());
    let is_name = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    if is_name && !is_key_word { text } else { format!("_{text}") }
}

/// Text between quotes: characters that would end it or that Mermaid does not accept there are replaced.
fn quoted(text: &str) -> String {
    let replaced: String = text
        .chars()
        .map(|letter| match letter {
            '"' | '`' => '\'',
            '%' => '％',
            '\\' => '＼',
            '<' => '‹',
            '>' => '›',
            '[' | '{' => '(',
            ']' | '}' => ')',
            '#' | ';' => '·',
            letter if letter.is_control() => ' ',
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
            letter => letter,
        })
        .collect();
    if replaced.trim().is_empty() { "(blank)".to_owned() } else { replaced }
}

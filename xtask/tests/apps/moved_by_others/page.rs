//! The page about databases that others moved shows what `validate` really prints.

use std::env;
use std::fs;

use super::{Moved, Tool, hyperpage, music, without_numbers};
use crate::place::checkout;

/// Set to anything, it lets the test write the page instead.
const UPDATE: &str = "UPDATE_DOCS";

#[test]
#[ignore = "needs pgloader"]
fn the_page_shows_what_is_printed() {
    let path = checkout().join("docs/moved-by-others.md");
    let old = fs::read_to_string(&path).unwrap();
    let mut new = old.clone();
    let shop = Moved::new(Tool::Pgloader, "music.db", music);
    let sample = Moved::new(Tool::Pgloader, "hyperpage.db", hyperpage);
    for (name, moved) in [("music.db", &shop), ("hyperpage.db", &sample)] {
        let screen = shown(moved, &moved.validate(&[]).stdout);
        new = with_block(&new, name, "text", &screen);
        let folder = fs::read_dir(moved.place.path().join("reports")).unwrap().next().unwrap().unwrap();
        let sql = fs::read_to_string(folder.path().join("repair.sql")).unwrap();
        new = with_block(&new, &format!("{name}: repair.sql"), "sql", &without_numbers(&sql));
    }
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, &new).unwrap();
    }
    assert!(
        env::var_os(UPDATE).is_some() || old == new,
        "docs/moved-by-others.md is stale: {UPDATE}=1 writes\n{new}"
    );
}

/// The screen without what differs between runs: paths, the URL, durations, hashes and numbers of the server.
fn shown(moved: &Moved, screen: &str) -> String {
    let folder = format!("{}/", moved.place.path().display());
    let text = without_numbers(&screen.replace(&folder, ""));
    let mut lines: Vec<String> = text.lines().map(without_seconds).collect();
    if let Some(first) = lines.first_mut()
        && let Some((before, rest)) = first.split_once("postgres://")
    {
        let after = rest.split_once(',').map_or("", |(_, after)| after);
        *first = format!("{before}postgres://app@db.example/shop,{after}");
    }
    if let Some(hash) =
        lines.first().and_then(|line| line.split("SHA-256 ").nth(1)?.split('…').next().map(str::to_owned))
    {
        lines.iter_mut().for_each(|line| *line = line.replace(&hash, "3f1c8a52d907"));
    }
    lines.join("\n") + "\n"
}

/// A row of the table without its last column, the seconds.
fn without_seconds(line: &str) -> String {
    let cells: Vec<&str> = line.split('|').collect();
    if line.starts_with('|') && cells.len() > 3 {
        cells[..cells.len() - 2].join("|") + "|"
    } else {
        line.to_owned()
    }
}

/// The page with another content of the block that follows the comment `<!-- printed: NAME -->`.
fn with_block(page: &str, name: &str, language: &str, content: &str) -> String {
    let mark = format!("<!-- printed: {name} -->\n");
    let (before, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("the page has no {mark}"));
    let after = rest.split_once("\n```\n").map_or("", |(_, after)| after);
    format!("{before}{mark}```{language}\n{}\n```\n{after}", content.trim_end())
}

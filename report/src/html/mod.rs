//! The report as one page of HTML that needs nothing else: no network, no fonts, no file beside it.
//!
//! Every section is a file here. Whatever comes from a database is text: the templates escape it, names are isolated in their
//! direction, and what cannot be seen is shown as an escape. Anchors are made of places, never of names. The same report gives the
//! same bytes.

mod by_hand;
mod checks;
mod columns;
mod constraints;
mod environment;
mod findings;
mod not_migrated;
mod objects;
mod page;
mod parts;
mod schema;
mod table;
mod tables;
mod timeline;
mod verdict;

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::Report;
use crate::model::Command;
use page::{Page, verdict_words};

/// The page's style.
const STYLE: &str = include_str!("style.css");

/// The page's script: it filters, unfolds and copies. Without it everything can still be read.
const SCRIPT: &str = include_str!("script.js");

/// The report as a page.
pub fn page(report: &Report<'_>) -> String {
    let mut text = String::new();
    let Ok(()) = pieces(report, &mut |piece| {
        text.push_str(piece);
        Ok::<(), Infallible>(())
    });
    text
}

/// Hands the page to `write` in pieces, in their order: with thousands of tables it is larger than the report itself.
///
/// # Errors
/// Those of `write`.
pub fn pieces<E>(report: &Report<'_>, write: &mut dyn FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let page = Page::of(report);
    let sections = sections(&page);
    write(&start(&page, &sections).into_string())?;
    for piece in sections.into_iter().flat_map(|section| section.pieces) {
        write(&piece.into_string())?;
    }
    write(&end(report).into_string())
}

/// Everything before the sections; the elements that hold them stay open.
fn start(page: &Page<'_>, sections: &[Section<'_>]) -> Markup {
    let title = format!("{}: {}", verdict_words(page.verdict), page.kind());
    html! {
        (DOCTYPE)
        (parts::raw("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            meta name="generator" content={ "xtask " (page.report.environment.tool_version) };
            title { (title) }
            link rel="icon" href="data:,";
            style { (parts::raw(STYLE)) }
        }
        (parts::raw("<body>"))
        a.skip href="#verdict" { "Skip to the verdict" }
        (parts::raw("<div class=\"frame\">"))
        header.kicker { (head(page)) }
        (parts::raw("<div class=\"columns\">"))
        nav.contents aria-label="Contents" {
            ul { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } }
        }
        (parts::raw("<main>"))
    }
}

/// Everything after the sections.
fn end(report: &Report<'_>) -> Markup {
    html! {
        footer { (foot(report)) }
        (parts::raw("</main></div></div>"))
        script { (parts::raw(SCRIPT)) }
        (parts::raw("</body></html>"))
    }
}

/// Parts of the page, which follow each other.
type Pieces<'p> = Box<dyn Iterator<Item = Markup> + 'p>;

/// A part of the page that the contents name.
struct Section<'p> {
    id: &'static str,
    title: &'static str,
    pieces: Pieces<'p>,
}

fn sections<'p>(page: &'p Page<'_>) -> Vec<Section<'p>> {
    let single = |body: Markup| -> Pieces<'p> { Box::new(std::iter::once(body)) };
    let verdict = Section { id: "verdict", title: "Verdict", pieces: single(verdict::section(page)) };
    let others = [
        ("off", "What is off", findings::body(page).map(single)),
        ("proof", "What was proven, and how", Some(single(checks::body(page)))),
        ("time", "Where the time went", timeline::body(page).map(single)),
        ("tables", "Tables and columns", Some(Box::new(tables::pieces(page)) as Pieces<'p>)),
        ("objects", "Views and triggers", objects::body(page).map(single)),
        ("behind", "What was not migrated", Some(single(not_migrated::objects(page)))),
        ("broken", "Constraints that rows break", not_migrated::breaches(page).map(single)),
        ("rejects", "Rows skipped and values set to NULL", not_migrated::rejects(page).map(single)),
        ("schema", "The schema before and after", schema::body(page).map(single)),
        ("environment", "Environment and versions", Some(single(environment::body(page)))),
        ("by-hand", "How to repeat it by hand", Some(single(by_hand::body(page)))),
    ];
    let others = others.into_iter().filter_map(|(id, title, body)| {
        let opened = html! {
            (PreEscaped(format!("<section id=\"{id}\" aria-labelledby=\"{id}-head\">")))
            h2 id={ (id) "-head" } { (title) }
        };
        let closed = html! { (parts::raw("</section>")) };
        let pieces = std::iter::once(opened).chain(body?).chain(std::iter::once(closed));
        Some(Section { id, title, pieces: Box::new(pieces) })
    });
    std::iter::once(verdict).chain(others).collect()
}

/// The page's content security policy: it may only show itself, and run the one script that it contains.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

fn head(page: &Page<'_>) -> Markup {
    html! {
        (page.kind()) " · run " (page.report.run) " · " (parts::moment(&page.report.made_at))
    }
}

fn foot(report: &Report<'_>) -> Markup {
    let command = match report.command {
        Command::Migrate => "migrate",
        Command::Validate => "validate",
    };
    html! {
        p {
            "Made by " code { "cargo xtask " (command) } " at " (parts::moment(&report.made_at)) ". The same as data is in "
            code { "report.json" } ", format " (report.format) ". No value of a row is in either; rows are named by their keys."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_script_and_nothing_else() {
        let policy = policy();
        assert!(policy.starts_with("default-src 'none'; "));
        assert_eq!(policy.matches("sha256-").count(), 1);
        for allowed in ["unsafe-eval", "http", "*", "script-src 'unsafe-inline'", "'self'"] {
            assert!(!policy.contains(allowed), "{policy}");
        }
    }

    #[test]
    fn style_and_script_end_where_they_should() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}

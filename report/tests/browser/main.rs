//! The page in a real browser: it opens in silence, asks for nothing, does what its controls say, and takes every name for text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "a test that did not run says so")]

mod chromium;
#[path = "../samples/mod.rs"]
mod samples;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chromium::Browser;
use report::Report;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a page of 200 tables may take to open, on a machine that has other things to do.
const OPENING_MAX: Duration = Duration::from_secs(20);

/// How far the page is wider than its window; nothing may be.
const OVERFLOW: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// How many tables the list shows.
const LISTED: &str = "[...document.querySelectorAll('#table-list tbody tr')].filter((row) => row.offsetParent !== null).length";

/// A report as a file, open in a browser.
struct Opened {
    browser: Browser,
    file: PathBuf,
    _folder: TempDir,
}

/// Opens a report; none where there is no browser.
fn open(report: &Report) -> Option<Opened> {
    let program = chromium::find()?;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    fs::write(&file, report::html::page(report)).unwrap();
    let mut browser = Browser::start(&program);
    browser.resize(1280, 900);
    browser.open(&file);
    Some(Opened { browser, file, _folder: folder })
}

impl Opened {
    fn number(&mut self, expression: &str) -> i64 {
        let value = self.browser.evaluate(expression);
        value.as_f64().map(|number| number as i64).unwrap_or_else(|| panic!("{expression}: {value}"))
    }

    fn holds(&mut self, expression: &str) -> bool {
        self.browser.evaluate(expression) == Value::Bool(true)
    }

    fn type_into_filter(&mut self, text: &str) {
        self.browser.evaluate(
            "document.getElementById('filter').focus(); document.getElementById('filter').select();",
        );
        match text {
            "" => drop(self.browser.evaluate("document.execCommand('delete')")),
            _ => drop(self.browser.call("Input.insertText", json!({"text": text}))),
        }
    }

    /// Nothing was complained of, and nothing but the file was asked for.
    fn assert_silent(&mut self) {
        assert_eq!(self.browser.complaints(), Vec::<String>::new());
        let file = format!("file://{}", self.file.display());
        let others: Vec<String> = self
            .browser
            .requests()
            .into_iter()
            .filter(|url| *url != file && !url.starts_with("data:"))
            .collect();
        assert_eq!(others, Vec::<String>::new());
        assert!(self.browser.requests().contains(&file), "the file itself is seen");
    }
}

#[test]
fn every_sample_opens_in_silence_and_fits_every_window() {
    let folder = TempDir::new().unwrap();
    let Some(program) = chromium::find() else { return };
    let browser = Browser::start(&program);
    let mut opened = Opened { browser, file: PathBuf::new(), _folder: folder };
    for (name, report) in samples::all() {
        opened.file = opened._folder.path().join(format!("{name}.html"));
        fs::write(&opened.file, report::html::page(&report)).unwrap();
        let file = opened.file.clone();
        for width in [1280, 400] {
            opened.browser.resize(width, 900);
            opened.browser.open(&file);
            opened.assert_silent();
            opened.browser.evaluate(
                "document.querySelectorAll('details').forEach((element) => { element.open = true; })",
            );
            assert_eq!(opened.number(OVERFLOW), 0, "{name} at {width} pixels");
        }
        assert!(opened.holds("document.querySelectorAll('h1').length === 1 && document.querySelector('main h1').textContent !== ''"), "{name}");
    }
}

#[test]
fn violations_of_the_content_security_policy_are_detected() {
    let Some(mut opened) = open(&samples::one_table()) else { return };
    opened.browser.evaluate(
        "{ const image = document.createElement('img'); image.src = 'http://127.0.0.1:9/x.png'; document.body.append(image);
           const script = document.createElement('script'); script.textContent = 'window.harm = 1'; document.body.append(script); }",
    );
    let complaints = opened.browser.complaints().join("\n");
    assert!(complaints.contains("img-src") && complaints.contains("script-src"), "{complaints}");
    assert!(opened.holds("window.harm === undefined"));
}

#[test]
fn the_filter_filters() {
    let Some(mut opened) = open(&samples::music_shop()) else { return };
    assert_eq!(opened.number(LISTED), 11);
    for (text, listed) in
        [("track", 3), ("PLAYLIST track", 1), ("reportsto", 1), ("nothing like it", 0), ("", 11)]
    {
        opened.type_into_filter(text);
        assert_eq!(opened.number(LISTED), listed, "{text}");
        let folded = "[...document.querySelectorAll('#tables details.item')].filter((item) => item.offsetParent !== null).length";
        assert_eq!(opened.number(folded), listed, "{text}");
    }
    assert!(opened.holds("document.getElementById('filter-status').textContent === ''"));
    opened.assert_silent();
}

#[test]
fn the_filter_can_show_only_problems() {
    let Some(mut opened) = open(&samples::failed()) else { return };
    opened.browser.evaluate("document.getElementById('filter-off').click()");
    assert_eq!(opened.number(LISTED), 3);
    assert!(opened.holds("document.getElementById('filter-status').textContent === '3 of 11 tables'"));
    // A link to a table that is filtered out shows it all the same.
    opened.browser.evaluate("location.hash = '#t1'");
    assert!(opened.holds("new Promise((done) => setTimeout(() => done(document.getElementById('t1').open && document.getElementById('t1').offsetParent !== null), 100))"));
    opened.assert_silent();
}

#[test]
fn links_lead_to_their_target_and_expand_it() {
    let Some(mut opened) = open(&samples::failed()) else { return };
    let dead = "[...document.querySelectorAll('a[href]')].filter((link) => !link.getAttribute('href').startsWith('#') || document.getElementById(link.getAttribute('href').slice(1)) === null).length";
    assert_eq!(opened.number(dead), 0);
    assert!(opened.holds("!document.getElementById('t7').open"));
    opened.browser.evaluate("document.querySelector('#table-list a[href=\"#t7\"]').click()");
    let is_seen = "new Promise((done) => setTimeout(() => {
        const target = document.getElementById('t7'); const top = target.getBoundingClientRect().top;
        done(target.open && top > -5 && top < innerHeight); }, 1500))";
    assert!(opened.holds(is_seen));
    opened.browser.evaluate("document.querySelector('#t7 > summary').click()");
    assert!(opened.holds("!document.getElementById('t7').open"));
    // The same link again.
    opened.browser.evaluate("document.querySelector('#table-list a[href=\"#t7\"]').click()");
    assert!(opened.holds(is_seen));
    opened.assert_silent();
}

#[test]
fn all_tables_unfold_and_fold() {
    let Some(mut opened) = open(&samples::hyperpage()) else { return };
    let open_items = "document.querySelectorAll('#tables details.item[open]').length";
    let tables = samples::hyperpage().tables.len() as i64;
    assert_eq!(opened.number(open_items), 0);
    opened.browser.evaluate("document.getElementById('unfold-all').click()");
    assert_eq!(opened.number(open_items), tables);
    opened.browser.evaluate("document.getElementById('fold-all').click()");
    assert_eq!(opened.number(open_items), 0);
}

#[test]
fn statements_are_copied_or_selected() {
    let Some(mut opened) = open(&samples::hostile()) else { return };
    let buttons = opened.number("document.querySelectorAll('button.copy').length");
    assert!(buttons > 10);
    opened.browser.evaluate("document.querySelectorAll('button.copy').forEach((button) => button.click())");
    let said = "new Promise((done) => setTimeout(() => done([...document.querySelectorAll('button.copy')].every((button) => ['Copied', 'Selected'].includes(button.textContent))), 500))";
    assert!(opened.holds(said));
    // What is copied is what the database has, whatever is shown.
    let texts = opened.browser.evaluate(
        "[...document.querySelectorAll('#tables .sql code')].map((code) => code.dataset.exact === undefined ? code.textContent : JSON.parse(code.dataset.exact))",
    );
    for table in samples::hostile().tables {
        let text = Value::from(table.by_hand[0].text.as_str());
        assert!(texts.as_array().unwrap().contains(&text), "{text}");
    }
    opened.assert_silent();
}

#[test]
fn names_that_mean_harm_are_text() {
    let report = samples::hostile();
    let Some(mut opened) = open(&report) else { return };
    opened
        .browser
        .evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })");
    opened.browser.evaluate(
        "document.querySelectorAll('*').forEach((element) => { element.dispatchEvent(new Event('mouseover')); element.dispatchEvent(new Event('error')); })",
    );
    assert!(opened.holds("window.harm === undefined"));
    // One script and one style, which are the page's own; no image, frame or handler.
    assert_eq!(opened.number("document.querySelectorAll('script, style').length"), 2);
    assert_eq!(opened.number("document.querySelectorAll('img, iframe, object, embed, base, form, a[href^=\"javascript:\"]').length"), 0);
    let handlers = "[...document.querySelectorAll('*')].filter((element) => [...element.attributes].some((attribute) => attribute.name.startsWith('on'))).length";
    assert_eq!(opened.number(handlers), 0);
    let shown = opened
        .browser
        .evaluate("[...document.querySelectorAll('#table-list tbody th')].map((cell) => cell.textContent)");
    let shown: Vec<&str> = shown.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(shown.len(), report.tables.len());
    for (shown, table) in shown.iter().zip(&report.tables) {
        let is_plain = table
            .table
            .chars()
            .all(|letter| letter == ' ' || letter.is_alphanumeric() || letter.is_ascii_punctuation());
        if is_plain && !table.table.trim().is_empty() {
            assert_eq!(*shown, table.table);
        }
        assert!(
            !shown.chars().any(|letter| letter.is_control() || "\u{202e}\u{2066}\u{200b}".contains(letter)),
            "{shown:?}"
        );
    }
    assert!(opened.holds("[...document.querySelectorAll('#table-list tbody th bdi')].length > 10"));
    opened.assert_silent();
}

#[test]
fn two_hundred_tables_open_in_time() {
    let report = samples::many(200);
    let Some(program) = chromium::find() else { return };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    fs::write(&file, report::html::page(&report)).unwrap();
    let mut browser = Browser::start(&program);
    browser.resize(1280, 900);
    let begin = Instant::now();
    browser.open(&file);
    let mut opened = Opened { browser, file, _folder: folder };
    assert_eq!(opened.number(LISTED), 200);
    opened.type_into_filter("booking_3");
    assert_eq!(opened.number(LISTED), 1 + opened_children(&report));
    assert!(begin.elapsed() < OPENING_MAX, "{:?}", begin.elapsed());
    opened.assert_silent();
}

/// How many other tables have a column that is named after `booking_3`.
fn opened_children(report: &Report) -> i64 {
    let tables = report.plan.tables.iter().filter(|table| !table.source.contains("booking_3"));
    tables.filter(|table| table.columns.iter().any(|column| column.source.contains("booking_3"))).count()
        as i64
}

#[test]
fn without_script_everything_can_be_read() {
    let Some(mut opened) = open(&samples::failed()) else { return };
    opened.browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    let file = opened.file.clone();
    opened.browser.open(&file);
    assert_eq!(opened.number(LISTED), 11);
    let controls = "[...document.querySelectorAll('button, input')].filter((element) => element.checkVisibility()).length";
    assert_eq!(opened.number(controls), 0);
    assert!(opened.holds("document.querySelector('#t3 > summary').checkVisibility()"));
    opened.assert_silent();
}

#[test]
fn dark_is_dark_and_light_is_light() {
    let Some(mut opened) = open(&samples::music_shop()) else { return };
    let brightness = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)";
    for (scheme, is_dark) in [("light", false), ("dark", true)] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        opened.browser.call("Emulation.setEmulatedMedia", features);
        assert_eq!(opened.number(brightness) < 200, is_dark, "{scheme}");
    }
}

#[test]
fn in_print_everything_is_expanded_and_controls_are_hidden() {
    let Some(mut opened) = open(&samples::failed()) else { return };
    opened.type_into_filter("album");
    let seen = "[...document.querySelectorAll('#tables .body')].filter((body) => body.checkVisibility({contentVisibilityAuto: true}) && body.getBoundingClientRect().height > 0).length";
    assert_eq!(opened.number(seen), 0);
    opened.browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    assert!(opened.holds(&format!("new Promise((done) => setTimeout(() => done({seen} === 11), 200))")));
    let controls = "[...document.querySelectorAll('button, input, nav')].filter((element) => element.checkVisibility()).length";
    assert_eq!(opened.number(controls), 0);
    opened.browser.call("Emulation.setEmulatedMedia", json!({"media": ""}));
    assert!(opened.holds(&format!("new Promise((done) => setTimeout(() => done({seen} === 0), 200))")));
    let paper = opened.browser.call("Page.printToPDF", json!({"printBackground": true}));
    assert!(paper["data"].as_str().is_some_and(|data| data.len() > 10_000));
    opened.assert_silent();
}

#[test]
fn every_control_is_reached_by_the_keyboard() {
    let Some(mut opened) = open(&samples::music_shop()) else { return };
    let tab = |browser: &mut Browser| {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
            browser.call("Input.dispatchKeyEvent", key);
        }
    };
    tab(&mut opened.browser);
    assert!(opened.holds("document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().top >= 0"));
    let mut reached = Vec::new();
    for _ in 0..60 {
        tab(&mut opened.browser);
        let name = opened.browser.evaluate(
            "{ const element = document.activeElement; const style = getComputedStyle(element); if (style.outlineStyle === 'none') { throw new Error('no outline: ' + element.outerHTML); } element.id || element.tagName; }",
        );
        reached.push(name.as_str().unwrap_or_default().to_owned());
    }
    for wanted in ["filter", "unfold-all", "fold-all", "SUMMARY", "A"] {
        assert!(reached.iter().any(|name| name == wanted), "{wanted}: {reached:?}");
    }
}

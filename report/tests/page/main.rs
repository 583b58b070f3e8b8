//! The page as text: what is in it and in which order, that names are escaped, and that the same report gives the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../samples/mod.rs"]
mod samples;

use report::Report;
use report::model::{HeldRows, Verdict};

fn json_text(report: &Report<'_>) -> String {
    let mut text = Vec::new();
    report::write_json(report, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The text of a page, one line for each piece, without style, script and SVG's shapes.
fn text(page: &str) -> String {
    let body = &page[page.find("<body>").unwrap()..page.rfind("<script>").unwrap()];
    let mut out = String::new();
    for piece in body.split('<').skip(1) {
        let text = piece.split_once('>').map_or("", |(_, text)| text);
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        if !text.trim().is_empty() {
            out.push_str(text.trim());
            out.push('\n');
        }
    }
    out
}

fn place(page: &str, part: &str) -> usize {
    page.find(part).unwrap_or_else(|| panic!("{part} is not on the page"))
}

#[test]
fn the_text_of_a_small_page() {
    insta::assert_snapshot!(text(&report::html::page(&samples::one_table())));
}

#[test]
fn the_same_report_renders_the_same_bytes() {
    for (name, report) in samples::all() {
        let page = report::html::page(&report);
        assert!(page == report::html::page(&report.clone()), "{name}");
        let json = json_text(&report);
        let again: Report<'_> = serde_json::from_str(&json).unwrap();
        assert!(json_text(&again) == json, "{name}");
        assert!(report::html::page(&again) == page, "{name}");
    }
}

#[test]
fn sections_are_in_their_order_and_headings_go_down_by_one() {
    let page = report::html::page(&samples::failed());
    let order = [
        "verdict",
        "off",
        "proof",
        "time",
        "tables",
        "objects",
        "behind",
        "broken",
        "rejects",
        "schema",
        "environment",
        "by-hand",
    ];
    let places: Vec<usize> = order.iter().map(|id| place(&page, &format!("id=\"{id}\""))).collect();
    assert!(places.is_sorted(), "{places:?}");
    let levels: Vec<u8> = (page.match_indices("<h"))
        .filter_map(|(at, _)| match page.as_bytes()[at + 2] {
            digit @ b'1'..=b'6' => Some(digit - b'0'),
            _ => None,
        })
        .collect();
    assert_eq!(levels[0], 1);
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn every_table_has_a_caption_and_scopes() {
    for (name, report) in samples::all() {
        let page = report::html::page(&report);
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count(), "{name}");
        for (at, _) in page.match_indices("<th") {
            let tag = &page[at..at + page[at..].find('>').unwrap()];
            assert!(
                tag.starts_with("<thead") || tag.contains("scope=\"col\"") || tag.contains("scope=\"row\""),
                "{name}: {tag}"
            );
        }
    }
}

#[test]
fn the_verdict_is_written_as_text() {
    for (report, words) in [(samples::music_shop(), ">Proven<"), (samples::failed(), ">Not proven<")] {
        assert!(report::html::page(&report).contains(words), "{words}");
    }
}

#[test]
fn the_verdict_never_contradicts_the_findings() {
    let report = Report { verdict: Verdict::Proven, ..samples::failed() };
    let page = report::html::page(&report);
    assert!(page.contains(">Not proven<") && !page.contains(">Proven<"));
    assert!(!report::html::page(&samples::music_shop()).contains("id=\"off\""));
}

#[test]
fn no_figure_is_too_odd_for_a_page() {
    let mut report = samples::failed();
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e300, f64::MIN_POSITIVE];
    for (span, figure) in report.timeline.iter_mut().zip(odd.into_iter().cycle()) {
        (span.begin_seconds, span.seconds) = (figure, figure);
    }
    for (table, figure) in report.tables.iter_mut().zip(odd) {
        (table.rows, table.bytes, table.seconds) = (u64::MAX, u64::MAX, figure);
        if let Some(compared) = &mut table.compared {
            (compared.source_rows, compared.equal, compared.missing) = (u64::MAX, u64::MAX, u64::MAX);
            compared.seconds = figure;
        }
    }
    // Names that plan and report do not share, and one that is there twice.
    report.tables[0].table = "nowhere".to_owned();
    let twice = report.tables[1].clone();
    report.tables.push(twice);
    let page = report::html::page(&report);
    assert!(page.contains("18,446,744,073,709,551,615") && page.contains("nowhere"));
    assert!(!page.contains("NaN") && !page.contains("inf%"));
}

#[test]
fn problems_are_named_with_table_row_and_column() {
    let page = report::html::page(&samples::failed());
    let off = &page[place(&page, "id=\"off\"")..place(&page, "id=\"proof\"")];
    for part in [
        "Track",
        "24 rows with other values",
        "UnitPrice",
        ">107<",
        "PlaylistTrack",
        "(9, 400)",
        "ifk_track_album_id",
        "SET NOT NULL",
        "What to do",
    ] {
        assert!(off.contains(part), "{part}");
    }
}

#[test]
fn parts_that_were_not_compared_are_never_hidden() {
    let mut report = samples::music_shop();
    for check in &mut report.checks {
        check.is_done = false;
        check.left_out = (0..9)
            .map(|at| report::model::NotCompared {
                what: format!("{} {at}", check.name),
                reason: "--read-only".to_owned(),
            })
            .collect();
    }
    let page = report::html::page(&report);
    for check in &report.checks {
        assert!(check.left_out.iter().all(|left| page.contains(&left.what)));
    }
    assert_eq!(page.matches("not done").count(), report.checks.len());
    assert!(page.contains("things not compared"));
}

#[test]
fn database_content_never_becomes_markup() {
    let page = report::html::page(&samples::hostile());
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<style").count(), 1);
    let head = &page[..place(&page, "<body>")];
    assert_eq!(head.matches("title>").count(), 2);
    for part in [
        "<img",
        "<svg onload",
        "href=\"javascript:",
        "\0",
        "\u{1b}",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\r",
    ] {
        assert!(!page.contains(part), "{part:?}");
    }
    for name in samples::hostile::HOSTILE_NAMES.iter().filter(|name| name.contains('<')) {
        assert!(!page.contains(name), "{name}");
    }
    assert!(
        page.contains("\\u{202e}drowssap")
            && page.contains("(empty name)")
            && page.contains(&"long_".repeat(40))
    );
}

#[test]
fn the_page_uses_no_network() {
    for (name, report) in samples::all() {
        let page = report::html::page(&report);
        for part in [" src=", "url(", "@import", "<link rel=\"stylesheet", "<iframe", "http-equiv=\"refresh"]
        {
            let found = page.replace("&lt;img src=", "").matches(part).count();
            assert_eq!(found, 0, "{name}: {part}");
        }
    }
}

/// The contrast of WCAG 2.2 between two colours of the style.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let light = |color: [u8; 3]| {
        let [red, green, blue] = color.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let [one, other] = [light(one), light(other)];
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_is_legible_in_both_themes() {
    let style = include_str!("../../src/html/style.css");
    let themes: Vec<&str> =
        style.split(":root {").skip(1).map(|theme| theme.split('}').next().unwrap()).collect();
    assert_eq!(themes.len(), 2);
    for theme in themes {
        let color = |name: &str| {
            let at = theme.find(&format!("--{name}: #")).unwrap() + name.len() + 5;
            [0, 2, 4].map(|part| u8::from_str_radix(&theme[at + part..at + part + 2], 16).unwrap())
        };
        for ground in ["page", "raised"] {
            for ink in ["ink", "muted", "accent", "good", "bad", "warn"] {
                let found = contrast(color(ink), color(ground));
                assert!(found >= 4.5, "{ink} on {ground}: {found:.2}");
            }
        }
        assert!(contrast(color("ink"), color("accent-soft")) >= 4.5);
        assert!(contrast(color("bar"), color("page")) >= 3.0);
    }
}

#[test]
fn rows_and_tables_that_the_app_had_before_are_named() {
    let with = |held: HeldRows| {
        let mut report = samples::one_table();
        report.tables[0].held = Some(held);
        report.plan.to_mut().only_in_target = vec!["public.audit".to_owned(), "a<b".to_owned()];
        report::html::page(&report)
    };
    let equal = HeldRows { equal: 12, kept: 3, overwritten: 2_000, deleted: 0 };
    for (held, words) in [
        (equal, "2,015 rows were already there: 12 equal, 3 kept, 2,000 overwritten<"),
        (HeldRows { equal: 1, ..HeldRows::default() }, "1 row was already there: equal<"),
        (HeldRows { deleted: 5, ..HeldRows::default() }, "5 rows were already there: all deleted<"),
    ] {
        assert!(with(held).contains(words), "{words}");
    }
    let page = with(equal);
    assert!(text(&page).contains("2 tables only in PostgreSQL, into which no rows went:"), "{}", text(&page));
    assert!(page.contains("public.audit") && page.contains("a&lt;b"));
    let mut plan = samples::one_table().plan.into_owned();
    plan.only_in_target = vec!["public.audit".to_owned()];
    let markdown = report::markdown::markdown(&plan, &[]);
    assert!(
        markdown.contains("## Only in PostgreSQL\n\nNo rows go into these tables: `public.audit`.\n"),
        "{markdown}"
    );
}

/// A page of many tables is never in memory completely.
#[test]
fn a_page_of_many_tables_is_handed_over_in_small_pieces() {
    let report = samples::many(300);
    let (mut joined, mut largest) = (String::new(), 0);
    report::html::pieces(&report, &mut |piece| {
        joined.push_str(piece);
        largest = largest.max(piece.len());
        Ok::<(), ()>(())
    })
    .unwrap();
    assert!(joined == report::html::page(&report));
    assert!(largest < joined.len() / 4, "{largest} of {} bytes", joined.len());
    let mut rest = 3;
    let stopped = report::html::pieces(&report, &mut |_| {
        rest -= 1;
        if rest == 0 { Err("full") } else { Ok(()) }
    });
    assert_eq!((stopped, rest), (Err("full"), 0));
}

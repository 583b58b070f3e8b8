//! A strict parser of the text format of OpenMetrics 1.0, as far as our metrics use it. It fails on everything that the format forbids.

use std::collections::BTreeSet;

/// A family of metrics.
#[derive(Debug, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
}

/// One value with its labels.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// Parses a complete text.
#[track_caller]
pub(crate) fn parse(text: &str) -> Vec<Family> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
    assert!(body.is_empty() || body.ends_with('\n'), "the last line is complete");
    let mut families: Vec<Family> = Vec::new();
    let mut names = BTreeSet::new();
    for line in body.lines() {
        assert_eq!(line, line.trim(), "no space around a line");
        if let Some(rest) = line.strip_prefix("# ") {
            let (keyword, rest) = rest.split_once(' ').unwrap();
            let (name, rest) = rest.split_once(' ').unwrap();
            assert!(is_name(name), "{line}");
            match keyword {
                // Our library writes HELP first.
                "HELP" => {
                    assert!(names.insert(name.to_owned()), "{name} comes twice");
                    assert!(!rest.is_empty());
                    families.push(Family { name: name.to_owned(), kind: String::new(), samples: Vec::new() });
                }
                "TYPE" => {
                    let family = families.last_mut().unwrap();
                    assert!(
                        family.name == name && family.kind.is_empty() && family.samples.is_empty(),
                        "{line}"
                    );
                    assert!(["gauge", "counter", "info"].contains(&rest), "{line}");
                    family.kind = rest.to_owned();
                }
                "UNIT" => {
                    assert_eq!(families.last().unwrap().name, name);
                    assert!(name.ends_with(&format!("_{rest}")), "the unit is last: {line}");
                }
                other => panic!("{other}"),
            }
            continue;
        }
        assert!(!line.starts_with('#') && !line.is_empty(), "{line}");
        let sample = sample(line);
        let family = families.last_mut().unwrap();
        let suffix =
            sample.name.strip_prefix(&family.name).unwrap_or_else(|| panic!("{line} is no {}", family.name));
        let expected = match family.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            "gauge" => "",
            other => panic!("{other}"),
        };
        assert_eq!(suffix, expected, "{line}");
        assert!(family.kind != "counter" || sample.value >= 0.0);
        assert!(family.samples.iter().all(|other| other.labels != sample.labels), "{line} comes twice");
        family.samples.push(sample);
    }
    families
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (Vec::new(), rest),
    };
    let value = value.strip_prefix(' ').unwrap();
    assert!(!value.contains(' '), "{line}");
    Sample { name: name.to_owned(), labels, value: value.parse().unwrap() }
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut labels = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap();
        assert!(is_name(name) && !name.contains(':'), "{name}");
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    other => panic!("\\{other} is no escape"),
                }),
                (_, letter) => value.push(letter),
            }
        };
        labels.push((name.to_owned(), value));
        let after = &after[end + 1..];
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, after.strip_prefix('}').unwrap()),
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[test]
fn the_parser_reads_escapes_and_refuses_what_is_forbidden() {
    let text = "# HELP a_bytes Help.\n# TYPE a_bytes gauge\n# UNIT a_bytes bytes\na_bytes{x=\"1\\\"\\n\\\\\",y=\"\"} 2.5\n# EOF\n";
    let families = parse(text);
    assert_eq!(families[0].samples[0].labels[0].1, "1\"\n\\");
    for broken in [
        "a 1\n# EOF\n",
        "# HELP a Help.\n# TYPE a gauge\na 1\n",
        "# HELP a Help.\n# TYPE a counter\na 1\n# EOF\n",
        "# HELP a Help.\n# TYPE a gauge\na 1\na 2\n# EOF\n",
        "# HELP a Help.\n# TYPE a gauge\na{x=\"\\t\"} 1\n# EOF\n",
        "# HELP a Help.\n# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n",
        "# HELP a Help.\n# TYPE a gauge\na x\n# EOF\n",
    ] {
        assert!(std::panic::catch_unwind(|| parse(broken)).is_err(), "{broken}");
    }
}

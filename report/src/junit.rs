//! The report as JUnit XML, as GitLab and Jenkins read it: one suite, with a case for each table, each check and each thing that
//! is not migrated.
//!
//! Text only; what XML cannot hold is replaced.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::figures::counted;
use crate::findings::{findings, rows_in_words};
use crate::model::{Check, Report, TableReport};

/// A test case.
pub(crate) struct Case {
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) result: CaseResult,
    /// Additional output, such as what a check proves and what it did not compare.
    pub(crate) output: String,
}

pub(crate) enum CaseResult {
    Passed,
    Skipped(String),
    Failed { message: String, text: String },
}

/// The XML.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn junit(report: &Report<'_>) -> std::io::Result<String> {
    let mut cases: Vec<Case> = report.tables.iter().map(|table| table_case(report, table)).collect();
    cases.extend(report.checks.iter().map(check_case));
    cases.extend(report.plan.left_behind.iter().map(|left| Case {
        class: "not migrated",
        name: format!("{} {}", left.kind, left.name),
        seconds: 0.0,
        result: CaseResult::Skipped(left.reason.clone()),
        output: String::new(),
    }));
    suite(&format!("validation of run {}", report.run), Some(&report.made_at), report.seconds(), &cases)
}

/// One suite of cases as XML.
pub(crate) fn suite(
    name: &str,
    made_at: Option<&str>,
    seconds: f64,
    cases: &[Case],
) -> std::io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let totals = totals(seconds, cases);
    let totals: Vec<(&str, &str)> = totals.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let made_at = made_at.map(attribute);
    writer.create_element("testsuites").with_attributes(totals.iter().copied()).write_inner_content(
        |writer| {
            let timestamp = made_at.as_ref().map(|made_at| ("timestamp", made_at.as_str()));
            writer
                .create_element("testsuite")
                .with_attribute(("name", name))
                .with_attributes(timestamp)
                .with_attributes(totals.iter().copied())
                .write_inner_content(|writer| cases.iter().try_for_each(|case| write_case(writer, case)))?;
            Ok(())
        },
    )?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(std::io::Error::other)?;
    text.push('\n');
    Ok(text)
}

fn totals(seconds: f64, cases: &[Case]) -> [(&'static str, String); 5] {
    let count = |is_it: fn(&CaseResult) -> bool| cases.iter().filter(|case| is_it(&case.result)).count();
    [
        ("tests", cases.len().to_string()),
        ("failures", count(|result| matches!(result, CaseResult::Failed { .. })).to_string()),
        ("errors", "0".to_owned()),
        ("skipped", count(|result| matches!(result, CaseResult::Skipped(_))).to_string()),
        ("time", format!("{seconds:.3}")),
    ]
}

fn table_case(report: &Report<'_>, table: &TableReport) -> Case {
    let result = match &table.compared {
        None => CaseResult::Skipped(
            "its rows were not compared: others moved alone, or its columns are not as planned".to_owned(),
        ),
        Some(compared) if compared.is_equal() => CaseResult::Passed,
        Some(compared) => {
            let place = format!("table {}", table.table);
            let next = findings(report).into_iter().find(|finding| finding.place == place);
            let message = rows_in_words(compared);
            let text = format!("{message}\nnext: {}", next.map(|finding| finding.next).unwrap_or_default());
            CaseResult::Failed { message, text }
        }
    };
    let seconds = table.compared.as_ref().map_or(0.0, |compared| compared.seconds);
    Case { class: "rows", name: table.table.clone(), seconds, result, output: String::new() }
}

fn check_case(check: &Check) -> Case {
    let left_out: Vec<String> =
        check.left_out.iter().map(|left| format!("not compared: {}: {}", left.what, left.reason)).collect();
    let result = match check.problems.as_slice() {
        _ if !check.is_done => CaseResult::Skipped(check.reason_not_done().unwrap_or_default().to_owned()),
        [] => CaseResult::Passed,
        problems => {
            let lines: Vec<String> = problems
                .iter()
                .map(|problem| format!("{}\n  next: {}", problem.what, problem.next))
                .collect();
            let message = match problems {
                [only] => only.what.clone(),
                all => counted(all.len() as u64, "problem"),
            };
            CaseResult::Failed { message, text: lines.join("\n") }
        }
    };
    let tried = format!("{}: {} {}", check.how, check.tried, check.unit);
    let output = std::iter::once(tried).chain(left_out).collect::<Vec<_>>().join("\n");
    Case { class: "checks", name: check.name.clone(), seconds: 0.0, result, output }
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case) -> std::io::Result<()> {
    let [name, class] = [&case.name, case.class].map(attribute);
    let time = format!("{:.3}", if case.seconds > 0.0 { case.seconds } else { 0.0 });
    let element = writer
        .create_element("testcase")
        .with_attribute(("classname", class.as_str()))
        .with_attribute(("name", name.as_str()))
        .with_attribute(("time", time.as_str()));
    if matches!(case.result, CaseResult::Passed) && case.output.is_empty() {
        return element.write_empty().map(|_| ());
    }
    let write = |writer: &mut Writer<Vec<u8>>| -> std::io::Result<()> {
        match &case.result {
            CaseResult::Passed => {}
            CaseResult::Skipped(reason) => {
                let reason = attribute(reason);
                writer
                    .create_element("skipped")
                    .with_attribute(("message", reason.as_str()))
                    .write_empty()?;
            }
            CaseResult::Failed { message, text } => {
                let message = attribute(message);
                writer
                    .create_element("failure")
                    .with_attribute(("message", message.as_str()))
                    .with_attribute(("type", class.as_str()))
                    .write_text_content(BytesText::new(&allowed(text)))?;
            }
        }
        if !case.output.is_empty() {
            writer.create_element("system-out").write_text_content(BytesText::new(&allowed(&case.output)))?;
        }
        Ok(())
    };
    element.write_inner_content(write).map(|_| ())
}

/// The text of an attribute: on one line, since readers make a blank of a line break.
fn attribute(text: &str) -> String {
    allowed(text).replace(['\n', '\t'], " ")
}

/// The text with U+FFFD for each character that XML 1.0 forbids (section 2.2), and for the carriage return, which readers drop.
fn allowed(text: &str) -> String {
    let is_allowed = |letter: char| match letter {
        '\n' | '\t' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        letter => !letter.is_control(),
    };
    text.chars().map(|letter| if is_allowed(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;
    use crate::hostile;
    use crate::model::Verdict;

    /// An element's name and its attributes.
    type Element = (String, Vec<(String, String)>);

    /// The elements that are begun, with their attributes, and all text between them.
    fn parse(xml: &str) -> (Vec<Element>, String) {
        let mut reader = Reader::from_str(xml);
        let (mut elements, mut text) = (Vec::new(), String::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) | Event::Empty(element) => {
                    let attributes = element
                        .attributes()
                        .map(|attribute| {
                            let attribute = attribute.unwrap();
                            let key = attribute.key.as_ref().to_owned();
                            (
                                key,
                                attribute
                                    .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                                    .unwrap()
                                    .into_owned(),
                            )
                        })
                        .collect();
                    elements.push((element.name().as_ref().to_owned(), attributes));
                }
                Event::Text(part) => text.push_str(&part),
                Event::Eof => return (elements, text),
                _ => {}
            }
        }
    }

    fn attribute_of<'a>(attributes: &'a [(String, String)], name: &str) -> &'a str {
        attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap()
    }

    #[test]
    fn hostile_names_come_back_out_of_the_xml_and_the_counts_are_those_of_the_cases() {
        let report = hostile::report(Verdict::NotProven);
        let xml = junit(&report).unwrap();
        insta::assert_snapshot!("junit", xml);
        let is_forbidden = |letter: char| {
            (letter.is_control() && !matches!(letter, '\n' | '\t'))
                || matches!(letter, '\u{fffe}' | '\u{ffff}')
        };
        assert!(!xml.contains(is_forbidden));
        let (elements, text) = parse(&xml);
        let count = |name: &str| elements.iter().filter(|(element, _)| element == name).count();
        let suite = &elements.iter().find(|(element, _)| element == "testsuite").unwrap().1;
        assert_eq!(attribute_of(suite, "tests"), count("testcase").to_string());
        assert_eq!(attribute_of(suite, "failures"), count("failure").to_string());
        assert_eq!(attribute_of(suite, "skipped"), count("skipped").to_string());
        assert!(count("failure") == 9 && count("skipped") >= 14, "{elements:?}");
        let cases: Vec<&str> = elements
            .iter()
            .filter(|(element, _)| element == "testcase")
            .map(|(_, attributes)| attribute_of(attributes, "name"))
            .collect();
        for (name, case) in hostile::NAMES.iter().zip(&cases) {
            assert_eq!(*case, attribute(name));
        }
        assert!(text.contains("next: "), "{text}");
    }

    #[test]
    fn what_is_proven_has_no_failure() {
        let (elements, _) = parse(&junit(&hostile::report(Verdict::Proven)).unwrap());
        assert!(elements.iter().all(|(element, _)| element != "failure"));
    }
}

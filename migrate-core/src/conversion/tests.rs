//! What holds for all conversions.

use super::*;

/// Encodes, decodes and compares `value`.
#[track_caller]
pub(crate) fn check_round_trip(conversion: &Conversion, value: SourceValue<'_>) {
    let (mut wire, mut scratch) = (Vec::new(), Vec::new());
    conversion.encode(value, &mut wire).unwrap();
    let back = conversion.decode(&wire, &mut scratch).unwrap();
    assert!(conversion.same(value, back), "{conversion:?}: {value:?} came back as {back:?}");
}

#[test]
fn names_are_unique_and_what_serde_writes() {
    let mut names = std::collections::BTreeSet::new();
    for (conversion, name) in Conversion::all().iter().zip(Conversion::ALL_NAMES) {
        assert_eq!(conversion.name(), name);
        assert!(names.insert(name), "{name} is there twice");
        let written = serde_json::to_value(conversion).unwrap();
        let expected = match conversion {
            Conversion::TimestamptzFromIso8601(zone) => serde_json::json!({ name: zone.name() }),
            Conversion::TextFromBytea(encoding) | Conversion::ByteaFromText(encoding) => {
                serde_json::json!({ name: encoding.name() })
            }
            _ => serde_json::json!(name),
        };
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_value::<Conversion>(written).unwrap(), *conversion);
        assert_eq!(serde_json::from_value::<Conversion>(name.into()).unwrap(), *conversion);
    }
}

#[test]
fn descriptions_are_unique_single_sentences() {
    let mut descriptions = std::collections::BTreeSet::new();
    for conversion in Conversion::all() {
        let description = conversion.describe();
        assert!(descriptions.insert(description), "{description}");
        assert!(description.contains(conversion.target_type().sql()), "{description}");
        assert!(!description.contains(['\n', '.', '|']) && !description.contains("  "), "{description}");
    }
}

#[test]
fn examples_come_back() {
    for conversion in Conversion::all() {
        check_round_trip(&conversion, conversion.example());
    }
}

//! What holds for all conversions, whatever they convert.

use super::*;

/// Encodes, decodes and compares `value`, which must come back.
#[track_caller]
pub(crate) fn check_round_trip(conversion: &Conversion, value: SourceValue<'_>) {
    let (mut wire, mut scratch) = (Vec::new(), Vec::new());
    conversion.encode(value, &mut wire).unwrap();
    let back = conversion.decode(&wire, &mut scratch).unwrap();
    assert!(conversion.same(value, back), "{conversion:?}: {value:?} came back as {back:?}");
}

fn all() -> [Conversion; 29] {
    [
        Conversion::Text,
        Conversion::Bigint,
        Conversion::Integer,
        Conversion::Boolean,
        Conversion::DoublePrecision,
        Conversion::Bytea,
        Conversion::Json,
        Conversion::Jsonb,
        Conversion::JsonbLastKeyWins,
        Conversion::TimestamptzFromEpochMs,
        Conversion::TimestamptzFromIso8601(NaiveZone::default()),
        Conversion::Smallint,
        Conversion::Numeric,
        Conversion::Uuid,
        Conversion::UuidFromUppercase,
        Conversion::UuidFromBytes,
        Conversion::Date,
        Conversion::Time,
        Conversion::TimestampFromIso8601,
        Conversion::TimestamptzFromEpochS,
        Conversion::TimestamptzFromEpochUs,
        Conversion::TimestamptzFromJulianDay,
        Conversion::BooleanFromWords,
        Conversion::TextFromAny,
        Conversion::ByteaFromAny,
        Conversion::Real,
        Conversion::TimestampFromEpochMs,
        Conversion::TimestampFromEpochS,
        Conversion::TimestampUtcFromIso8601,
    ]
}

#[test]
fn names_are_what_serde_writes_and_stand_once() {
    for (conversion, name) in all().iter().zip(Conversion::ALL_NAMES) {
        assert_eq!(conversion.name(), name);
        let expected = match conversion {
            Conversion::TimestamptzFromIso8601(zone) => serde_json::json!({ name: zone.name() }),
            _ => serde_json::json!(name),
        };
        let written = serde_json::to_value(conversion).unwrap();
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_value::<Conversion>(written).unwrap(), *conversion);
    }
    let names: std::collections::BTreeSet<_> = Conversion::ALL_NAMES.into_iter().collect();
    assert_eq!(names.len(), Conversion::ALL_NAMES.len());
    // serde lists the variants of the enum itself, so that a new one cannot be forgotten above.
    let error = serde_json::from_str::<Conversion>("\"none\"").unwrap_err().to_string();
    assert_eq!(error.matches('`').count(), 2 * (1 + all().len()), "{error}");
    assert!(Conversion::ALL_NAMES.iter().all(|name| error.contains(&format!("`{name}`"))), "{error}");
}

#[test]
fn descriptions_are_single_and_different_sentences() {
    let descriptions: std::collections::BTreeSet<_> = all().iter().map(Conversion::describe).collect();
    assert_eq!(descriptions.len(), all().len());
    for (conversion, description) in all().iter().zip(all().iter().map(Conversion::describe)) {
        assert!(description.contains(conversion.target_type().sql()), "{description}");
        assert!(!description.contains(['\n', '.']) && !description.contains("  "), "{description}");
    }
}

//! Properties of every conversion and every value: an encoded value decodes to the same value, and any bytes from PostgreSQL decode to
//! a value or an error. Used by the fuzzer and by an ordinary test.

use migrate_core::conversion::Conversion;
use migrate_core::value::SourceValue;

/// Checks one input: a byte for the conversion, one for the storage class, then the value.
#[cfg_attr(test, allow(dead_code, reason = "for the fuzzer"))]
pub fn check(data: &[u8]) {
    let [choice, class, payload @ ..] = data else { return };
    let conversions = Conversion::all();
    check_one(&conversions[usize::from(*choice) % conversions.len()], *class, payload);
}

/// Checks one value, and the same bytes as a field from PostgreSQL. Returns whether the conversion accepts the value.
pub fn check_one(conversion: &Conversion, class: u8, payload: &[u8]) -> bool {
    decode(conversion, payload);
    encode_and_back(conversion, value(class, payload))
}

fn value(class: u8, payload: &[u8]) -> SourceValue<'_> {
    let mut eight = [0; 8];
    let taken = payload.len().min(8);
    eight[..taken].copy_from_slice(&payload[..taken]);
    match class % 6 {
        0 => SourceValue::Integer(i64::from_le_bytes(eight)),
        // Small numbers, which narrower types can hold, too.
        1 => SourceValue::Integer(i64::from_le_bytes(eight) >> (class / 4).min(63)),
        // SQLite stores no NaN.
        2 => SourceValue::Real(Some(f64::from_le_bytes(eight)).filter(|real| !real.is_nan()).unwrap_or(0.5)),
        3 | 4 => SourceValue::Text(payload),
        _ => SourceValue::Blob(payload),
    }
}

fn encode_and_back(conversion: &Conversion, value: SourceValue<'_>) -> bool {
    let (mut wire, mut scratch, mut canonical) = (Vec::new(), Vec::new(), Vec::new());
    let encoded = conversion.encode(value, &mut wire);
    assert_eq!(encoded, conversion.check(value), "{}", conversion.name());
    assert_eq!(
        encoded.is_ok(),
        conversion.canonical(value, &mut canonical).is_ok(),
        "{}: `encode` and `canonical` disagree on whether the value fits",
        conversion.name()
    );
    if encoded.is_err() {
        return false;
    }
    let back = conversion.decode(&wire, &mut scratch);
    let back = back
        .unwrap_or_else(|error| panic!("{}: the encoded value does not decode: {error}", conversion.name()));
    assert!(conversion.same(value, back), "{}: {value:?} decodes to {back:?}", conversion.name());
    let mut canonical_back = Vec::new();
    assert!(
        conversion.canonical(back, &mut canonical_back).is_ok(),
        "{}: no canonical form of {back:?}",
        conversion.name()
    );
    assert_eq!(canonical, canonical_back, "{}: two canonical forms of one value", conversion.name());
    true
}

fn decode(conversion: &Conversion, wire: &[u8]) {
    let mut scratch = Vec::new();
    let Ok(value) = conversion.decode(wire, &mut scratch) else { return };
    // PostgreSQL may hold values that no conversion sends. A value that can be sent must equal itself.
    if conversion.takes(value) {
        assert!(conversion.same(value, value), "{}: {value:?} does not equal itself", conversion.name());
    }
}

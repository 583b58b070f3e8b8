//! What holds for every conversion and every value: it decodes what it encoded to the same value, and any bytes from
//! PostgreSQL are a value or an error. Used by the fuzzer and by an ordinary test.

use migrate_core::conversion::Conversion;
use migrate_core::value::SourceValue;

/// Reads bytes as the choice of a conversion, of a storage class, and the value.
#[cfg_attr(test, allow(dead_code, reason = "for the fuzzer"))]
pub fn check(data: &[u8]) {
    let [choice, class, payload @ ..] = data else { return };
    let conversions = Conversion::all();
    check_one(&conversions[usize::from(*choice) % conversions.len()], *class, payload);
}

/// Checks one value and the same bytes as a field; returns whether the conversion takes the value.
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
        // Small numbers, which other conversions hold as well.
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
        "{}: a value has a form for comparing where it has one for sending",
        conversion.name()
    );
    if encoded.is_err() {
        return false;
    }
    let back = conversion.decode(&wire, &mut scratch);
    let back =
        back.unwrap_or_else(|error| panic!("{}: what was sent is not read back: {error}", conversion.name()));
    assert!(conversion.same(value, back), "{}: {value:?} came back as {back:?}", conversion.name());
    let mut canonical_back = Vec::new();
    assert!(
        conversion.canonical(back, &mut canonical_back).is_ok(),
        "{}: no form of {back:?}",
        conversion.name()
    );
    assert_eq!(canonical, canonical_back, "{}: two forms of one value", conversion.name());
    true
}

fn decode(conversion: &Conversion, wire: &[u8]) {
    let mut scratch = Vec::new();
    let Ok(value) = conversion.decode(wire, &mut scratch) else { return };
    // What only others can have written need be nothing that is sent; what can be sent is itself.
    if conversion.takes(value) {
        assert!(conversion.same(value, value), "{}: {value:?} is not itself", conversion.name());
    }
}

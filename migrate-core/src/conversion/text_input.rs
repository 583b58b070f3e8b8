//! TEXT and numbers to any type of an app's table that no other conversion produces: the text goes to the type's own input function
//! (PostgreSQL manual, section 38.13), and what comes back is the text that its output function prints.
//!
//! Two values are the same when PostgreSQL prints them alike. Which text it prints for a value of the source, only PostgreSQL knows:
//! validation asks it.

pub(super) use super::text_from_any::{decode, same};
use super::{LongForm, Output, PgType, Refusal, Spec, text_from_any};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        keeps_order: false,
        needs_decision: true,
        long_values: LongForm::Document,
        ..Spec::new(
            PgType::Text,
            "TEXT or a number, as text, to any type that an app's table has, read by the input function of that type",
            SourceValue::Text(b"[1,5)"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match value {
        SourceValue::Blob(_) => {
            Err(Refusal::StorageClass { found: value.storage_class(), expected: "text or a number" })
        }
        _ => text_from_any::encode(value, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_and_number_comes_back(text in "[^\0]*", integer: i64) {
            check_round_trip(&Conversion::TextInput, SourceValue::Text(text.as_bytes()));
            check_round_trip(&Conversion::TextInput, SourceValue::Integer(integer));
        }
    }

    #[test]
    fn bytes_are_refused() {
        assert!(encode(SourceValue::Blob(b"a"), &mut Vec::new()).is_err());
        assert!(!same(SourceValue::Text(b"[1,5]"), SourceValue::Text(b"[1,6)")));
    }
}

//! TEXT that is a JSON document to `jsonb`, compared as `jsonb` keeps it.
//!
//! On the wire `jsonb` is a version byte and the document as text, in both directions. PostgreSQL drops spacing and the
//! order of keys, so that these are no differences; every digit of a number, and every character of a string, is kept.

pub(super) use super::json_document::RepeatedKeys;
use super::json_document::{self, Document};
use super::{Refusal, Undecodable, text};
use crate::value::SourceValue;

/// The only version of the binary format that there is (`jsonb_send` in PostgreSQL's `jsonb.c`).
const VERSION: u8 = 1;

pub(super) fn encode(
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
    repeated_keys: RepeatedKeys,
) -> Result<(), Refusal> {
    let document = text::checked(value)?;
    Document::read(document, repeated_keys)?;
    out.reserve(1 + document.len());
    out.push(VERSION);
    out.extend_from_slice(document.as_bytes());
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    _scratch: &'a mut Vec<u8>,
    _repeated_keys: RepeatedKeys,
) -> Result<SourceValue<'a>, Undecodable> {
    match wire {
        [VERSION, document @ ..] => Ok(SourceValue::Text(document)),
        [_, ..] => Err(Undecodable::NoSourceValue { what: "a jsonb field of another version than 1" }),
        [] => Err(Undecodable::Length { target: "jsonb", expected: "at least 1", found_bytes: 0 }),
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, repeated_keys: RepeatedKeys) -> bool {
    let (SourceValue::Text(source_bytes), SourceValue::Text(target_bytes)) = (source, target) else {
        return false;
    };
    if source_bytes == target_bytes {
        return true;
    }
    match (text::checked(source), text::checked(target)) {
        (Ok(source), Ok(target)) => json_document::same(source, target, repeated_keys),
        _ => false,
    }
}

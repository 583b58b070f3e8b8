//! Numbers in the pages of a database (SQLite manual, "Database File Format", section 1.6). It reads bytes that may be damaged and never
//! fails otherwise than by [`Unknown`].

/// A page or a tree that is not as the file format says, or a file that cannot be read.
#[derive(Debug)]
pub(super) struct Unknown;

pub(super) type Found<T> = std::result::Result<T, Unknown>;

/// Deeper trees are not possible.
pub(super) const DEPTH_MAX: usize = 40;

pub(super) fn u16_at(bytes: &[u8], start: usize) -> Found<u16> {
    let found = bytes.get(start..).and_then(|rest| rest.first_chunk());
    found.map(|found| u16::from_be_bytes(*found)).ok_or(Unknown)
}

pub(super) fn u32_at(bytes: &[u8], start: usize) -> Found<u32> {
    let found = bytes.get(start..).and_then(|rest| rest.first_chunk());
    found.map(|found| u32::from_be_bytes(*found)).ok_or(Unknown)
}

/// An integer of 1 to 9 bytes: seven bits of each, and all of the ninth.
pub(super) fn varint_at(bytes: &[u8], start: usize) -> Found<i64> {
    sized_varint_at(bytes, start).map(|(value, _)| value)
}

/// The same, with the number of its bytes.
pub(super) fn sized_varint_at(bytes: &[u8], start: usize) -> Found<(i64, usize)> {
    let mut value = 0_u64;
    for place in 0..9 {
        let byte = *bytes.get(start + place).ok_or(Unknown)?;
        if place == 8 {
            return Ok((((value << 8) | u64::from(byte)).cast_signed(), 9));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((value.cast_signed(), place + 1));
        }
    }
    Err(Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_each_length_are_read() {
        for (bytes, value) in [
            (&[0x7f][..], 127),
            (&[0x81, 0x00], 128),
            (&[0xff; 9], -1),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x05], 5),
        ] {
            assert_eq!(sized_varint_at(bytes, 0).unwrap(), (value, bytes.len()));
        }
        assert!(varint_at(&[0x80], 0).is_err());
    }
}

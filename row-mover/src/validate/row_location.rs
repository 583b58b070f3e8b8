//! The location of a row, which names rows without a key: the rowid in SQLite, the ctid in PostgreSQL.

use crate::source::rows::SourceRow;

/// The location of a row, in an order of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowLocation([u8; LOCATION_BYTES]);

/// Length in bytes: a ctid, and its table's OID, because a ctid occurs in several partitions of a partitioned table.
pub(super) const LOCATION_BYTES: usize = 10;

/// Length in bytes of the table's OID in a location in PostgreSQL.
const TABLE_BYTES: usize = 4;

impl RowLocation {
    /// The location of a row of SQLite: its rowid, or else its number in the scan.
    pub(super) fn of_source(row: &SourceRow<'_>, number: u64) -> RowLocation {
        RowLocation::of_number(row.number(number))
    }

    /// The location of a row of SQLite with this rowid.
    pub(super) fn of_number(number: i64) -> RowLocation {
        let mut location = [0; LOCATION_BYTES];
        // The sign bit is inverted, so that the bytes have the order of the numbers.
        location[..8].copy_from_slice(&(number ^ i64::MIN).to_be_bytes());
        RowLocation(location)
    }

    /// The location of a row of PostgreSQL: the binary forms of its `tableoid` and its `ctid` (`tidsend` in PostgreSQL's `tid.c`).
    pub(crate) fn of_target(tableoid: Option<&[u8]>, ctid: Option<&[u8]>) -> Option<RowLocation> {
        Some(RowLocation([tableoid?, ctid?].concat().try_into().ok()?))
    }

    /// From the bytes of [`RowLocation::bytes`].
    pub(super) fn of_bytes(bytes: [u8; LOCATION_BYTES]) -> RowLocation {
        RowLocation(bytes)
    }

    /// Its bytes.
    pub(super) fn bytes(self) -> [u8; LOCATION_BYTES] {
        self.0
    }

    /// The rowid, or the number, of a row of SQLite.
    pub(super) fn number(self) -> i64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.0[..8]);
        i64::from_be_bytes(number) ^ i64::MIN
    }

    /// The OID of the table of a row of PostgreSQL.
    pub(crate) fn tableoid(self) -> u32 {
        let [oid @ .., _, _, _, _, _, _] = self.0;
        u32::from_be_bytes(oid)
    }

    /// The ctid of a row of PostgreSQL, as SQL writes it.
    pub(crate) fn ctid(self) -> String {
        let [_, _, _, _, block @ .., high, low] = self.0;
        format!("({},{})", u32::from_be_bytes(block), u16::from_be_bytes([high, low]))
    }
}

const _: () = assert!(LOCATION_BYTES == TABLE_BYTES + 6, "a ctid has six bytes");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_as_their_numbers_and_come_back() {
        let numbers = [i64::MIN, -2, -1, 0, 1, 255, 256, i64::MAX];
        for pair in numbers.windows(2) {
            assert!(RowLocation::of_number(pair[0]) < RowLocation::of_number(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(RowLocation::of_number(number).number(), number);
        }
    }

    #[test]
    fn a_ctid_is_written_as_sql_writes_it() {
        let location = RowLocation::of_target(Some(&[0, 0, 64, 1]), Some(&[0, 1, 0, 2, 0, 7])).unwrap();
        assert_eq!(location.ctid(), "(65538,7)");
        assert_eq!(RowLocation::of_bytes(location.bytes()), location);
        assert_eq!(RowLocation::of_target(Some(&[0; 4]), Some(&[0; 5])), None);
        assert_eq!(RowLocation::of_target(None, Some(&[0; 6])), None);
    }
}

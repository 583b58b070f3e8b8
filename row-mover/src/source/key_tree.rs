//! The tree of a table WITHOUT ROWID: its interior pages hold rows that are spread evenly over the table, so that a few pages give keys
//! that divide it (SQLite manual, "Database File Format", sections 1.6 and 2.4).
//!
//! Pages are read through SQLite, which knows the log of a WAL database. Nothing that is found here is trusted to be in any order.

use rusqlite::{Connection, OptionalExtension};

use super::owned_value::OwnedValue;
use super::page_format::{DEPTH_MAX, Found, Unknown, sized_varint_at, u16_at, u32_at};
use super::row_range::{CellLocation, KeyBound};

/// The kinds of pages of the tree.
const INTERIOR: u8 = 2;
const LEAF: u8 = 10;

/// The bytes before the cells' pointers in an interior page.
const INTERIOR_HEADER_BYTES: usize = 12;

/// The tree of one table.
pub(super) struct KeyTree<'a> {
    connection: &'a Connection,
    root: u32,
    page_count: usize,
    /// The bytes of a page that SQLite uses.
    usable: usize,
    encoding: Encoding,
}

/// How the file stores text.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

/// A cell of an interior page.
struct Cell<'p> {
    /// The page with the rows that precede it.
    child: u32,
    /// The bytes of its row, with those on overflow pages.
    row_bytes: usize,
    /// The beginning of its row, which the page itself holds.
    local: &'p [u8],
}

impl<'a> KeyTree<'a> {
    pub(super) fn of(connection: &'a Connection, table: &str) -> Found<KeyTree<'a>> {
        let number =
            |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).map_err(|_| Unknown);
        let sql = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)";
        let root = connection.query_row(sql, [table], |row| row.get::<_, u32>(0)).map_err(|_| Unknown)?;
        let encoding: String =
            connection.query_row("PRAGMA encoding", [], |row| row.get(0)).map_err(|_| Unknown)?;
        let mut tree = KeyTree {
            connection,
            root,
            page_count: number("PRAGMA page_count")? as usize,
            usable: number("PRAGMA page_size")? as usize,
            encoding: match encoding.as_str() {
                "UTF-8" => Encoding::Utf8,
                "UTF-16le" => Encoding::Utf16(u16::from_le_bytes),
                "UTF-16be" => Encoding::Utf16(u16::from_be_bytes),
                _ => return Err(Unknown),
            },
        };
        // The header of the file tells how many bytes at the end of each page are reserved.
        let reserved = *tree.page(1)?.get(20).ok_or(Unknown)?;
        // The formulas of the format need the minimum that it demands.
        tree.usable =
            tree.usable.checked_sub(usize::from(reserved)).filter(|usable| *usable >= 480).ok_or(Unknown)?;
        Ok(tree)
    }

    /// Locates rows that divide the table into parts of about `part_bytes`, or larger where there would be more than `parts_max`, in the
    /// order of the tree.
    pub(super) fn cuts(&self, part_bytes: usize, parts_max: usize) -> Found<Vec<CellLocation>> {
        /// Parts of several pages of one level are about equally large.
        const PAGES_OF_PART: usize = 4;
        /// Pages on which an estimate is based: a root, and the last page of each level, may have far fewer children than others.
        const PAGES_OF_ESTIMATE: usize = 8;
        let mut below = self.depth()?;
        let (mut pages, mut cuts) = (vec![self.root], Vec::new());
        let mut pages_of_part = 0;
        while below > 0 {
            let (mut children, mut next) = (Vec::new(), Vec::new());
            let (mut row_bytes, mut local_bytes) = (1, 1);
            for (place, &number) in pages.iter().enumerate() {
                let page = self.interior(number)?;
                for position in 0..u16_at(&page, 3)? {
                    let cell = self.cell(&page, position)?;
                    row_bytes += cell.row_bytes;
                    local_bytes += cell.local.len();
                    children.push(cell.child);
                    next.push(CellLocation { page: number, cell: position });
                }
                children.push(u32_at(&page, 8)?);
                next.extend(cuts.get(place).copied());
                if children.len() > self.page_count {
                    return Err(Unknown);
                }
            }
            below -= 1;
            // Pages below have as many children as those above, and rows of the same size.
            let fanout = children.len() as f64 / pages.len() as f64;
            let leaf_bytes = self.usable as f64 * row_bytes as f64 / local_bytes as f64;
            let bytes_of_page = leaf_bytes * fanout.powi(i32::try_from(below).map_err(|_| Unknown)?);
            let is_known = below == 0 || pages.len() >= PAGES_OF_ESTIMATE;
            (pages, cuts) = (children, next);
            pages_of_part = if is_known { (part_bytes as f64 / bytes_of_page) as usize } else { 0 };
            if pages_of_part > 0 || pages.len() / PAGES_OF_PART >= parts_max {
                break;
            }
        }
        let pages_of_part = pages_of_part.max(pages.len().div_ceil(parts_max)).max(1);
        // A cut follows each page but the last one.
        Ok(cuts.into_iter().skip(pages_of_part - 1).step_by(pages_of_part).collect())
    }

    /// Reads the key at a location as a bound: the values of its first `columns` columns, as far as the page itself holds them. The last
    /// of them may be the beginning of a long text or blob.
    pub(super) fn bound(&self, location: CellLocation, columns: usize) -> Found<KeyBound> {
        let page = self.interior(location.page)?;
        if location.cell >= u16_at(&page, 3)? {
            return Err(Unknown);
        }
        let values = self.values(self.cell(&page, location.cell)?.local, columns)?;
        if values.is_empty() {
            return Err(Unknown);
        }
        Ok(KeyBound { cell: Some(location), values })
    }

    /// The levels of interior pages; all leaves are equally deep.
    fn depth(&self) -> Found<usize> {
        let mut number = self.root;
        for depth in 0..DEPTH_MAX {
            let page = self.page(number)?;
            match page.first() {
                Some(&LEAF) => return Ok(depth),
                Some(&INTERIOR) => number = u32_at(&page, 8)?,
                _ => return Err(Unknown),
            }
        }
        Err(Unknown)
    }

    fn interior(&self, number: u32) -> Found<Vec<u8>> {
        let page = self.page(number)?;
        if page.first() == Some(&INTERIOR) { Ok(page) } else { Err(Unknown) }
    }

    fn page(&self, number: u32) -> Found<Vec<u8>> {
        let sql = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(|_| Unknown)?;
        let page = statement.query_row([number], |row| row.get(0)).optional().map_err(|_| Unknown)?;
        page.ok_or(Unknown)
    }

    fn cell<'p>(&self, page: &'p [u8], position: u16) -> Found<Cell<'p>> {
        let start = usize::from(u16_at(page, INTERIOR_HEADER_BYTES + 2 * usize::from(position))?);
        let (row_bytes, length) = sized_varint_at(page, start + 4)?;
        // SQLite holds no row of more than 2 GB (SQLite manual, "Limits", section 1).
        let row_bytes =
            i32::try_from(row_bytes).ok().and_then(|bytes| usize::try_from(bytes).ok()).ok_or(Unknown)?;
        let row_start = start + 4 + length;
        let local = page.get(row_start..row_start + self.local_bytes(row_bytes)).ok_or(Unknown)?;
        Ok(Cell { child: u32_at(page, start)?, row_bytes, local })
    }

    /// How many bytes of a row are in its page itself.
    fn local_bytes(&self, row_bytes: usize) -> usize {
        let most = (self.usable - 12) * 64 / 255 - 23;
        if row_bytes <= most {
            return row_bytes;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = least + (row_bytes - least) % (self.usable - 4);
        if local <= most { local } else { least }
    }

    /// The first values of a record, of which only the beginning is there.
    fn values(&self, record: &[u8], columns: usize) -> Found<Vec<OwnedValue>> {
        let (header_bytes, mut place) = sized_varint_at(record, 0)?;
        let mut start = usize::try_from(header_bytes).map_err(|_| Unknown)?;
        let header_bytes = start;
        let mut values = Vec::with_capacity(columns);
        while values.len() < columns && place < header_bytes {
            let Ok((class, length)) = sized_varint_at(record, place) else { break };
            place += length;
            let bytes = match class {
                1..=4 => class,
                5 => 6,
                6 | 7 => 8,
                8 | 9 => 0,
                12.. => (class - 12) / 2,
                _ => return Err(Unknown),
            };
            let bytes = usize::try_from(bytes).map_err(|_| Unknown)?;
            let there = record.get(start..).unwrap_or_default();
            let is_cut = bytes > there.len();
            let stored = there.get(..bytes).unwrap_or(there);
            match class {
                // A beginning must not be empty: no row would come before it.
                12.. if is_cut && stored.is_empty() => break,
                12.. if class % 2 == 0 => values.push(OwnedValue::Blob(stored.to_vec())),
                12.. => values.push(OwnedValue::Text(self.encoding.text(stored))),
                _ if is_cut => break,
                7 => {
                    let bits = stored.first_chunk().ok_or(Unknown)?;
                    values.push(OwnedValue::Real(f64::from_be_bytes(*bits)));
                }
                8 => values.push(OwnedValue::Integer(0)),
                9 => values.push(OwnedValue::Integer(1)),
                _ => values.push(OwnedValue::Integer(integer(stored))),
            }
            if is_cut {
                break;
            }
            start = start.saturating_add(bytes);
        }
        Ok(values)
    }
}

impl Encoding {
    /// Stored text as UTF-8.
    fn text(self, stored: &[u8]) -> Vec<u8> {
        match self {
            Encoding::Utf8 => stored.to_vec(),
            Encoding::Utf16(unit) => {
                let units = stored.as_chunks().0.iter().map(|pair| unit(*pair)).collect::<Vec<u16>>();
                String::from_utf16_lossy(&units).into_bytes()
            }
        }
    }
}

/// A signed integer of up to 8 bytes.
fn integer(stored: &[u8]) -> i64 {
    let sign = stored.first().map_or(0, |first| if first & 0x80 == 0 { 0 } else { -1 });
    stored.iter().fold(sign, |value, &byte| (value << 8) | i64::from(byte))
}

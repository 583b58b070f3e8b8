//! Finds rows that are certainly the same in two sealed copies without reading them: those in a leaf of the table's tree that has the same
//! number and the same bytes in both.
//!
//! A row with overflow pages counts as unknown, since they may differ where its leaf does not. So do all rows of a table whose tree is
//! not as the file format says: they are compared one by one, which reports damage.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::SourceConnection;
use super::file_path::open_regular;
use super::page_format::{DEPTH_MAX, Found, Unknown, u16_at, u32_at, varint_at};
use super::scan::RowidRange;
use crate::error::Result;

/// Bytes that are compared at once; a multiple of every page size.
const PIECE_BYTES: usize = 1 << 20;

/// The most ranges of a table, which limits their memory: what follows is one range.
const RANGES_MAX: usize = 1 << 20;

/// The kinds of pages of a table's tree.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// What a table with the same leaves is made of, in two copies.
pub(crate) struct SameLeaves {
    base: Pages,
    newer: Pages,
    /// For each page, from the first: whether it looks like a leaf without overflow, and has the same bytes in both copies.
    is_same: Vec<bool>,
}

impl SameLeaves {
    /// Compares the pages of two sealed copies; none where they have pages of different sizes, or cannot be read.
    ///
    /// # Errors
    /// The one of `check_stop`.
    pub(crate) fn of(
        base: &SourceConnection,
        newer: &SourceConnection,
        check_stop: &dyn Fn() -> Result<()>,
    ) -> Result<Option<SameLeaves>> {
        let opened = Pages::open(base).and_then(|base| Ok((base, Pages::open(newer)?)));
        let Ok((base, newer)) = opened else { return Ok(None) };
        if (base.size, base.usable, base.encoding) != (newer.size, newer.usable, newer.encoding) {
            return Ok(None);
        }
        let count = usize::try_from(base.count.min(newer.count)).unwrap_or(0);
        let mut is_same = Vec::with_capacity(count);
        let (mut left, mut right) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
        let in_piece = PIECE_BYTES / base.size;
        while is_same.len() < count {
            check_stop()?;
            let bytes = (count - is_same.len()).min(in_piece) * base.size;
            let start = is_same.len() as u64 * base.size as u64;
            let (Some(left), Some(right)) = (left.get_mut(..bytes), right.get_mut(..bytes)) else {
                return Ok(None);
            };
            let read = base.file.read_exact_at(left, start);
            if read.and_then(|()| newer.file.read_exact_at(right, start)).is_err() {
                return Ok(None);
            }
            let pairs = left.chunks_exact(base.size).zip(right.chunks_exact(base.size));
            is_same.extend(pairs.map(|(left, right)| left == right && base.is_plain_leaf(left)));
        }
        // The first page belongs to the schema.
        is_same.iter_mut().take(1).for_each(|is_same| *is_same = false);
        Ok(Some(SameLeaves { base, newer, is_same }))
    }

    /// Returns ranges of rowids outside of which the rows of this table are the same in both copies. They ascend and do not overlap.
    pub(crate) fn other_rows(
        &self,
        base: &SourceConnection,
        newer: &SourceConnection,
        table: &str,
    ) -> Vec<RowidRange> {
        let all = || vec![RowidRange { first: i64::MIN, last: i64::MAX }];
        let ranges = || {
            let older = Leaves::of(&self.base, root(base, table)?)?;
            self.outside(older, Leaves::of(&self.newer, root(newer, table)?)?)
        };
        ranges().unwrap_or_else(|_: Unknown| all())
    }

    fn outside(&self, mut older: Leaves<'_>, mut later: Leaves<'_>) -> Found<Vec<RowidRange>> {
        let mut ranges = Vec::new();
        // The first rowid that is in no range yet, unless all are.
        let mut next = Some(i64::MIN);
        let (mut left, mut right) = (older.next()?, later.next()?);
        while let (Some(a), Some(b)) = (left, right) {
            // Within the bounds that this leaf has in both trees, each of them has the rows of this leaf and no others.
            let (first, last) = (a.rows.first.max(b.rows.first), a.rows.last.min(b.rows.last));
            if a.page == b.page && first <= last && self.is_same(a.page) {
                if let Some(start) = next.filter(|start| *start < first) {
                    ranges.push(RowidRange { first: start, last: first.saturating_sub(1) });
                }
                next = last.checked_add(1);
                if ranges.len() >= RANGES_MAX {
                    break;
                }
            }
            if a.rows.last <= b.rows.last {
                left = older.next()?;
            }
            if b.rows.last <= a.rows.last {
                right = later.next()?;
            }
        }
        ranges.extend(next.map(|first| RowidRange { first, last: i64::MAX }));
        Ok(ranges)
    }

    fn is_same(&self, page: u32) -> bool {
        let place = usize::try_from(page).ok().and_then(|page| page.checked_sub(1));
        place.and_then(|place| self.is_same.get(place)).is_some_and(|is_same| *is_same)
    }
}

/// The root page of a table; virtual tables have none.
fn root(copy: &SourceConnection, table: &str) -> Found<u32> {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)";
    let root = copy.connection().query_row(sql, [table], |row| row.get::<_, u32>(0));
    root.ok().filter(|root| *root > 1).ok_or(Unknown)
}

/// The pages of a file.
struct Pages {
    file: File,
    size: usize,
    /// The bytes of a page that SQLite uses.
    usable: usize,
    encoding: u32,
    count: u32,
}

impl Pages {
    fn open(copy: &SourceConnection) -> Found<Pages> {
        let file = open_regular(copy.path()).map_err(|_| Unknown)?;
        let mut header = [0; 100];
        file.read_exact_at(&mut header, 0).map_err(|_| Unknown)?;
        let size = match usize::from(u16_at(&header, 16)?) {
            1 => 1 << 16,
            size if size.is_power_of_two() && size >= 512 => size,
            _ => return Err(Unknown),
        };
        let usable = size - usize::from(header[20]);
        let bytes = file.metadata().map_err(|_| Unknown)?.len();
        let count = u32::try_from(bytes / size as u64).map_err(|_| Unknown)?;
        Ok(Pages { file, size, usable, encoding: u32_at(&header, 56)?, count })
    }

    /// The page with this number.
    fn page(&self, number: u32) -> Found<Vec<u8>> {
        if number == 0 || number > self.count {
            return Err(Unknown);
        }
        let mut page = vec![0; self.size];
        let start = u64::from(number - 1) * self.size as u64;
        self.file.read_exact_at(&mut page, start).map_err(|_| Unknown)?;
        Ok(page)
    }

    /// Whether a page looks like a leaf of a table whose rows have no overflow pages.
    fn is_plain_leaf(&self, page: &[u8]) -> bool {
        let is_plain = || {
            let held_max = i64::try_from(self.usable.checked_sub(35).ok_or(Unknown)?).map_err(|_| Unknown)?;
            for number in 0..usize::from(u16_at(page, 3)?) {
                let cell = usize::from(u16_at(page, 8 + 2 * number)?);
                if !(0..=held_max).contains(&varint_at(page, cell)?) {
                    return Err(Unknown);
                }
            }
            Ok(())
        };
        page.first() == Some(&LEAF) && is_plain().is_ok()
    }
}

/// A leaf, and the rowids that belong into it.
#[derive(Clone, Copy)]
struct Leaf {
    page: u32,
    rows: RowidRange,
}

/// The leaves of a tree in the order of their rowids. Leaves themselves are not read.
struct Leaves<'a> {
    pages: &'a Pages,
    /// The levels above the leaves; the first one has only the root.
    depth: usize,
    levels: Vec<Level>,
}

/// The children of a page that are still to come.
struct Level {
    /// The next child's first rowid.
    first: i64,
    /// Each child's page and its last rowid.
    children: std::vec::IntoIter<(u32, i64)>,
}

impl<'a> Leaves<'a> {
    fn of(pages: &'a Pages, root: u32) -> Found<Leaves<'a>> {
        let (mut depth, mut number) = (1, root);
        let all = RowidRange { first: i64::MIN, last: i64::MAX };
        // All leaves are equally deep.
        loop {
            let page = pages.page(number)?;
            match page.first() {
                Some(&LEAF) => break,
                Some(&INTERIOR) if depth < DEPTH_MAX => {
                    number = match u16_at(&page, 3)? {
                        0 => u32_at(&page, 8)?,
                        _ => u32_at(&page, usize::from(u16_at(&page, 12)?))?,
                    };
                    depth += 1;
                }
                _ => return Err(Unknown),
            }
        }
        let top = Level { first: all.first, children: vec![(root, all.last)].into_iter() };
        Ok(Leaves { pages, depth, levels: vec![top] })
    }

    fn next(&mut self) -> Found<Option<Leaf>> {
        loop {
            let is_above_leaves = self.levels.len() == self.depth;
            let Some(level) = self.levels.last_mut() else { return Ok(None) };
            let Some((page, last)) = level.children.next() else {
                self.levels.pop();
                continue;
            };
            let rows = RowidRange { first: level.first, last };
            // Only the last child ends with the last of all rowids, and nothing follows it.
            level.first = last.saturating_add(1);
            if is_above_leaves {
                return Ok(Some(Leaf { page, rows }));
            }
            let below = self.children(page, rows)?;
            self.levels.push(below);
        }
    }

    fn children(&self, number: u32, rows: RowidRange) -> Found<Level> {
        let page = self.pages.page(number)?;
        if page.first() != Some(&INTERIOR) {
            return Err(Unknown);
        }
        let cells = usize::from(u16_at(&page, 3)?);
        let (mut children, mut first) = (Vec::with_capacity(cells + 1), rows.first);
        for place in 0..cells {
            let cell = usize::from(u16_at(&page, 12 + 2 * place)?);
            let last = varint_at(&page, cell + 4)?;
            if !(first..rows.last).contains(&last) {
                return Err(Unknown);
            }
            children.push((u32_at(&page, cell)?, last));
            first = last.saturating_add(1);
        }
        children.push((u32_at(&page, 8)?, rows.last));
        Ok(Level { first: rows.first, children: children.into_iter() })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// Were nothing skipped, results would be right all the same.
    #[test]
    fn most_of_a_table_is_skipped_and_what_has_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
        let connection = Connection::open(&old).unwrap();
        let filled = "CREATE TABLE t (id INTEGER PRIMARY KEY, a); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
            WHERE i < 20000) INSERT INTO t SELECT i, printf('value %d', i) FROM n; INSERT INTO t VALUES (50000, zeroblob(9000))";
        connection.execute_batch(filled).unwrap();
        drop(connection);
        std::fs::copy(&old, &new).unwrap();
        let connection = Connection::open(&new).unwrap();
        // The last one changes an overflow page and nothing else.
        let changes = "UPDATE t SET a = upper(a) WHERE id IN (7, 10000); DELETE FROM t WHERE id = 15000";
        connection.execute_batch(changes).unwrap();
        let mut blob = connection.blob_open("main", "t", "a", 50_000, false).unwrap();
        std::io::Seek::seek(&mut blob, std::io::SeekFrom::Start(8_000)).unwrap();
        std::io::Write::write_all(&mut blob, b"x").unwrap();
        drop(blob);
        drop(connection);
        let open = |path| SourceConnection::open_sealed(path).unwrap();
        let (base, newer) = (open(&old), open(&new));
        let leaves = SameLeaves::of(&base, &newer, &|| Ok(())).unwrap().unwrap();
        let ranges = leaves.other_rows(&base, &newer, "T");
        for rowid in [7, 10_000, 15_000, 50_000, i64::MAX] {
            assert!(ranges.iter().any(|range| (range.first..=range.last).contains(&rowid)), "{rowid}");
        }
        let inside = |range: &RowidRange| range.last.min(20_000).saturating_sub(range.first.max(1)).max(0);
        let rows: i64 = ranges.iter().map(inside).sum();
        assert!(rows < 2_000, "{rows}: {ranges:?}");
        let whole = leaves.other_rows(&base, &newer, "unknown");
        assert_eq!(whole, [RowidRange { first: i64::MIN, last: i64::MAX }]);
    }
}

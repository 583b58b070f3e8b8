//! Compares the pages of a database, as SQLite reads them, with a sealed copy.
//!
//! Every page counts, free ones as well. Pages are compared instead of the file's bytes, because part of a WAL database is in its log;
//! both are read in one read transaction. What sealing itself writes is excluded: [`REWRITTEN`].

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::Connection;

use super::file_path::open_regular;
use crate::error::{Context, Error, Result};

/// The parts of the first page that differ between a database and a sealed copy of it: the format versions, which say whether
/// there is a log; the change counter; the page count, which is compared with the number of pages; the schema cookie, which the
/// backup counts up; the version that counter and count are valid for, and SQLite's own version.
const REWRITTEN: [Range<usize>; 5] = [18..20, 24..28, 28..32, 40..44, 92..100];

/// The byte at which SQLite's locks lie. Its page is never used.
const LOCK_BYTE: u64 = 0x4000_0000;

/// Pages between two checks of the time.
const STEP_PAGES: u64 = 1000;

/// Bytes of the copy that are read at once; a multiple of every page size.
const PIECE_BYTES: usize = 1 << 18;

/// Returns the first page in which `connection` and the copy at `path` differ; none if all are the same. Nobody may write to the copy,
/// and the caller holds a read transaction. `compared` receives the share that is done; an error from it ends the comparison.
///
/// # Errors
/// When either cannot be read.
pub(crate) fn first_difference(
    connection: &Connection,
    path: &Path,
    compared: &dyn Fn(f64) -> Result<()>,
) -> Result<Option<u32>> {
    let failed = || format!("the pages of {} cannot be compared", path.display());
    let file = open_regular(path).context(failed)?;
    let copy_bytes = file.metadata().context(failed)?.len();
    // Pages that were read before must come from the file again.
    connection.execute_batch("PRAGMA shrink_memory").context(failed)?;
    let page_count: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).context(failed)?;
    let mut statement = connection.prepare("SELECT pgno, data FROM sqlite_dbpage").context(failed)?;
    let mut rows = statement.query([]).context(failed)?;
    let (mut copy, mut seen, mut bytes) = (CopyReader::new(file), 0, 0);
    while let Some(row) = rows.next().context(failed)? {
        let number: u32 = row.get(0).context(failed)?;
        let page = row.get_ref(1).context(failed)?.as_blob().context(failed)?;
        let size = page.len() as u64;
        let start = u64::from(number.saturating_sub(1)) * size;
        bytes += size;
        if !(start..start + size).contains(&LOCK_BYTE)
            && !copy
                .page_at(start, page.len())
                .context(failed)?
                .is_some_and(|copied| is_same(number, page, copied))
        {
            return Ok(Some(number));
        }
        seen += 1;
        if seen % STEP_PAGES == 0 {
            #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
            compared(seen as f64 / f64::from(page_count.max(1)))?;
        }
    }
    if seen == 0 {
        return Err(Error::new(failed()).caused_by("SQLite gives none"));
    }
    // One more than there are of the shorter one.
    let size = bytes / seen;
    let next = u32::try_from((bytes.min(copy_bytes) / size).saturating_add(1)).unwrap_or(u32::MAX);
    Ok((bytes != copy_bytes).then_some(next))
}

/// Reads pages of a copy.
struct CopyReader {
    file: File,
    piece: Vec<u8>,
    /// Where the piece begins in the file.
    start: u64,
}

impl CopyReader {
    fn new(file: File) -> CopyReader {
        CopyReader { file, piece: Vec::new(), start: 0 }
    }

    /// The bytes of a page; none where the file has fewer.
    fn page_at(&mut self, start: u64, size: usize) -> std::io::Result<Option<&[u8]>> {
        let is_held =
            |piece: &[u8], first: u64| first <= start && start + size as u64 <= first + piece.len() as u64;
        if !is_held(&self.piece, self.start) {
            self.start = start;
            self.piece.resize(PIECE_BYTES.max(size), 0);
            let read = read_at(&self.file, &mut self.piece, start)?;
            self.piece.truncate(read);
        }
        let place = usize::try_from(start - self.start).unwrap_or(usize::MAX);
        Ok(self.piece.get(place..).and_then(|rest| rest.get(..size)))
    }
}

/// Fills a buffer from a place of a file, as far as the file reaches. Returns how many bytes it has read.
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether a page and its copy are the same, except for what sealing writes.
fn is_same(number: u32, page: &[u8], copied: &[u8]) -> bool {
    if number > 1 {
        return page == copied;
    }
    // The parts between those that sealing writes, and the rest.
    let starts = std::iter::once(0).chain(REWRITTEN.iter().map(|range| range.end));
    let ends = REWRITTEN.iter().map(|range| range.start).chain(std::iter::once(page.len()));
    starts.zip(ends).all(|(start, end)| page.get(start..end) == copied.get(start..end))
}

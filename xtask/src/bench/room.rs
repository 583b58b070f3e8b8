//! The room on disk that the large measurements need, and whether there is enough of it.
//!
//! The needs are estimates with a reserve. Only large measurements are checked: the others need less than any machine for development has.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::statvfs;

use super::subjects::SubjectKind;
use ::report::figures::size;

/// Bytes of a SQLite file for each job of Hyperpage with its six other rows.
const BYTES_PER_JOB: u64 = 1_450;

/// Bytes of a SQLite file for each small table: two pages.
const BYTES_PER_TABLE: u64 = 8_192;

/// Bytes in PostgreSQL for each small table: files of at least a page for the table, its key and its index, and rows of catalogs.
const SERVER_BYTES_PER_TABLE: u64 = 100_000;

/// The room that a measurement needs, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// In the scratch folder: the source, its sealed copy, and a reserve.
    scratch_bytes: u64,
    /// For the server: tables, indexes, temporary files and the write-ahead log.
    server_bytes: u64,
}

/// The free room of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Room {
    path: PathBuf,
    /// Identifies the file system.
    device: u64,
    free_bytes: u64,
}

impl Need {
    /// Of the largest of these databases: they are measured one after the other.
    pub(crate) fn of(kinds: impl IntoIterator<Item = SubjectKind>, rows: u64) -> Need {
        let needs = kinds.into_iter().map(|kind| {
            let size = kind.size(rows);
            match kind {
                SubjectKind::LargeHyperpage => {
                    let file = size.saturating_mul(BYTES_PER_JOB);
                    // Tables and indexes are twice as large as the file; the log and the sorting of indexes need as much again.
                    Need { scratch_bytes: file.saturating_mul(9) / 4, server_bytes: file.saturating_mul(4) }
                }
                _ => Need {
                    scratch_bytes: size.saturating_mul(BYTES_PER_TABLE * 9 / 4),
                    server_bytes: size.saturating_mul(SERVER_BYTES_PER_TABLE),
                },
            }
        });
        needs.fold(Need::default(), |largest, need| Need {
            scratch_bytes: largest.scratch_bytes.max(need.scratch_bytes),
            server_bytes: largest.server_bytes.max(need.server_bytes),
        })
    }

    /// Refuses to begin where there is too little room. Without `server`, the server's folder, its room is not checked.
    ///
    /// # Errors
    /// When there is too little, with figures and the remedy.
    pub(crate) fn check(self, scratch: &Path, server: Option<&Path>) -> anyhow::Result<()> {
        let scratch = Room::of(scratch)?;
        // Another account's folder may be out of reach.
        let server = server.and_then(|path| Room::of(path).ok());
        self.check_rooms(&scratch, server.as_ref())
    }

    fn check_rooms(self, scratch: &Room, server: Option<&Room>) -> anyhow::Result<()> {
        let shared = server.filter(|server| server.device == scratch.device);
        let for_server = if shared.is_some() { self.server_bytes } else { 0 };
        let remedy =
            "free some, name another folder with TMPDIR, pass a smaller --rows, or leave --large out";
        let on_scratch = self.scratch_bytes.saturating_add(for_server);
        if scratch.free_bytes < on_scratch {
            let with_server = if for_server > 0 {
                format!(", {} of them for PostgreSQL", size(for_server))
            } else {
                String::new()
            };
            bail!(
                "--large needs {} in {}{with_server}, and {} are free; {remedy}",
                size(on_scratch),
                scratch.path.display(),
                size(scratch.free_bytes)
            );
        }
        if let Some(server) = server.filter(|_| shared.is_none())
            && server.free_bytes < self.server_bytes
        {
            bail!(
                "--large needs {} for PostgreSQL in {}, and {} are free; free some, name another server with --postgres, pass a \
                 smaller --rows, or leave --large out",
                size(self.server_bytes),
                server.path.display(),
                size(server.free_bytes)
            );
        }
        Ok(())
    }
}

impl Room {
    fn of(path: &Path) -> anyhow::Result<Room> {
        let failed = || format!("the free room of {} cannot be measured", path.display());
        let device = std::fs::metadata(path).with_context(failed)?.dev();
        let found = statvfs(path).with_context(failed)?;
        Ok(Room { path: path.to_owned(), device, free_bytes: found.f_bavail.saturating_mul(found.f_frsize) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::subjects::DEFAULT_ROWS;

    fn room(path: &str, device: u64, free_bytes: u64) -> Room {
        Room { path: path.into(), device, free_bytes }
    }

    #[test]
    fn too_little_room_is_refused_with_figures() {
        let need = Need { scratch_bytes: 9_000_000_000, server_bytes: 16_000_000_000 };
        let (gb, other) = (1_000_000_000, room("/pg", 2, 16_000_000_000));
        need.check_rooms(&room("/tmp", 1, 9 * gb), Some(&other)).unwrap();
        need.check_rooms(&room("/tmp", 1, 9 * gb), None).unwrap();
        need.check_rooms(&room("/tmp", 1, 25 * gb), Some(&room("/pg", 1, 25 * gb))).unwrap();
        for (scratch, server, words) in [
            (8 * gb, None, "needs 9.0 GB in /tmp, and 8.0 GB are free"),
            (
                24 * gb,
                Some(room("/pg", 1, 24 * gb)),
                "needs 25.0 GB in /tmp, 16.0 GB of them for PostgreSQL, and 24.0 GB are free",
            ),
            (
                9 * gb,
                Some(room("/pg", 2, 15 * gb)),
                "needs 16.0 GB for PostgreSQL in /pg, and 15.0 GB are free",
            ),
        ] {
            let refused =
                need.check_rooms(&room("/tmp", 1, scratch), server.as_ref()).unwrap_err().to_string();
            assert!(refused.contains(words) && refused.contains("leave --large out"), "{refused}");
        }
    }

    #[test]
    fn the_room_of_a_folder_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        Need::of([SubjectKind::MostTables], 1).check(folder.path(), Some(folder.path())).unwrap();
        let need = Need { scratch_bytes: u64::MAX, server_bytes: 0 };
        assert!(need.check(folder.path(), None).is_err());
        assert!(Room::of(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn the_largest_database_decides() {
        let need = |kinds: &[SubjectKind]| Need::of(kinds.iter().copied(), DEFAULT_ROWS);
        let [rows, tables] = [SubjectKind::LargeHyperpage, SubjectKind::MostTables];
        assert_eq!(need(&[rows, tables]), need(&[rows]));
        assert!(need(&[rows]).scratch_bytes > 2 * 4_000_000_000, "a source of 4 GB and its copy");
        assert!(need(&[tables]).server_bytes >= 1_000_000_000);
        assert_eq!(need(&[]), Need::default());
    }
}

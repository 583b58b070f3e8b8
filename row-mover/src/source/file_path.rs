//! Paths of SQLite files: what may be opened, how SQLite names it, and what it keeps beside it. It reads no database.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::{Error, Result};

/// The longest path that SQLite opens: 512 bytes including `-journal`.
const PATH_BYTES_MAX: usize = 500;

/// Opens a regular file for reading. Anything else is refused without waiting: opening a FIFO waits for a writer, and a device may do
/// anything.
pub(crate) fn open_regular(path: &Path) -> std::io::Result<File> {
    let refused = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file");
    // Checked first, since a device may act upon being opened, and again afterwards, since the name may lead elsewhere by then.
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}

/// The path with `suffix` appended to its file name, as SQLite names its log and journal.
pub(crate) fn sidecar(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The path as a `file:` URI, in which SQLite reads `%`, `?` and `#` as its own (SQLite manual, "URI Filenames").
pub(super) fn uri(path: &Path, is_immutable: bool) -> PathBuf {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = b"file:".to_vec();
    for &byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => uri.push(byte),
        }
    }
    uri.extend_from_slice(if is_immutable { b"?mode=ro&immutable=1" } else { b"?mode=ro" });
    PathBuf::from(std::ffi::OsString::from_vec(uri))
}

/// Whether there is something in a file.
pub(crate) fn is_nonempty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Refuses a path that SQLite cannot open for its length, which it reports as if the file were not there.
///
/// # Errors
/// When it is too long.
pub(crate) fn check_length(path: &Path) -> Result<()> {
    let bytes = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).as_os_str().len();
    if bytes <= PATH_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(format!("the path {} is too long: it has {bytes} bytes", path.display()))
        .caused_by(format!("SQLite opens paths of up to {PATH_BYTES_MAX} bytes")))
}

//! Archives a sealed copy: compressed with zstd, with its checksums and a note, in a folder of its own. The folder appears complete or not at
//! all, after its content was decompressed and compared with the seal.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::CompressionLevel;
use sha2::{Digest, Sha256};

use super::file_path::open_regular;
use super::hashing::hash;
use super::seal::{Seal, verify};
use crate::error::{Context, Error, Result, is_stop};

/// The checksum of the archive, for `sha256sum -c`.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// The checksum of the database that it contains.
pub const RESTORED_CHECKSUMS: &str = "RESTORED.SHA256SUMS";
/// The note.
pub const NOTE: &str = "RETENTION.txt";

/// An archive that was compared with its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The compressed database.
    pub path: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// The file name of the database in it.
    pub database_name: String,
    /// Whether it was there before.
    pub is_earlier: bool,
}

/// Archives the sealed copy in a folder of `archive_dir` that is named as its own; the archive of an earlier call is verified instead.
/// `note` is the text of the note, given the file names of the archive and the database. `check_stop` ends it with an error.
///
/// # Errors
/// When the sealed copy has changed, the folder cannot be written, or an archive there is not that of the copy.
pub fn archive(
    seal: &Seal,
    archive_dir: &Path,
    note: &dyn Fn(&str, &str) -> String,
    check_stop: &dyn Fn() -> Result<()>,
) -> Result<Archive> {
    let database_name = file_name(&seal.path);
    let name = format!("{database_name}.zst");
    let folder_name = seal.path.parent().map(file_name).filter(|name| !name.is_empty());
    let folder = archive_dir.join(folder_name.unwrap_or_else(|| format!("{database_name}-archive")));
    let failed = || format!("the sealed copy cannot be archived in {}", folder.display());
    if folder.symlink_metadata().is_ok() {
        let (sha256, bytes) = verified(&folder, &name, seal, check_stop)?;
        return Ok(Archive {
            path: absolute(&folder.join(&name)),
            sha256,
            bytes,
            database_name,
            is_earlier: true,
        });
    }
    fs::DirBuilder::new().mode(0o700).recursive(true).create(archive_dir).context(failed)?;
    let partial = Partial(archive_dir.join(format!(".partial-{}", file_name(&folder))));
    // Of a call that was killed.
    let _ = fs::remove_dir_all(&partial.0);
    fs::DirBuilder::new().mode(0o700).create(&partial.0).context(failed)?;
    compress(&seal.path, &partial.0.join(&name), check_stop).context(failed)?;
    let (sha256, bytes) = hash(&partial.0.join(&name), check_stop)?;
    for (file, content) in [
        (CHECKSUMS, format!("{sha256}  {name}\n")),
        (RESTORED_CHECKSUMS, format!("{}  {database_name}\n", seal.sha256)),
        (NOTE, note(&name, &database_name)),
    ] {
        let written = create(&partial.0.join(file)).and_then(|mut file| {
            file.write_all(content.as_bytes())?;
            file.sync_all()
        });
        written.context(failed)?;
    }
    match verified(&partial.0, &name, seal, check_stop) {
        Err(error) if is_stop(&error) => return Err(error),
        Err(_) => {
            // The copy itself is the likely reason, and has a remedy.
            verify(seal)?;
            return Err(Error::new(failed()).caused_by("what was written is not what was read"));
        }
        Ok(_) => {}
    }
    let sync = |folder: &Path| File::open(folder).and_then(|folder| folder.sync_all());
    sync(&partial.0)
        .and_then(|()| fs::rename(&partial.0, &folder))
        .and_then(|()| sync(archive_dir))
        .context(failed)?;
    Ok(Archive { path: absolute(&folder.join(&name)), sha256, bytes, database_name, is_earlier: false })
}

/// A folder that is removed on drop; renaming it keeps it.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Creates a file that only its owner may read.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)
}

fn compress(from: &Path, into: &Path, check_stop: &dyn Fn() -> Result<()>) -> Result<()> {
    let failed = || format!("{} cannot be compressed", from.display());
    let mut stopped = Ok(());
    let mut source = Recorded { inner: open_regular(from).context(failed)?, error: None };
    let mut target = Recorded { inner: BufWriter::new(create(into).context(failed)?), error: None };
    let reader = Stoppable { inner: &mut source, check_stop, stopped: &mut stopped };
    ruzstd::encoding::compress(reader, &mut target, CompressionLevel::Fastest);
    stopped?;
    if let Some(error) = source.error.or(target.error) {
        return Err(error).context(failed);
    }
    target
        .inner
        .into_inner()
        .map_err(|error| error.into_error())
        .and_then(|file| file.sync_all())
        .context(failed)
}

/// A file whose errors are kept, since the compressor panics on them: a source that fails is at its end, and a target that fails takes
/// everything.
struct Recorded<T> {
    inner: T,
    error: Option<std::io::Error>,
}

impl<T: Read> Read for Recorded<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        loop {
            match self.inner.read(buffer) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    return Ok(0);
                }
            }
        }
    }
}

impl<T: Write> Write for Recorded<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.error.is_none() {
            self.error = self.inner.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.error.is_none() {
            self.error = self.inner.flush().err();
        }
        Ok(())
    }
}

/// A source that ends where the work is to stop.
struct Stoppable<'a, T> {
    inner: &'a mut T,
    check_stop: &'a dyn Fn() -> Result<()>,
    stopped: &'a mut Result<()>,
}

impl<T: Read> Read for Stoppable<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stopped.is_ok() {
            *self.stopped = (self.check_stop)();
        }
        if self.stopped.is_err() { Ok(0) } else { self.inner.read(buffer) }
    }
}

/// SHA-256 and size of the archive in a folder, after its content was compared with the seal.
fn verified(
    folder: &Path,
    name: &str,
    seal: &Seal,
    check_stop: &dyn Fn() -> Result<()>,
) -> Result<(String, u64)> {
    let path = folder.join(name);
    let failed = || format!("{} is not an archive of {}", path.display(), seal.path.display());
    let with_remedy = |error: Error| match is_stop(&error) {
        true => error,
        false => error.with_remedy_text("move that folder away, and run the same command again"),
    };
    let outcome = (|| {
        let (sha256, bytes) = hash(&path, check_stop)?;
        let listed = fs::read_to_string(folder.join(CHECKSUMS)).context(failed)?;
        if listed != format!("{sha256}  {name}\n") {
            return Err(Error::new(failed()).caused_by(format!("its SHA-256 is not that of {CHECKSUMS}")));
        }
        let mut decoder = StreamingDecoder::new(open_regular(&path).context(failed)?).context(failed)?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            check_stop()?;
            let read = decoder.read(&mut buffer).context(failed)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
        }
        let content: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if content != seal.sha256 {
            return Err(Error::new(failed()).caused_by("the SHA-256 of its content differs"));
        }
        Ok((sha256, bytes))
    })();
    outcome.map_err(with_remedy)
}

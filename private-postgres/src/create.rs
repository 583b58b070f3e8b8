//! Creates the data folder atomically with `initdb`, and checks an existing one. Starts no server.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::SUPERUSER;
use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{Error, at};
use crate::files;
use crate::layout::Layout;

/// Ensures a data folder of the programs' version. The caller holds the cluster's lock.
///
/// # Errors
/// [`Error::DataVersion`] for an existing one of another version; [`Error::Failed`] with the output of `initdb`.
pub(crate) fn ensure(
    layout: &Layout,
    account: &Account,
    binaries: &Binaries,
    throwaway: bool,
) -> Result<(), Error> {
    let data = layout.data();
    if data.exists() {
        return check_version(&data, binaries);
    }
    // The rename below puts everything in place at once; the next run deletes the folder of a killed one.
    let work = tempfile::Builder::new()
        .prefix(".initdb-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&layout.state)
        .map_err(at("create a folder in", &layout.state))?;
    account.give(work.path())?;
    let password = generate_password()?;
    let password_file = work.path().join("password");
    files::replace(&password_file, &format!("{password}\n"), 0o600)?;
    account.give(&password_file)?;
    initdb(work.path(), account, binaries, throwaway)?;

    let made = work.path().join("data");
    let settings = made.join("postgresql.conf");
    let mut file = OpenOptions::new().append(true).open(&settings).map_err(at("open", &settings))?;
    file.write_all(b"\n# The settings of this cluster, written at each start.\ninclude '../server.conf'\n")
        .and_then(|()| file.sync_all())
        .map_err(at("write", &settings))?;
    // The password comes first: every data folder has a matching one.
    files::replace(&layout.password(), &format!("{password}\n"), 0o600)?;
    fs::rename(&made, &data).map_err(at("create", &data))?;
    File::open(&layout.state).and_then(|folder| folder.sync_all()).map_err(at("write", &layout.state))
}

/// Runs `initdb` in the work folder. Paths are relative to it: `initdb` passes them to a shell, which would expand a `$` in the
/// checkout's path.
fn initdb(work: &Path, account: &Account, binaries: &Binaries, throwaway: bool) -> Result<(), Error> {
    let attempt = |locale: &str| {
        let mut command = account.command(binaries.bindir.join("initdb"), work);
        command
            .args(["--pgdata=data", "--encoding=UTF8", "--auth=scram-sha-256", "--pwfile=password"])
            .args(["--lc-messages=C", "--no-instructions"])
            .arg(format!("--locale={locale}"))
            .arg(format!("--username={SUPERUSER}"));
        if throwaway {
            command.arg("--no-sync");
        }
        account.capture(&mut command)
    };
    // Both order text by code point; C.UTF-8 also knows the case of letters beyond ASCII, and not every system has it.
    attempt("C.UTF-8").or_else(|_| attempt("C")).map(drop)
}

/// Compares the version of the data folder with that of the programs.
fn check_version(data: &Path, binaries: &Binaries) -> Result<(), Error> {
    let path = data.join("PG_VERSION");
    let version = fs::read_to_string(&path).map_err(at("read", &path))?;
    if version.trim() == binaries.major.to_string() {
        return Ok(());
    }
    Err(Error::DataVersion {
        path: data.to_path_buf(),
        data: version.trim().to_owned(),
        bindir: binaries.bindir.clone(),
        found: binaries.major,
    })
}

/// Returns 32 random bytes of the operating system, in hexadecimal.
fn generate_password() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    let source = "/dev/urandom";
    File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(at("read", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads the password of a cluster.
///
/// # Errors
/// [`Error::Password`] where the file is missing or does not hold one.
pub(crate) fn password(layout: &Layout) -> Result<String, Error> {
    let path = layout.password();
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().len() == 64 => Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::Io { action: "read", path, source: error })
        }
        _ => Err(Error::Password { path }),
    }
}

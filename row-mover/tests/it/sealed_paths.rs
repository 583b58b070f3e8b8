//! A ledger whose sealed copy is something else than a file by now: it is refused at once, and never opened. Opening a FIFO waits for a
//! writer, and reading a device may have no end.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use postgres_client::{DbSettings, TargetUrl};
use row_mover::observer::Silent;
use row_mover::run::{self, Purpose, Request, ValidationRequest};
use row_mover::source::undisturbed::Protection;
use row_mover::validate::CompareOptions;

use crate::support::{Case, chain, moved};

/// What stands in the ledger in place of the sealed copy.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let fifo = folder.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let socket = folder.join("socket");
    drop(UnixListener::bind(&socket).unwrap());
    let links = [("to_fifo", fifo.as_path()), ("to_device", Path::new("/dev/zero"))].map(|(name, target)| {
        let link = folder.join(name);
        symlink(target, &link).unwrap();
        link
    });
    [vec![fifo, socket, "/dev/zero".into(), "/dev/tty".into(), folder.to_owned()], links.to_vec()].concat()
}

#[test]
fn a_sealed_copy_that_is_no_file_is_refused_and_never_opened() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    case.moved();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for path in paths(case.dir.path()) {
                case.execute(&format!(
                    "UPDATE migration.runs SET seal = (seal::jsonb || jsonb_build_object('path', '{}'))::text",
                    path.display()
                ));
                let validated = run::validate(
                    &ValidationRequest {
                        target: TargetUrl::parse(case.database.url()).unwrap(),
                        settings: DbSettings::default(),
                        migrations: &case.migrations,
                        options: CompareOptions::default(),
                        purpose: Purpose::Proof,
                        integrity_check: false,
                    },
                    &Silent,
                );
                let restarted = run::migrate(&Request { restart: true, ..case.request() }, &Silent);
                for error in [validated.map(|_| ()).unwrap_err(), restarted.map(|_| ()).unwrap_err()] {
                    assert!(chain(&error).contains("is no regular file"), "{}: {}", path.display(), chain(&error));
                }
            }
            // What it says to do works.
            moved(run::migrate(&Request { restart: true, discard: true, ..case.request() }, &Silent));
            tell.send(()).unwrap();
        });
        // A FIFO would be waited for without end: nobody writes to it.
        let is_told = told.recv_timeout(Duration::from_secs(120));
        if is_told == Err(mpsc::RecvTimeoutError::Timeout) {
            // The thread that waits could not be joined.
            std::io::stderr().write_all(b"a path is being waited for\n").unwrap();
            std::process::abort();
        }
    });
}

#[test]
fn a_ledger_without_the_read_method_of_the_copy_is_still_read() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    let method = case.moved().seal.read_method.unwrap();
    assert_eq!((method.protection, method.attempts), (Protection::SqliteLocks, 1));
    assert_eq!(case.validated(false).0.seal.read_method, Some(method));
    case.execute("UPDATE migration.runs SET seal = (seal::jsonb - 'read_method')::text");
    assert_eq!(case.validated(false).0.seal.read_method, None);
    case.moved_already();
}

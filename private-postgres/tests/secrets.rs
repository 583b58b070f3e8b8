//! The password is where it belongs and nowhere else.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Checkout, running};

#[test]
fn the_password_is_in_a_private_file() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let status = running(&cluster);
    let login = cluster.login().unwrap();
    assert_eq!(login.password.len(), 64);
    let file = status.state_dir.join("password");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let shown = [format!("{status:?} {cluster:?} {login:?}"), serde_json::to_string(&status).unwrap()];
    assert!(shown.iter().all(|text| !text.contains(&login.password)));
    for entry in fs::read_dir(&status.state_dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path != file {
            let text = fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(&login.password), "{}", path.display());
        }
    }
}

/// Watches the command lines and environments of all processes while a cluster is created and started.
#[cfg(target_os = "linux")]
#[test]
fn the_password_is_never_in_an_argument_or_an_environment() {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    let checkout = Checkout::new();
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = HashSet::new();
            while !done.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    for name in ["cmdline", "environ"] {
                        let text = fs::read(entry.path().join(name)).unwrap_or_default();
                        seen.insert(String::from_utf8_lossy(&text).into_owned());
                    }
                }
            }
            seen
        });
        checkout.started();
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert!(seen.iter().any(|text| text.contains("--pwfile")), "initdb was not seen at work");
    let password = checkout.cluster().login().unwrap().password;
    assert!(!seen.iter().any(|text| text.contains(&password)), "the password was seen");
}

#[test]
fn a_client_must_know_the_password() {
    use std::io::{Read, Write};

    let checkout = Checkout::new();
    let status = running(&checkout.started());
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", status.port.unwrap())).unwrap();
    let parameters = b"user\0hyperpage\0database\0postgres\0\0";
    let length = u32::try_from(parameters.len() + 8).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], &[0, 3, 0, 0], parameters].concat()).unwrap();
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).unwrap();
    // An authentication request of kind 10: SASL, which SCRAM is a mechanism of.
    assert_eq!((answer[0], &answer[5..]), (b'R', &[0, 0, 0, 10][..]));
}

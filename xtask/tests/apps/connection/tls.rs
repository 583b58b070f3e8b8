//! `sslmode` of the generated connection, against servers that offer TLS with one certificate or another, or none.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use test_database::TestDatabase;

use super::{App, seen};
use crate::place::{Place, output};
use crate::support::{run, tool};

/// Creates a certificate for a host, signed by an authority of its own. Returns the paths of authority, certificate and key.
#[track_caller]
fn certificate(folder: &Path, name: &str, host: &str) -> [String; 3] {
    let [authority, authority_key, request, certificate, key, extensions] =
        ["ca.crt", "ca.key", "csr", "crt", "key", "ext"].map(|suffix| format!("{name}.{suffix}"));
    fs::write(folder.join(&extensions), format!("subjectAltName=DNS:{host}\n")).unwrap();
    let openssl = |arguments: &[&str]| run(Command::new(tool("openssl")).args(arguments).current_dir(folder));
    let key_kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(
        &[
            &[
                "req",
                "-x509",
                "-days",
                "2",
                "-subj",
                "/CN=authority",
                "-keyout",
                &authority_key,
                "-out",
                &authority,
            ],
            &key_kind[..],
        ]
        .concat(),
    );
    openssl(
        &[&["req", "-subj", &format!("/CN={host}"), "-keyout", &key, "-out", &request], &key_kind[..]]
            .concat(),
    );
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        &request,
        "-CA",
        &authority,
        "-CAkey",
        &authority_key,
        "-CAcreateserial",
        "-extfile",
        &extensions,
        "-out",
        &certificate,
    ]);
    [authority, certificate, key].map(|name| folder.join(name).display().to_string())
}

#[test]
#[ignore = "needs node, npm and openssl"]
fn tls_is_what_libpq_means() {
    let (app, database, place) = (App::new(), TestDatabase::create(), Place::new());
    let right = certificate(place.path(), "right", "localhost");
    let other = certificate(place.path(), "other", "elsewhere.example");
    let (none, plain) = ([String::new(), String::new(), String::new()], "plain");
    let refused = "refused";
    for (mode, answer, server, root, expected) in [
        ("disable", "tls", &right, "", plain),
        ("prefer", "tls", &other, "", "encrypted"),
        ("prefer", "no", &none, "", plain),
        ("allow", "no", &none, "", plain),
        ("require", "no", &none, "", refused),
        ("require", "tls", &other, "", "encrypted"),
        ("require", "tls", &other, &right[0], refused),
        ("require", "tls", &other, &other[0], "encrypted"),
        ("verify-ca", "tls", &right, "", refused),
        ("verify-ca", "tls", &other, &other[0], "encrypted"),
        ("verify-ca", "tls", &other, &right[0], refused),
        ("verify-full", "tls", &right, &right[0], "encrypted"),
        ("verify-full", "tls", &other, &other[0], refused),
        ("verify-full", "tls", &right, "system", refused),
        ("verify-full", "no", &none, &right[0], refused),
    ] {
        let mut command = app.scenario("tls", database.url(), &[]);
        let ended = output(command.args([mode, answer, &server[1], &server[2], root])).expect(0);
        let found = seen(&ended);
        let is_done = found["once"] == "done" && found["pooled"] == "done";
        let is_refused = found["once"] != "done" && found["pooled"] != "done";
        let matches = match expected {
            "refused" => is_refused,
            _ => is_done && found["isEncrypted"] == json!(expected == "encrypted"),
        };
        assert!(matches, "sslmode={mode}, {answer}, root {root}: expected {expected}, found {found}");
        assert!(!ended.stderr.contains("SECURITY WARNING"), "{}", ended.stderr);
    }
}

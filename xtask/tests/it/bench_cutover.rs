//! `bench cutover`: a small cutover under a program that writes, which loses no write, and the clean-up. The figures are not checked, which
//! would need a quiet machine.

use std::fs;
use std::process::Stdio;

use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::value;

#[test]
fn a_cutover_under_writes_is_measured_and_loses_none() {
    let (database, place) = (TestDatabase::create(), Place::new());
    let scratch = tempfile::tempdir().unwrap();
    let arguments = ["bench", "cutover", "--rows", "1000", "--changed", "1", "--json", "--postgres"];
    let mut command = place.command(arguments.iter().chain(&[database.url()]));
    command.env("TMPDIR", scratch.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let like = format!("hyperpage_bench\\_{}\\_%", child.id());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let output =
        Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    let said = output.expect(0).json();
    let measured = &said["cutovers"][0];
    let number = |name: &str| measured[name].as_f64().unwrap();
    assert_eq!((number("lost_writes"), number("percent")), (0.0, 1.0));
    for name in ["changed_rows", "writes", "pause_seconds", "catch_up_seconds", "refused_seconds"] {
        assert!(number(name) > 0.0, "{name}: {measured}");
    }
    assert!(number("refused_seconds") < 60.0);
    let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let databases = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{like}'");
    assert_eq!(value(&database, &databases), "0");
}

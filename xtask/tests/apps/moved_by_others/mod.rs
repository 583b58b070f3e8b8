//! Databases that pgloader and Sequel have moved: `validate --sqlite` names all that they lose, and what it prints repairs them.

mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fixtures::hyperpage::{SampleOptions, create_sample};
use fixtures::music_store;
use rusqlite::Connection;
use serde_json::Value;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::execute;
use crate::support::{run, tool};

/// A migrator of somebody else.
#[derive(Clone, Copy, Debug)]
enum Tool {
    Pgloader,
    Sequel,
}

/// A SQLite file, and the database into which a migrator has moved it.
struct Moved {
    place: Place,
    source: PathBuf,
    database: TestDatabase,
}

/// A music shop with twenty artists.
fn music(path: &Path) {
    music_store::create(path, 20).unwrap();
}

/// Hyperpage's sample.
fn hyperpage(path: &Path) {
    create_sample(path, &SampleOptions { rows: 200, seed: 2_026 }).unwrap();
}

/// Values and declarations that are hard to move.
fn hostile(path: &Path) {
    Connection::open(path).unwrap().execute_batch(include_str!("hostile.sql")).unwrap();
}

impl Moved {
    /// Creates a file, and has it moved.
    #[track_caller]
    fn new(by: Tool, name: &str, create: impl Fn(&Path)) -> Moved {
        let place = Place::new();
        let source = place.path().join(name);
        create(&source);
        let database = TestDatabase::create();
        let from = format!("sqlite://{}", source.display());
        let (program, arguments) = match by {
            Tool::Pgloader => {
                ("pgloader", vec![from, database.url().replacen("postgres://", "postgresql://", 1)])
            }
            Tool::Sequel => ("sequel", vec!["-C".to_owned(), from, database.url().to_owned()]),
        };
        let mut command = Command::new(tool(program));
        // pgloader succeeds whatever it loses, and Sequel fails where it stops.
        let output =
            command.args(arguments).current_dir(place.path()).env("HOME", place.path()).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("could not connect") && !text.contains("ConnectionError"), "{text}");
        Moved { place, source, database }
    }

    fn validate(&self, options: &[&str]) -> Output {
        let source = self.source.to_str().unwrap();
        let arguments = ["validate", "--sqlite", source, "--postgres", self.database.url(), "--quiet"];
        self.place.run(arguments.iter().chain(options))
    }

    /// The result as JSON; equal or not, as the exit status has to say.
    #[track_caller]
    fn compared(&self) -> Value {
        let output = self.validate(&["--json"]);
        let value: Value =
            serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.screen()));
        let is_equal = value["equal"].as_bool().unwrap();
        assert_eq!(output.code, Some(i32::from(!is_equal)), "{}", output.screen());
        value
    }

    /// Runs the command that the screen prints for the repair of the structure.
    #[track_caller]
    fn repair(&self) {
        let screen = self.validate(&[]).stdout;
        let command = screen.split("psql ").nth(1).and_then(|rest| rest.split(" URL;").next());
        let arguments = command.unwrap_or_else(|| panic!("no repair is printed: {screen}"));
        let mut psql = Command::new(tool("psql"));
        psql.args(arguments.split(' ')).arg(self.database.url()).current_dir(self.place.path());
        run(&mut psql);
    }
}

/// The differences of the structure but for remarks, in short.
fn losses(compared: &Value) -> Vec<String> {
    let differences = compared["result"]["structure"]["differences"].as_array().unwrap();
    let lost = differences.iter().filter(|found| found["severity"] != "remark");
    lost.map(|found| found["words"].as_str().unwrap().to_owned()).collect()
}

/// The tables that differ: rows in SQLite, equal, missing, extra and different ones.
fn different_rows(compared: &Value) -> Vec<String> {
    let tables = compared["result"]["tables"].as_array().unwrap();
    let differing = tables.iter().filter(|table| table["is_equal"] == false);
    let counts = ["source_rows", "equal", "missing", "extra", "different"];
    differing
        .map(|table| {
            let counts: Vec<String> = counts.iter().map(|count| table[*count].to_string()).collect();
            format!("{} {}", table["table"].as_str().unwrap(), counts.join(" "))
        })
        .collect()
}

/// Names that contain numbers of the server are the same for every run.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split("idx_");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("idx_N");
        out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    }
    out
}

#[track_caller]
fn assert_losses(compared: &Value, expected: &[&str]) {
    let mut found: Vec<String> = losses(compared).iter().map(|line| without_numbers(line)).collect();
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

const SEQUEL_MUSIC: [&str; 6] = [
    "not kept unique: Artist (lower(\"Name\")); sqlite_autoindex_Artist_1 distinguishes case",
    "numbers are issued again: sequence public.\"Artist_ArtistId_seq\": its next number is 21, but SQLite gave 21 for Artist already",
    "not kept unique: Customer CustomerByEmail (\"Email\") where \"IsActive\"",
    "CHECK is missing: Invoice (Total >= 0)",
    "CHECK is missing: Track (Milliseconds > 0)",
    "view is missing: Sales",
];

#[test]
#[ignore = "needs Ruby with Sequel"]
fn a_music_shop_that_sequel_moved() {
    let moved = Moved::new(Tool::Sequel, "music.db", music);
    let compared = moved.compared();
    assert_eq!(different_rows(&compared), [""; 0], "{compared:#}");
    assert_losses(&compared, &SEQUEL_MUSIC);
    moved.repair();
    assert_losses(&moved.compared(), &[]);
    assert_eq!(moved.compared()["equal"], true);
    // What was lost works again.
    execute(&moved.database, "INSERT INTO \"Artist\" (\"Name\") VALUES ('New')");
    let id = crate::server::value(&moved.database, "SELECT max(\"ArtistId\") FROM \"Artist\"");
    assert_eq!(id, "22");
}

#[test]
#[ignore = "needs pgloader"]
fn a_music_shop_that_pgloader_moved() {
    let moved = Moved::new(Tool::Pgloader, "music.db", music);
    let compared = moved.compared();
    assert_eq!(different_rows(&compared), ["Track 200 0 0 0 200"], "{compared:#}");
    assert_losses(
        &compared,
        &[
            "NOT NULL is missing: Album.title",
            "NOT NULL is missing: Album.artistid",
            "NOT NULL is missing: Artist.name",
            "not kept unique: Artist (lower(name)); idx_N_sqlite_autoindex_artist_1 distinguishes case",
            "numbers are issued again: sequence public.artist_artistid_seq: its next number is 21, but SQLite gave 21 for artist already",
            "NOT NULL is missing: Customer.firstname",
            "NOT NULL is missing: Customer.lastname",
            "NOT NULL is missing: Customer.email",
            "NOT NULL is missing: Customer.isactive",
            "NOT NULL is missing: Customer.createdat",
            "not kept unique: Customer CustomerByEmail (email) where isactive",
            "NOT NULL is missing: Genre.name",
            "new rows get no number: Genre.genreid",
            "NOT NULL is missing: Invoice.customerid",
            "NOT NULL is missing: Invoice.invoicedate",
            "NOT NULL is missing: Invoice.total",
            "CHECK is missing: Invoice (Total >= 0)",
            "NOT NULL is missing: InvoiceLine.trackid",
            "NOT NULL is missing: InvoiceLine.unitprice",
            "NOT NULL is missing: InvoiceLine.quantity",
            "new rows get no number: Playlist.playlistid",
            "NOT NULL is missing: Track.name",
            "NOT NULL is missing: Track.milliseconds",
            "NOT NULL is missing: Track.unitprice",
            "CHECK is missing: Track (Milliseconds > 0)",
            "foreign key is missing: Track (genreid) to genre (genreid)",
            "type holds less than SQLite does: Track.gain, real: 6 significant digits",
            "view is missing: Sales",
        ],
    );
    moved.repair();
    let repaired = moved.compared();
    assert_losses(&repaired, &[]);
    // The numbers are rounded; the rows have to be moved again, as the screen says.
    assert_eq!(different_rows(&repaired), ["Track 200 0 0 0 200"]);
    execute(
        &moved.database,
        "TRUNCATE album, artist, customer, genre, invoice, invoiceline, playlist, playlisttrack, track",
    );
    let source = moved.source.to_str().unwrap();
    let url = moved.database.url();
    let again = moved.place.run(["migrate", "--sqlite", source, "--postgres", url, "--into-existing"]);
    assert_eq!(again.code, Some(0), "{}", again.screen());
    let compared = moved.compared();
    assert_eq!(compared["equal"], true, "{compared:#}");
}

#[test]
#[ignore = "needs pgloader, and Ruby with Sequel"]
fn hyperpage_that_others_moved() {
    for (by, lost) in [(Tool::Pgloader, [36, 10, 1]), (Tool::Sequel, [0, 10, 1])] {
        let moved = Moved::new(by, "hyperpage.db", hyperpage);
        let compared = moved.compared();
        assert_eq!(different_rows(&compared), [""; 0], "{compared:#}");
        let losses = losses(&compared);
        let kinds = ["NOT NULL is missing: ", "default is missing: ", "numbers are issued again: "];
        let found = kinds.map(|kind| losses.iter().filter(|line| line.starts_with(kind)).count());
        assert_eq!((found, losses.len()), (lost, lost.iter().sum()), "{by:?}: {losses:#?}");
        assert!(
            losses
                .contains(&"default is missing: jobs.persisted_at, in SQLite unixepoch() * 1000".to_owned())
        );
        moved.repair();
        let compared = moved.compared();
        assert_eq!(compared["equal"], true, "{by:?}: {compared:#}");
    }
}

#[test]
#[ignore = "needs pgloader, and Ruby with Sequel"]
fn rows_and_declarations_that_are_hard_to_move() {
    let by_pgloader = [
        "NOT NULL is missing: Order Line.select",
        "NOT NULL is missing: Order Line.part",
        "generated column is missing: Order Line.total, part * 2",
        "primary key is missing: Order Line (part, select)",
        "foreign key is missing: Order Line (ledger_id) to ledger (id) (rows break it)",
        "new rows get no number: big_int.id",
        "NOT NULL is missing: ledger.label",
        "NOT NULL is missing: ledger.active",
        "NOT NULL is missing: ledger.made_ms",
        "not kept unique: ledger ledger_label (lower(label)); idx_N_ledger_label distinguishes case",
        "trigger is missing: stamp of ledger",
        "default is missing: ledger.made_ms, in SQLite unixepoch() * 1000",
        "numbers are issued again: sequence public.ledger_id_seq: its next number is 2, but SQLite gave 90 for ledger already",
        "type holds less than SQLite does: ledger.ratio, real: 6 significant digits",
        "default returns another value: ledger.label, 'it''''s'::text, in SQLite 'it''s'",
        "new rows get no number: mixed.id",
        "new rows get no number: words.id",
        "view is missing: active_ledger",
    ];
    let by_sequel = [
        "generated column is missing: Order Line.total, part * 2",
        "foreign key is missing: Order Line (ledger_id) to ledger (id)",
        "primary key has its columns in another order: Order Line (Select, part), in SQLite (part, Select)",
        "numbers are issued again: sequence public.big_int_id_seq: its next number is 1, but SQLite gave 3 for big_int already",
        "not kept unique: ledger ledger_label (lower(label))",
        "index is missing: ledger ledger_lower (big) where active",
        "trigger is missing: stamp of ledger",
        "default is missing: ledger.made_ms, in SQLite unixepoch() * 1000",
        "numbers are issued again: sequence public.ledger_id_seq: its next number is 1, but SQLite gave 90 for ledger already",
        "numbers are issued again: sequence public.mixed_id_seq: its next number is 1, but SQLite gave 5 for mixed already",
        "numbers are issued again: sequence public.words_id_seq: its next number is 1, but SQLite gave 5 for words already",
        "view is missing: active_ledger",
    ];
    // pgloader gives up a table at its first bad value; Sequel stops at a NUL and keeps nothing.
    let rows_pgloader = ["big_int 3 0 3 0 0", "ledger 3 0 3 0 0", "mixed 5 1 4 0 0"];
    let rows_sequel = [
        "Order Line 2 0 2 0 0",
        "big_int 3 0 3 0 0",
        "keyless 3 0 3 0 0",
        "ledger 3 0 3 0 0",
        "mixed 5 0 5 0 0",
        "words 5 0 5 0 0",
    ];
    for (by, rows, expected) in [
        (Tool::Pgloader, &rows_pgloader[..], &by_pgloader[..]),
        (Tool::Sequel, &rows_sequel[..], &by_sequel[..]),
    ] {
        let moved = Moved::new(by, "hostile.db", hostile);
        let compared = moved.compared();
        assert_losses(&compared, expected);
        assert_eq!(different_rows(&compared), rows, "{by:?}");
        moved.repair();
        let rest: Vec<String> = losses(&moved.compared());
        let expected: &[&str] = match by {
            Tool::Pgloader => &[
                "foreign key acts differently: Order Line Order Line_ledger_id_fkey: NOT VALID (rows break it)",
            ],
            Tool::Sequel => &[],
        };
        assert_eq!(rest, expected, "{by:?}");
    }
}

#[test]
#[ignore = "needs pgloader"]
fn nothing_is_written_to_the_target() {
    let moved = Moved::new(Tool::Pgloader, "music.db", music);
    let before = crate::server::everything(&moved.database);
    moved.compared();
    assert_eq!(crate::server::everything(&moved.database), before);
    let sealed = fs::read_dir(moved.place.path()).unwrap().count();
    assert!(sealed <= 3, "files are left: {sealed}");
}

//! `guide` at each stage of a migration, as snapshots.

use std::fs;

use migrate_core::cutover::{Archive, Event, Fence, Switch};
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{everything, execute};

struct Walk {
    place: Place,
    database: TestDatabase,
}

impl Walk {
    #[track_caller]
    fn guide(&self, more: &[&str]) -> Output {
        let before = everything(&self.database);
        let output =
            self.place.run(["guide", "--postgres", self.database.url()].iter().chain(more)).expect(0);
        assert_eq!(everything(&self.database), before, "guide only reads");
        output
    }

    #[track_caller]
    fn snapshot(&self, name: &str) {
        self.place.snapshot(&format!("guide-{name}"), &self.guide(&[]).screen());
    }

    /// Appends events to the ledger, as the commands do.
    fn record(&self, events: &[Event]) {
        for event in events {
            let event = serde_json::to_string(event).unwrap().replace('\'', "''");
            let sql = "INSERT INTO migration.cutover_events (run_id, event, recorded_by, note) VALUES";
            execute(&self.database, &format!("{sql} (1, '{event}', 'ops@db', NULL)"));
        }
    }

    /// The command that is printed as the next one.
    fn next(&self) -> String {
        let json = self.guide(&["--json"]).json();
        json["next"]["command"].as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn each_stage_is_printed_with_its_evidence() {
    let walk = Walk { place: Place::new(), database: TestDatabase::create() };
    walk.place.sample();
    let url = walk.database.url();
    walk.snapshot("1-begin");
    assert!(walk.next().starts_with("cargo xtask migrate --sqlite FILE --postgres "), "{}", walk.next());
    walk.place.run(["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", url]).expect(0);
    walk.snapshot("2-validated");
    execute(&walk.database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    walk.snapshot("3-not-proven");
    let next = walk.next();
    assert_eq!(next.split_whitespace().nth(2), Some("validate"), "{next}");
    // The URL is printed without its password, which a person has in PGPASSFILE.
    walk.place.run([next.split_whitespace().nth(2).unwrap(), "--postgres", url]).expect(0);
    assert!(walk.next().starts_with("cargo xtask cutover --dry-run"), "{}", walk.next());

    let app = || Switch::EnvFile("/srv/hyperpage/.env".into());
    walk.record(&[Event::CutoverBegun, Event::TargetComplete { sha256: "0".repeat(64) }]);
    walk.snapshot("4-cutover-begun");
    assert!(walk.next().starts_with("cargo xtask cutover --fence --postgres"), "{}", walk.next());
    walk.record(&[
        Event::SourceClosed { fence: Some(Fence::Triggers), pause_ms: Some(1_234) },
        Event::AppSwitched { switch: app(), share_percent: 100 },
    ]);
    walk.snapshot("5-switched");
    assert!(walk.next().contains("cutover --fence --env-file /srv/hyperpage/.env"), "{}", walk.next());
    walk.record(&[Event::CutoverFinished]);
    walk.snapshot("6-cutover-finished");
    walk.record(&[
        Event::RollbackBegun { is_emergency: false, accepted_loss: 3 },
        Event::TargetClosed,
        Event::TargetArchived { archive: Archive::Schemas(vec!["public_before".to_owned()]) },
    ]);
    walk.snapshot("7-rollback-begun");
    walk.record(&[Event::SourceOpened, Event::AppSwitchedBack { switch: app() }, Event::RollbackFinished]);
    walk.snapshot("8-rolled-back");
    execute(&walk.database, "DELETE FROM migration.cutover_events");
    walk.record(&[
        Event::CutoverBegun,
        Event::TargetComplete { sha256: "0".repeat(64) },
        Event::SourceClosed { fence: None, pause_ms: None },
        Event::AppSwitched { switch: Switch::ByHand, share_percent: 100 },
        Event::CutoverFinished,
        Event::CleanupFinished { archive: "/backups/hyperpage.db.zst".into(), sha256: "0".repeat(64) },
    ]);
    walk.snapshot("9-cleaned-up");
    assert_eq!(walk.next(), "");
}

#[test]
fn without_a_database_it_says_what_is_not_known() {
    let place = Place::new();
    let output = place.run(["guide", "--postgres", "postgres://nobody@127.0.0.1:1/nowhere"]).expect(0);
    place.snapshot("guide-no-database", &output.screen());
    let password =
        place.run(["guide", "--postgres", "postgres://nobody:s3cret@127.0.0.1:1/nowhere", "--json"]);
    assert!(!password.screen().contains("s3cret"), "{}", password.screen());
}

#[test]
fn a_target_that_cannot_be_understood_is_refused() {
    let place = Place::new();
    for garbage in ["garbage", "postgres://h/d?no_such_option=1", "host='"] {
        let output = place.run(["guide", "--postgres", garbage]).expect(2);
        assert!(output.stderr.starts_with("error: the PostgreSQL URL cannot be read"), "{}", output.screen());
    }
}

#[test]
fn the_app_and_the_manifests_are_counted() {
    let place = Place::new();
    fs::create_dir_all(place.path().join("app")).unwrap();
    fs::write(
        place.path().join("app/package.json"),
        "{\"dependencies\": {\"better-sqlite3\": \"12.0.0\"}}\n",
    )
    .unwrap();
    fs::create_dir_all(place.path().join("k8s/base")).unwrap();
    fs::write(place.path().join("k8s/base/deployment.yaml"), "kind: Deployment\n").unwrap();
    let database = TestDatabase::create();
    let json = place
        .run(["guide", "--postgres", database.url(), "--app", "app", "--manifests", "k8s", "--json"])
        .expect(0)
        .json();
    let stage =
        |index: usize| (json["stages"][index]["state"].clone(), json["stages"][index]["evidence"].clone());
    assert_eq!(stage(0), ("done".into(), "1 place in the app depends on SQLite".into()));
    assert_eq!(stage(4), ("done".into(), "1 manifest".into()));
    let gone = place.run(["guide", "--manifests", "nowhere"]).expect(2);
    assert!(gone.stderr.contains("nowhere cannot be read"), "{}", gone.screen());
}

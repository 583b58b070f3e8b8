//! `audit` explains what replaces each use of SQLite, and changes nothing.

use std::fs;

use crate::place::{Place, checkout};

/// A Next.js app on better-sqlite3 with Drizzle, its image, manifests, pipeline and docs.
const APP: &str = include_str!("audit/next-app.txt");

fn app() -> Place {
    let place = Place::new();
    let files = APP.split("=== ").filter_map(|file| file.split_once('\n'));
    for (path, content) in files {
        let path = place.path().join("app").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let database = place.path().join("app/data/app.db");
    fs::create_dir_all(database.parent().unwrap()).unwrap();
    rusqlite::Connection::open(database).unwrap().execute_batch("CREATE TABLE jobs (id TEXT)").unwrap();
    place
}

#[test]
fn a_next_app_on_better_sqlite3() {
    let place = app();
    let before = place.state();
    let audit = place.run(["audit", "--app", "app"]).expect(1);
    place.snapshot("audit-next_app", &audit.screen());
    assert_eq!(place.state(), before, "an audit changes nothing");

    place.run(["audit", "--app", "app", "--markdown", "audit.md"]).expect(1);
    place.snapshot("audit-next_app_markdown", &fs::read_to_string(place.path().join("audit.md")).unwrap());

    let json = place.run(["audit", "--app", "app", "--json"]).expect(1).json();
    let findings = json["findings"].as_array().unwrap();
    let efforts = json["efforts"].as_object().unwrap();
    let total: u64 = efforts.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(total, findings.len() as u64, "each use has one effort");
    assert_eq!(json["next"], "cargo xtask generate --drizzle app --dry-run");
    // Lines of the app that have nothing to do with SQLite.
    for (path, line) in [("src/lib/cache.ts", 0), ("src/app/page.tsx", 0), ("k8s/redis.yaml", 0)] {
        let found = findings.iter().find(|finding| finding["path"] == path && finding["line"] != line);
        assert_eq!(found, None, "{path} does not use SQLite");
    }
}

#[test]
fn the_stand_in_uses_sqlite_where_it_says_so() {
    let place = Place::new();
    let app = checkout().join("fixtures/app");
    let audit = place
        .run(["audit", "--json", "--exclude", "node_modules", "--app", app.to_str().unwrap()])
        .expect(1)
        .json();
    let paths = audit["findings"].as_array().unwrap().iter().map(|finding| finding["path"].as_str().unwrap());
    let wrong: Vec<_> = paths
        .clone()
        .filter(|path| {
            path.starts_with("src/postgres") || path.starts_with("db/") || path.starts_with("drizzle")
        })
        .collect();
    assert_eq!(wrong, Vec::<&str>::new(), "the half on PostgreSQL uses no SQLite");
    // Every synchronous call of the half on SQLite, counted independently.
    let mut expected = 0;
    for file in fs::read_dir(app.join("src/sqlite")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        expected +=
            [".get()", ".all()", ".run()"].iter().map(|call| text.matches(call).count()).sum::<usize>();
    }
    let calls = audit["findings"].as_array().unwrap().iter().filter(|finding| {
        finding["path"].as_str().unwrap().starts_with("src/sqlite")
            && finding["what"].as_str().unwrap().ends_with("answers at once")
    });
    assert!(expected > 20, "{expected}");
    assert_eq!(calls.count(), expected);
}

#[test]
fn an_app_without_sqlite_is_done() {
    let place = Place::new();
    fs::create_dir(place.path().join("app")).unwrap();
    fs::write(place.path().join("app/package.json"), "{\"dependencies\": {\"pg\": \"8.23.1\"}}").unwrap();
    let audit = place.run(["audit", "--app", "app"]).expect(0);
    place.snapshot("audit-clean", &audit.screen());
    place.snapshot("audit-missing", &place.run(["audit", "--app", "nowhere"]).expect(2).screen());
}

//! The schemas of apps, before and after a migration into them: equal to the byte, and nothing of ours among them.

use row_mover::run::{self, Purpose, Silent, ValidationRequest};
use row_mover::validate::CompareOptions;

use crate::support::dump::schema_dump;
use crate::support::{Case, chain, sqlite};

/// Two tables that each app has.
const SOURCE: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL, mentor INTEGER);
    CREATE TABLE book (id INTEGER PRIMARY KEY, author INTEGER, title TEXT, sold INTEGER);
    INSERT INTO author VALUES (1, 'a', NULL), (2, 'b', 1);
    INSERT INTO book VALUES (1, 1, 'one', 0), (2, 2, 'two', 1), (3, 2, 'three', 1);";

/// What dropping and adding a foreign key could lose: comments, options, and validity, where two keys have one name.
pub const KEYS: &str = "
    CREATE TABLE author (mentor int, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL);
    CREATE TABLE book (title text UNIQUE, id bigint PRIMARY KEY, sold boolean, author int NOT NULL);
    ALTER TABLE book ADD CONSTRAINT parent FOREIGN KEY (author) REFERENCES author ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
    ALTER TABLE author ADD CONSTRAINT parent FOREIGN KEY (mentor) REFERENCES author MATCH FULL ON DELETE SET NULL ON UPDATE RESTRICT NOT VALID;
    ALTER TABLE book ADD CONSTRAINT \"Second's key\" FOREIGN KEY (author) REFERENCES author DEFERRABLE;
    COMMENT ON CONSTRAINT parent ON book IS 'who wrote it; \"it''s\" $$ \\ kept
on two lines';
    COMMENT ON CONSTRAINT parent ON author IS 'another of that name';
    COMMENT ON CONSTRAINT book_pkey ON book IS 'key'; COMMENT ON TABLE book IS 'books'; COMMENT ON COLUMN book.title IS 'title';
    ALTER TABLE book REPLICA IDENTITY FULL; ALTER TABLE author REPLICA IDENTITY USING INDEX author_pkey;
    ALTER TABLE author ALTER name SET STATISTICS 17; GRANT SELECT (id), UPDATE ON book TO PUBLIC;
    CREATE VIEW sold AS SELECT * FROM book WHERE sold; COMMENT ON VIEW sold IS 'sold';";

/// Triggers in each state, and a policy.
const TRIGGERS: &str = "
    CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL, mentor int REFERENCES author);
    CREATE TABLE book (id int PRIMARY KEY, author int NOT NULL REFERENCES author, title text, sold boolean NOT NULL DEFAULT false);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER usual BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER always BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER replica BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER never BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION note();
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON author DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
    ALTER TABLE book ENABLE ALWAYS TRIGGER always; ALTER TABLE book ENABLE REPLICA TRIGGER replica; ALTER TABLE book DISABLE TRIGGER never;
    COMMENT ON TRIGGER usual ON book IS 'usual'; COMMENT ON TRIGGER late ON author IS 'late';
    ALTER TABLE author ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON author USING (id > 0);";

/// Partitions, with triggers of their own and triggers that differ from those of the table.
const PARTITIONS: &str = "
    CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL, mentor int REFERENCES author);
    CREATE TABLE book (id int, author int NOT NULL REFERENCES author, title text, sold boolean, PRIMARY KEY (id, author)) PARTITION BY LIST (author);
    CREATE TABLE book_1 PARTITION OF book FOR VALUES IN (1);
    CREATE TABLE book_2 PARTITION OF book FOR VALUES IN (2) PARTITION BY RANGE (id);
    CREATE TABLE book_2_low PARTITION OF book_2 FOR VALUES FROM (MINVALUE) TO (100);
    CREATE TABLE book_rest PARTITION OF book DEFAULT;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired'; END $$;
    CREATE TRIGGER usual AFTER INSERT ON book FOR EACH ROW EXECUTE FUNCTION refuse();
    CREATE TRIGGER own AFTER INSERT ON book_1 FOR EACH ROW EXECUTE FUNCTION refuse();
    ALTER TABLE book_rest DISABLE TRIGGER usual; ALTER TABLE book_2_low ENABLE ALWAYS TRIGGER usual;
    ALTER TABLE ONLY book_2 ENABLE REPLICA TRIGGER usual;";

/// Foreign keys whose triggers a superuser has switched.
const SWITCHED: &str = "
    CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL, mentor int REFERENCES author);
    CREATE TABLE book (id int PRIMARY KEY, author int NOT NULL REFERENCES author, title text, sold boolean);
    ALTER TABLE book DISABLE TRIGGER ALL;";

/// The names of an app that quotes them, with Diesel's list of its own.
const QUOTED: &str = "
    CREATE TABLE \"Author\" (\"Id\" int PRIMARY KEY, \"Name\" text NOT NULL, \"Mentor\" int, CONSTRAINT \"FK_Author_Mentor\" FOREIGN KEY (\"Mentor\") REFERENCES \"Author\");
    CREATE TABLE \"Book\" (\"Id\" int PRIMARY KEY, \"Author\" int, \"Title\" text, \"Sold\" bool, CONSTRAINT \"FK_Book_Author\" FOREIGN KEY (\"Author\") REFERENCES \"Author\");
    COMMENT ON CONSTRAINT \"FK_Book_Author\" ON \"Book\" IS 'quoted';
    CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());
    INSERT INTO __diesel_schema_migrations (version) VALUES ('20261101000003'), ('20261101000004');";

pub fn apps() -> [(&'static str, &'static str); 5] {
    [
        ("keys", KEYS),
        ("triggers", TRIGGERS),
        ("partitions", PARTITIONS),
        ("switched", SWITCHED),
        ("quoted", QUOTED),
    ]
}

#[track_caller]
pub fn case(name: &str, target_sql: &str) -> Case {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(&source, SOURCE);
    Case::into_existing(dir, source, "", target_sql).unwrap_or_else(|words| panic!("{name}: {words}"))
}

#[test]
fn an_apps_schema_is_the_same_to_the_byte_after_a_migration() {
    for (name, target_sql) in apps() {
        let case = case(name, target_sql);
        let before = schema_dump(&case, &["public"]);
        case.moved();
        assert_eq!(schema_dump(&case, &["public"]), before, "{name}");
        let list = "SELECT count(*) FROM pg_class WHERE relname = '__diesel_schema_migrations' AND relnamespace = 'public'::regnamespace";
        let own = if name == "quoted" { "1" } else { "0" };
        assert_eq!(case.ask(list), [own], "{name}");
        if own == "1" {
            assert_eq!(case.ask("SELECT count(*) FROM __diesel_schema_migrations"), ["2"], "{name}");
        }
    }
}

#[test]
fn validation_needs_no_migrations_of_the_plan() {
    let case = case("keys", KEYS);
    case.moved();
    let request = |migrations| ValidationRequest {
        target: case.request().target,
        settings: case.request().settings,
        migrations,
        options: CompareOptions { workers: 2, ..CompareOptions::default() },
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    // None, and those of another plan.
    let others = [row_mover::target::migration::Migration::new("2026-11-01-000001_create_tables")];
    for migrations in [&[][..], &others] {
        let (_, validation) =
            run::validate(&request(migrations), &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert!(validation.is_proven(), "{validation:?}");
    }
    case.execute("DELETE FROM migration.__diesel_schema_migrations WHERE version = '20261101000004'");
    let (_, validation) = run::validate(&request(&[]), &Silent).unwrap();
    let [missing] = validation.missing_migrations.as_slice() else { panic!("{validation:?}") };
    assert_eq!(missing.list_schema, "migration");
    case.execute(match &report::words::remedy::missing_migration(missing) {
        report::words::remedy::Remedy::Sql(sql) => sql,
        other => panic!("{other:?}"),
    });
    assert!(run::validate(&request(&[]), &Silent).unwrap().1.is_proven());
}

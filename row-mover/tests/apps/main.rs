//! Apps that make both their SQLite and their PostgreSQL tables, each with the things that real ones mix: frameworks' lists of migrations,
//! seeds, unusual sequences, triggers, types of PostgreSQL's own.
//!
//! Each is run through as its developer would: a first try; if that is refused, the printed decisions, pasted word for word, at most once;
//! validation by itself; the schema compared as `pg_dump` prints it; and the app's own next statements.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the engine use all of it")]
mod engine;
mod run_through;

use run_through::{App, FirstTry};

/// An app whose two schemas are in the folder of this name.
macro_rules! app {
    ($name:ident, $first_try:expr, $schemas:expr, $next:expr) => {
        #[test]
        fn $name() {
            App {
                sqlite: include_str!(concat!(stringify!($name), "/sqlite.sql")),
                postgres: include_str!(concat!(stringify!($name), "/postgres.sql")),
                schemas: $schemas,
                first_try: $first_try,
                next: $next,
            }
            .run_through();
        }
    };
}

const PUBLIC: &[&str] = &["public"];

// Django: seeds that the migrations insert, numbers by identity columns, UUIDs without hyphens, durations in microseconds.
app!(
    forum,
    FirstTry::Succeeds,
    PUBLIC,
    &[
        (
            "INSERT INTO forum_topic (title, pinned, author_id, created, score, settings) VALUES ('n', false, 1, now(), 1, '{}') RETURNING id",
            "8"
        ),
        ("INSERT INTO django_content_type (app_label, model) VALUES ('x', 'y') RETURNING id", "4"),
        ("SELECT spent, ip FROM forum_post ORDER BY id LIMIT 1", "00:01:30|192.0.2.7"),
        (
            "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'forum_topic_author_fk'",
            "who opened it"
        ),
        ("SELECT count(*), min(applied) > '2026-10-01' FROM django_migrations", "2|t"),
    ]
);
// Rails: a search column that a trigger fills, a counter that another trigger keeps, a materialized view.
app!(
    journal,
    FirstTry::NamesDerived,
    PUBLIC,
    &[
        ("SELECT id FROM posts WHERE tsv @@ to_tsquery('shell')", "1"),
        (
            "INSERT INTO posts (user_id, title, created_at) VALUES (2, 'Shells again', now()) RETURNING id",
            "3"
        ),
        ("SELECT id FROM posts WHERE tsv @@ to_tsquery('shell') ORDER BY id", "1\n3"),
        ("SELECT posts_count FROM users ORDER BY id", "2\n1"),
        ("SELECT user_id, posts FROM posts_by_user", "1|2"),
    ]
);
// Prisma: names in quotes, a lookup table that is an enum, numbers of milliseconds, a join table without a key.
app!(
    shop,
    FirstTry::AsksOnce,
    PUBLIC,
    &[
        (
            "INSERT INTO \"Order\" (\"customerId\", total, lines, \"placedAt\") VALUES ('ckx1', 1, '[]', now()) RETURNING id, status",
            "5|OPEN"
        ),
        ("SELECT \"createdAt\" FROM \"Customer\" WHERE id = 'ckx1'", "2026-01-01 00:00:00.123"),
        ("SELECT migration_name, checksum FROM _prisma_migrations", "20260101_init|def"),
    ]
);
// A server with sequences of its own: by text, through a function, next to tables that count in SQLite.
app!(
    chat,
    FirstTry::AsksOnce,
    PUBLIC,
    &[
        (
            "INSERT INTO events (event_id, room, kind, body, received_ts, outlier) VALUES ('$c', '!r', 'm', '{}', 1, false) RETURNING stream > 11",
            "t"
        ),
        ("INSERT INTO access_tokens (user_id, token) VALUES ('@c', 'tok3') RETURNING id", "9007199254740994"),
        ("SELECT version, upgraded FROM schema_version", "73|t"),
    ]
);
// A Go program: singular and plural, UUIDs of 16 bytes, documents in BLOBs, times as Go prints them, arrays.
app!(
    media,
    FirstTry::Succeeds,
    PUBLIC,
    &[
        (
            "SELECT id, bio ->> 'born', created_at AT TIME ZONE 'UTC' FROM artists ORDER BY id LIMIT 1",
            "00010203-0405-0607-0809-0a0b0c0d0e0f|1815|2026-01-02 03:04:05.678"
        ),
        ("SELECT genres[2], seconds, long FROM tracks WHERE id = 1", "blues|61.5|t"),
        ("INSERT INTO tracks (artist_id, title) SELECT id, 'Three' FROM artists LIMIT 1 RETURNING id", "3"),
    ]
);
// TypeORM: camelCase and snake_case, singular and plural, enums, a sequence that no default names.
app!(
    tracker,
    FirstTry::Succeeds,
    PUBLIC,
    &[
        ("INSERT INTO issues (issue_key, state) VALUES ('A-4', 'open') RETURNING id", "4"),
        (
            "SELECT user_name, is_active, id FROM users ORDER BY user_name LIMIT 1",
            "ada|t|0a1b2c3d-0000-4000-8000-000000000001"
        ),
        ("SELECT count(*) FROM migrations", "2"),
    ]
);
// Laravel: seeds that are equal, seeds of a table without a key that differ.
app!(
    notes,
    FirstTry::AsksOnce,
    PUBLIC,
    &[
        ("INSERT INTO roles (name, guard) VALUES ('guest', 'web') RETURNING id", "6"),
        ("INSERT INTO notes (title, last_activity) VALUES ('n', 1) RETURNING id", "3"),
        (
            "SELECT count(*), string_agg(value, ' ' ORDER BY value) FROM settings WHERE value IN ('dark', 'en')",
            "2|dark en"
        ),
    ]
);
// EF Core: upper-case UUIDs, decimals and times as text, seven digits of a second.
app!(
    ledger,
    FirstTry::AsksOnce,
    PUBLIC,
    &[
        (
            "SELECT \"Balance\", \"Opened\", \"Closed\" FROM \"Accounts\" ORDER BY \"Balance\"",
            "-3.0|2026-01-02|2026-03-01 00:00:00\n12.50|2026-01-01|NULL"
        ),
        (
            "INSERT INTO \"Entries\" (\"AccountId\", \"Amount\", \"IsVoid\", \"At\", \"Rate\") SELECT \"Id\", 1, false, now(), 1 FROM \"Accounts\" LIMIT 1 RETURNING \"Id\"",
            "4"
        ),
        ("SELECT \"Took\" FROM \"Entries\" WHERE \"Id\" = 1", "01:30:00"),
    ]
);
// Several schemas on the database's search path, partitions, a materialized view with a key.
app!(
    metrics,
    FirstTry::NamesDerived,
    &["metrics", "shared", "public"],
    &[
        ("SELECT n, highest FROM metrics.samples_by_host ORDER BY host", "201|50\n200|49.875"),
        ("SELECT count(*) FROM metrics.samples_2027", "36"),
        ("INSERT INTO metrics.alerts (host, raised_at) VALUES (1, now()) RETURNING id > 2", "t"),
        ("SELECT address, mac FROM shared.hosts ORDER BY id LIMIT 1", "192.0.2.1|08:00:2b:01:02:03"),
    ]
);
// Full-text search on both sides, and a column that only a trigger fills.
app!(
    wiki,
    FirstTry::AsksOnce,
    PUBLIC,
    &[
        ("SELECT slug FROM page ORDER BY id", "front-page\nsea-shells"),
        ("SELECT id FROM page WHERE search @@ to_tsquery('shell')", "2"),
        (
            "INSERT INTO page (title, body, edited) VALUES ('New Page', '', now()) RETURNING id, slug",
            "3|new-page"
        ),
    ]
);
// A prefix, a domain, an exclusion constraint, a foreign key NOT VALID, sequences that cache or count down.
app!(
    stock,
    FirstTry::Succeeds,
    PUBLIC,
    &[
        ("INSERT INTO inv_item (sku, name) VALUES ('SKU-3', 'Pin') RETURNING id > 2", "t"),
        ("INSERT INTO inv_ticket DEFAULT VALUES RETURNING id", "-9"),
        ("SELECT convalidated FROM pg_constraint WHERE conname = 'booking_parent'", "f"),
    ]
);
// Types that only PostgreSQL has.
app!(
    calendar,
    FirstTry::AsksOnce,
    PUBLIC,
    &[
        (
            "SELECT attendees[2], reminders, network, fee, lasts, blob, stamp, flags, span, day FROM event ORDER BY id LIMIT 1",
            "bob|{5,10}|192.0.2.0/24|12.50|01:30:00|\\x63616665|2026-01-02 03:04:05|{t,f}|[1,5)|2026-01-02"
        ),
        (
            "SELECT micros AT TIME ZONE 'UTC', owner = 'ada' FROM event ORDER BY id LIMIT 1",
            "2026-01-01 00:00:00.123456|t"
        ),
        (
            "INSERT INTO event (id, title, attendees, owner) VALUES (gen_random_uuid(), 'x', '{}', 'y') RETURNING title",
            "x"
        ),
    ]
);

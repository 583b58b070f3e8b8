//! Ecto, Entity Framework Core, GORM, Laravel and Room.

use super::{
    DOCUMENT, INSTANT, MAYBE_BOOLEAN_NOT_NULL, MAYBE_DOCUMENT, MAYBE_MOMENT, MOMENT, TIME, Typed as _,
    framework,
};
use crate::support::PeerCase;

const MAYBE_MOMENT_NOT_NULL: &str =
    "text NOT NULL|timestamp with time zone NOT NULL|timestamp without time zone NOT NULL";
const MAYBE_MILLISECONDS_NOT_NULL: &str = "bigint NOT NULL|timestamp with time zone NOT NULL";

pub fn cases() -> Vec<PeerCase> {
    vec![ecto(), efcore(), gorm(), laravel(), room()]
}

fn ecto() -> PeerCase {
    framework("ecto")
        .columns("schema_migrations", &[("version", "bigint NOT NULL"), ("inserted_at", MAYBE_MOMENT)])
        .columns(
            "users",
            &[
                ("email", "text NOT NULL"),
                ("active", MAYBE_BOOLEAN_NOT_NULL),
                ("score", "numeric|double precision"),
                ("balance", "numeric"),
                ("settings", MAYBE_DOCUMENT),
                ("tags", "text NOT NULL|jsonb NOT NULL|json NOT NULL"),
                ("born", "text|date"),
                ("wakes", "text|time without time zone"),
                ("confirmed_at", MAYBE_MOMENT),
                ("avatar", "bytea"),
                ("inserted_at", MAYBE_MOMENT_NOT_NULL),
            ],
        )
        .columns("posts", &[("id", "text NOT NULL|uuid NOT NULL"), ("user_id", "bigint NOT NULL")])
        .columns("uploads", &[("id", "bytea NOT NULL|uuid NOT NULL"), ("size", "bigint NOT NULL")])
        .tells("NOCASE")
        .breaks("INSERT INTO users (email, inserted_at, updated_at) VALUES ('BOB@example.org', '2024-05-06', '2024-05-06')", "23505")
        .breaks("INSERT INTO users (email, score, inserted_at, updated_at) VALUES ('x', -1, '2024-05-06', '2024-05-06')", "23514")
        .gives(
            "INSERT INTO users (email, inserted_at, updated_at) VALUES ('new@example.org', '2024-05-06', '2024-05-06') \
             RETURNING active::text IN ('true', '1'), balance = 0, settings::text, tags::text",
            &["t|t|{}|[]"],
        )
        .gives("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indpred IS NOT NULL AND indexprs IS NOT NULL", &["1"])
        .runs("DELETE FROM users WHERE id = 1")
        .gives("SELECT count(*), count(post_id) FROM uploads", &["1|0"])
}

fn efcore() -> PeerCase {
    framework("efcore")
        .columns("__EFMigrationsHistory", &[("MigrationId", "text NOT NULL")])
        .columns(
            "AspNetUsers",
            &[
                ("Id", "text NOT NULL|uuid NOT NULL"),
                ("UserName", "text"),
                ("EmailConfirmed", MAYBE_BOOLEAN_NOT_NULL),
                // PostgreSQL keeps six digits, not seven.
                ("LockoutEnd", "text"),
                ("CreatedAt", "text NOT NULL"),
                ("LastSeen", MAYBE_MOMENT),
            ],
        )
        .columns(
            "Blogs",
            &[
                ("Rating", "double precision NOT NULL"),
                ("Price", "text NOT NULL|numeric NOT NULL"),
                ("IsLive", MAYBE_BOOLEAN_NOT_NULL),
                ("Lasts", "text NOT NULL"),
                ("Logo", "bytea"),
                ("Kind", "bigint NOT NULL"),
            ],
        )
        .tells("NOCASE")
        .breaks("INSERT INTO \"AspNetUsers\" VALUES ('1F8FAD5B-D9CB-469F-A165-70867728950E', 'BOB', '0', NULL, '2024-05-06')", "23505")
        .leaves_or(
            "trigger UpdateBlogVersion",
            &["UPDATE \"Blogs\" SET \"Kind\" = 3 WHERE \"BlogId\" = 1", "SELECT \"RowVersion\" FROM \"Blogs\" WHERE \"BlogId\" = 1"],
            &["1"],
        )
        .gives(
            "INSERT INTO \"Blogs\" (\"Url\", \"Kind\", \"OwnerId\") VALUES ('https://New.org', 1, '7C9E6679-7425-40DE-944B-E07FC1F90AE7') \
             RETURNING \"BlogId\", \"Rating\", \"Price\"::text, \"Lasts\", \"Slug\"",
            &["6|0|0.0|00:00:00|https://new.org"],
        )
        .breaks(
            "INSERT INTO \"Blogs\" (\"Url\", \"Kind\", \"Rating\", \"OwnerId\") VALUES ('x', 1, -1, '7C9E6679-7425-40DE-944B-E07FC1F90AE7')",
            "23514",
        )
        .gives("SELECT count(*) FROM pg_constraint WHERE conname = 'CK_Blogs_Rating'",
            &["1"])
        .runs("DELETE FROM \"AspNetUsers\" WHERE \"UserName\" = 'Ann'")
        .gives("SELECT count(*) FROM \"Blogs\" WHERE \"BlogId\" = 1", &["0"])
}

fn gorm() -> PeerCase {
    framework("gorm")
        .columns(
            "users",
            &[
                ("id", "bigint NOT NULL"),
                ("created_at", INSTANT),
                ("updated_at", INSTANT),
                ("deleted_at", INSTANT),
                ("name", "text NOT NULL"),
                ("age", "bigint"),
                ("active", "boolean|numeric|bigint"),
                ("score", "double precision"),
                ("balance", "numeric|double precision"),
                ("birthday", "text|date|timestamp with time zone"),
                ("token", "uuid"),
                ("settings", DOCUMENT),
                ("photo", "bytea"),
                ("company_id", "bigint"),
            ],
        )
        .columns("user_languages", &[("user_id", "bigint NOT NULL"), ("language_code", "text NOT NULL")])
        .gives("SELECT created_at FROM users WHERE id = 1", &["2024-01-02 01:04:05.678+00"])
        .leaves_or("index idx_name_nocase on users", &["SELECT count(*) FROM pg_class WHERE relname = 'idx_name_nocase'"], &["1"])
        .gives(
            "INSERT INTO users (email) VALUES ('new@example.org') RETURNING id, name, age, active::text IN ('true', '1')",
            &["3|unnamed|18|t"],
        )
        .breaks("INSERT INTO users (age) VALUES (13)", "23514")
        .breaks("INSERT INTO users (email) VALUES ('ann@example.org')", "23505")
        .runs("INSERT INTO users (email, deleted_at) VALUES ('ann@example.org', now()::text::timestamptz)")
        .runs("UPDATE companies SET id = 7 WHERE id = 1")
        .runs("DELETE FROM companies WHERE id = 7")
        .gives("SELECT company_id FROM users WHERE id = 1", &["NULL"])
}

fn laravel() -> PeerCase {
    framework("laravel")
        .columns("migrations", &[("batch", "bigint NOT NULL")])
        .columns("users", &[("email_verified_at", MOMENT), ("created_at", MOMENT)])
        .columns("failed_jobs", &[("uuid", "text NOT NULL|uuid NOT NULL"), ("failed_at", "timestamp with time zone NOT NULL|timestamp without time zone NOT NULL")])
        .columns(
            "products",
            &[
                ("id", "text NOT NULL|uuid NOT NULL"),
                ("state", "text NOT NULL"),
                ("price", "numeric NOT NULL"),
                ("visible", "boolean NOT NULL"),
                ("stock", "bigint NOT NULL"),
                ("options", MAYBE_DOCUMENT),
                ("launched", "date"),
                ("opens", TIME),
                ("seen_at", MOMENT),
                ("score", "double precision"),
                // Bound as text, although its bytes are not valid text.
                ("photo", "bytea"),
                ("vintage", "bigint"),
                ("deleted_at", MOMENT),
            ],
        )
        .gives("SELECT photo FROM products WHERE state = 'live'", &["\\x00ff"])
        .breaks("INSERT INTO products (id, user_id, state) VALUES ('e0112233-4455-6677-8899-aabbccddeeff', 1, 'sold')", "23514")
        .gives(
            "INSERT INTO products (id, user_id, state) VALUES ('e0112233-4455-6677-8899-aabbccddeeff', 2, 'live') \
             RETURNING price = 0, visible::text, stock",
            &["t|true|0"],
        )
        .gives("INSERT INTO users (name, email, password) VALUES ('x', 'y', 'z') RETURNING id", &["3"])
        .gives(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'taggables'::regclass AND contype = 'p'",
            &["PRIMARY KEY (tag_id, taggable_id, taggable_type)"],
        )
        .runs("DELETE FROM users WHERE id = 1")
        .gives("SELECT count(*) FROM products", &["2"])
}

fn room() -> PeerCase {
    let shadows = ["docsize", "segdir", "segments", "stat"];
    let case = framework("room")
        .columns("room_master_table", &[("id", "bigint NOT NULL"), ("identity_hash", "text")])
        .columns(
            "users",
            &[
                ("active", MAYBE_BOOLEAN_NOT_NULL),
                ("created_at", MAYBE_MILLISECONDS_NOT_NULL),
                ("last_seen", "bigint|timestamp with time zone"),
                ("score", "double precision NOT NULL"),
                ("avatar", "bytea"),
            ],
        )
        .columns(
            "notes",
            &[
                ("uid", "text NOT NULL|uuid NOT NULL"),
                ("pinned", MAYBE_BOOLEAN_NOT_NULL),
                ("edited_at", MAYBE_MILLISECONDS_NOT_NULL),
            ],
        )
        .columns("android_metadata", &[("locale", "text")])
        .tells("NOCASE")
        .leaves_or("view pinned_notes", &["SELECT text, name FROM pinned_notes"], &["buy a lamp|Ann"])
        .leaves_or("virtual table notes_fts", &["SELECT 1"], &["1"]);
    let case = shadows.iter().fold(case, |case, part| {
        case.leaves_or(&format!("shadow table notes_fts_{part}"), &["SELECT 1"], &["1"])
    });
    let case = ["AFTER_INSERT", "AFTER_UPDATE", "BEFORE_DELETE", "BEFORE_UPDATE"].iter().fold(
        case,
        |case, event| {
            case.leaves_or(&format!("trigger room_fts_content_sync_notes_fts_{event}"), &["SELECT 1"], &["1"])
        },
    );
    case.runs("DELETE FROM users WHERE id = 1")
        .gives("SELECT count(*) FROM notes", &["1"])
        .gives("SELECT count(*) FROM note_label", &["0"])
}

//! Drizzle, Knex, Prisma, Sequelize and TypeORM.

use super::{
    DOCUMENT, INSTANT, INSTANT_NOT_NULL, MAYBE_BOOLEAN_NOT_NULL, MAYBE_DOCUMENT, MAYBE_MOMENT, MOMENT,
    MOMENT_NOT_NULL, TIME, Typed as _, framework,
};
use crate::support::{Ending, PeerCase};

pub fn cases() -> Vec<PeerCase> {
    vec![drizzle(), knex(), prisma(), sequelize(), typeorm()]
}

fn drizzle() -> PeerCase {
    framework("drizzle")
        // The primary key of its own table is declared SERIAL, which SQLite ignores, so it is NULL in every row.
        .ends(Ending::Partly)
        .breaches("__drizzle_migrations primary key")
        .columns(
            "users",
            &[
                ("id", "bigint NOT NULL"),
                ("active", MAYBE_BOOLEAN_NOT_NULL),
                ("created_at", "timestamp with time zone NOT NULL|bigint NOT NULL"),
                ("updated_at", INSTANT),
                ("seen_at", MAYBE_MOMENT),
                ("settings", MAYBE_DOCUMENT),
                ("role", "text NOT NULL"),
                ("balance", "numeric|double precision"),
                ("score", "double precision"),
                ("avatar", "bytea"),
                ("big", "bytea"),
                ("meta", "bytea|jsonb|json"),
            ],
        )
        .gives(
            "INSERT INTO users (email) VALUES ('New@example.org') RETURNING id, role, score, email_lower, \
             abs(extract(epoch FROM updated_at) - extract(epoch FROM now())) < 60",
            &["3|user|0.5|new@example.org|t"],
        )
        .breaks("INSERT INTO users (email, score) VALUES ('x', -1)", "23514")
        .breaks("INSERT INTO users (email) VALUES ('bob@example.org')", "23505")
        .gives("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indpred IS NOT NULL AND indisunique", &["1"])
        .breaks("INSERT INTO posts (id, user_id, title, parent_id) VALUES ('x', 1, 'y', 'nowhere')", "23503")
}

fn knex() -> PeerCase {
    framework("knex")
        .columns("knex_migrations", &[("migration_time", INSTANT)])
        .columns("knex_migrations_lock", &[("index", "bigint NOT NULL"), ("is_locked", "bigint|boolean")])
        .columns(
            "users",
            &[
                ("active", "boolean NOT NULL"),
                ("seen_at", INSTANT),
                ("joined_at", MOMENT),
                ("born", "date"),
                ("wakes", TIME),
                ("balance", "double precision"),
                ("ratio", "double precision"),
                ("views", "bigint"),
                ("settings", DOCUMENT),
                ("flags", DOCUMENT),
                ("token", "uuid|text"),
                ("avatar", "bytea"),
                ("created_at", MOMENT_NOT_NULL),
            ],
        )
        .columns("posts", &[("id", "uuid NOT NULL|text NOT NULL"), ("rank", "bigint")])
        .gives(
            "INSERT INTO users (email) VALUES ('new@example.org') RETURNING id, active::text, balance, flags::text, role, \
             abs(extract(epoch FROM created_at::text::timestamptz) - extract(epoch FROM now())) < 60",
            &["3|true|0|{}|user|t"],
        )
        .breaks("INSERT INTO users (email, role) VALUES ('x', 'boss')", "23514")
        .runs("DELETE FROM post_tags")
        .runs("DELETE FROM users WHERE id = 1")
        .gives("SELECT count(*) FROM posts", &["0"])
}

fn prisma() -> PeerCase {
    framework("prisma")
        .columns("_prisma_migrations", &[("finished_at", INSTANT), ("started_at", INSTANT_NOT_NULL), ("applied_steps_count", "bigint NOT NULL")])
        .columns(
            "users",
            &[
                ("active", "boolean NOT NULL"),
                ("role", "text NOT NULL"),
                ("balance", "numeric NOT NULL"),
                ("score", "double precision"),
                ("views", "bigint"),
                ("settings", DOCUMENT),
                ("avatar", "bytea"),
                ("seenAt", INSTANT),
                ("createdAt", INSTANT_NOT_NULL),
                ("updatedAt", INSTANT_NOT_NULL),
            ],
        )
        .columns("Post", &[("id", "text NOT NULL"), ("authorId", "bigint NOT NULL")])
        .columns("_PostToTag", &[("A", "text NOT NULL"), ("B", "text NOT NULL|uuid NOT NULL")])
        .gives("SELECT \"createdAt\" FROM users WHERE id = 1", &["2024-01-02 03:04:05.678+00"])
        .gives(
            "INSERT INTO users (email, \"updatedAt\") VALUES ('new@example.org', now()) \
             RETURNING id, active::text, role, balance = 0, abs(extract(epoch FROM \"createdAt\" - now())) < 60",
            &["3|true|USER|t|t"],
        )
        .breaks("INSERT INTO \"_PostToTag\" SELECT * FROM \"_PostToTag\"", "23505")
        .runs("UPDATE users SET id = 9 WHERE id = 1")
        .gives("SELECT \"authorId\" FROM \"Post\" WHERE title = 'Hello'", &["9"])
        .runs("DELETE FROM users WHERE id = 9")
        .gives("SELECT count(*) FROM \"_PostToTag\"", &["0"])
}

fn sequelize() -> PeerCase {
    framework("sequelize")
        .columns(
            "Users",
            &[
                ("email", "text NOT NULL"),
                ("active", "boolean NOT NULL"),
                ("born", "date"),
                ("wakes", TIME),
                ("lastSeen", INSTANT),
                ("balance", "numeric"),
                ("score", "double precision"),
                ("ratio", "double precision"),
                ("views", "bigint"),
                ("settings", DOCUMENT),
                ("avatar", "bytea"),
                ("role", "text"),
                ("token", "uuid"),
                ("nick", "text"),
                ("createdAt", INSTANT_NOT_NULL),
                ("deletedAt", INSTANT),
            ],
        )
        .columns("Posts", &[("id", "uuid NOT NULL")])
        .columns("PostTags", &[("PostId", "uuid NOT NULL"), ("TagId", "bigint NOT NULL")])
        .tells("NOCASE")
        .gives(
            "INSERT INTO \"Users\" (email, \"createdAt\", \"updatedAt\") VALUES ('new@example.org', now(), now()) \
             RETURNING id, active::text, balance = 0, role",
            &["3|true|t|user"],
        )
        .runs("DELETE FROM \"Users\" WHERE id = 1")
        .gives("SELECT count(*) FROM \"PostTags\"", &["0"])
}

fn typeorm() -> PeerCase {
    framework("typeorm")
        .columns("migrations", &[("timestamp", "bigint NOT NULL"), ("name", "text NOT NULL")])
        .columns(
            "user",
            &[
                ("active", "boolean NOT NULL"),
                ("role", "text NOT NULL"),
                ("settings", MAYBE_DOCUMENT),
                ("tags", "text"),
                ("balance", "numeric NOT NULL"),
                ("score", "double precision"),
                ("born", "date"),
                ("wakes", TIME),
                ("seenAt", MOMENT),
                ("big", "bigint"),
                ("avatar", "bytea"),
                ("createdAt", MOMENT_NOT_NULL),
                ("deletedAt", MOMENT),
                ("version", "bigint NOT NULL"),
            ],
        )
        .columns("post", &[("id", "text NOT NULL|uuid NOT NULL")])
        .gives(
            "INSERT INTO \"user\" (email, version) VALUES ('new@example.org', 1) RETURNING id, active::text, role, balance = 0, \
             abs(extract(epoch FROM \"createdAt\"::text::timestamptz) - extract(epoch FROM now())) < 60",
            &["3|true|user|t|t"],
        )
        .breaks("INSERT INTO \"user\" (email, version, role) VALUES ('x', 1, 'boss')", "23514")
        .breaks("INSERT INTO \"user\" (email, version, score) VALUES ('x', 1, -1)", "23514")
        .gives("SELECT count(*) FROM pg_index WHERE indrelid = '\"user\"'::regclass AND indpred IS NOT NULL", &["1"])
        .runs("DELETE FROM \"user\" WHERE id = 1")
        .gives("SELECT count(*) FROM post_tags_tag", &["0"])
}

//! Django, SQLAlchemy, peewee and ActiveRecord.

use super::{
    DOCUMENT, MAYBE_BOOLEAN_NOT_NULL, MAYBE_DOCUMENT, MOMENT, MOMENT_NOT_NULL, TIME, Typed as _, framework,
};
use crate::support::PeerCase;

pub fn cases() -> Vec<PeerCase> {
    vec![django(), sqlalchemy(), peewee(), rails()]
}

fn django() -> PeerCase {
    framework("django")
        .columns("django_migrations", &[("id", "bigint NOT NULL"), ("name", "text NOT NULL"), ("applied", MOMENT_NOT_NULL)])
        .columns(
            "auth_user",
            &[
                ("password", "text NOT NULL"),
                ("last_login", MOMENT),
                ("is_superuser", "boolean NOT NULL"),
                ("date_joined", MOMENT_NOT_NULL),
            ],
        )
        .columns(
            "shop_product",
            &[
                ("id", "uuid NOT NULL|text NOT NULL"),
                ("price", "numeric NOT NULL"),
                ("stock", "bigint NOT NULL"),
                ("rating", "double precision"),
                ("attributes", MAYBE_DOCUMENT),
                ("active", "boolean NOT NULL"),
                ("launched", "date"),
                ("opens", TIME),
                ("warranty", "bigint"),
                ("photo", "bytea"),
                ("created_at", MOMENT_NOT_NULL),
            ],
        )
        .columns("shop_order", &[("ip", "text"), ("placed_at", MOMENT_NOT_NULL), ("customer_id", "bigint NOT NULL")])
        .leaves_or(
            "generated column shop_product.price_with_tax",
            &["SELECT count(*) FROM shop_product WHERE price_with_tax IS NOT NULL"],
            &["3"],
        )
        .tells("NOCASE")
        .breaks("INSERT INTO shop_tag (name) VALUES ('NEW')", "23505")
        .gives(
            "SELECT bool_and(condeferrable AND condeferred) FROM pg_constraint WHERE contype = 'f' \
             AND connamespace = 'public'::regnamespace",
            &["t"],
        )
        .gives(
            "INSERT INTO auth_user (password, is_superuser, username, last_name, email, is_staff, is_active, date_joined, first_name) \
             VALUES ('', '0', 'new', '', '', '0', '1', '2024-05-06', '') RETURNING id",
            &["4"],
        )
        .breaks(
            "INSERT INTO shop_line (count, order_id, product_id) VALUES (-1, 2, '00112233445566778899aabbccddeeff')",
            "23514",
        )
        .breaks(
            "INSERT INTO shop_product (id, name, slug, price, stock, options, active, deleted) \
             VALUES ('d0112233445566778899aabbccddeeff', 'x', 'lamp', 1, 1, '{}', '1', '0')",
            "23505",
        )
        .breaks(
            "INSERT INTO shop_product (id, name, slug, price, stock, options, active, deleted) \
             VALUES ('d0112233445566778899aabbccddeeff', 'x', 'new', -1, 1, '{}', '1', '0')",
            "23514",
        )
        .breaks(
            "INSERT INTO shop_product (id, name, slug, price, stock, options, active, deleted) \
             VALUES ('d0112233445566778899aabbccddeeff', 'x', 'new', 1, 1, '{bad', '1', '0')",
            "23514|22P02",
        )
        .gives(
            "INSERT INTO shop_product (id, name, slug, price, stock, options, active, deleted, launched) \
             VALUES ('d0112233445566778899aabbccddeeff', 'LAMP', 'lamp', 1, 1, '{}', '1', '1', '2025-01-01') \
             RETURNING abs(extract(epoch FROM created_at::text::timestamptz) - extract(epoch FROM now())) < 60",
            &["t"],
        )
        .breaks(
            "INSERT INTO shop_product (id, name, slug, price, stock, options, active, deleted, launched) \
             VALUES ('c0112233445566778899aabbccddeeff', 'lamp', 'other', 1, 1, '{}', '1', '1', '2025-01-01')",
            "23505",
        )
}

fn sqlalchemy() -> PeerCase {
    framework("sqlalchemy")
        .columns(
            "user",
            &[
                ("id", "bigint NOT NULL"),
                ("email", "text NOT NULL"),
                ("active", "boolean NOT NULL"),
                ("created_at", MOMENT_NOT_NULL),
                ("updated_at", MOMENT),
                ("born", "date"),
                ("wakes", TIME),
                ("manager_id", "bigint"),
            ],
        )
        .columns(
            "item",
            &[
                ("id", "uuid NOT NULL|text NOT NULL"),
                // It is part of a UNIQUE key.
                ("price", "numeric|double precision"),
                ("weight", "double precision"),
                ("views", "bigint NOT NULL"),
                ("data", DOCUMENT),
                ("blob", "bytea"),
                ("lasts", MOMENT),
                ("bio", "text"),
            ],
        )
        .columns("audit", &[("at", MOMENT)])
        .tells("NOCASE")
        .leaves_or("generated column item.tax", &["SELECT count(tax) FROM item"], &["2"])
        .breaks("INSERT INTO \"user\" (email) VALUES ('ANN@EXAMPLE.ORG')", "23505")
        .gives(
            "INSERT INTO \"user\" (email) VALUES ('new@example.org') \
             RETURNING active::text, abs(extract(epoch FROM created_at::text::timestamptz) - extract(epoch FROM now())) < 60",
            &["true|t"],
        )
        .breaks("INSERT INTO \"user\" (email, active) VALUES ('other@example.org', '2')", "23514|22P02")
        .breaks("INSERT INTO item (id, owner_id, kind) VALUES ('e0112233445566778899aabbccddeeff', 1, 'huge')", "23514")
        .breaks("INSERT INTO item (id, owner_id, kind, price) VALUES ('e0112233445566778899aabbccddeeff', 1, 'large', -1)", "23514")
        .runs("DELETE FROM item_tag")
        .runs("DELETE FROM \"user\" WHERE id = 1")
        .gives("SELECT count(*) FROM item", &["1"])
        .gives("SELECT manager_id FROM \"user\" WHERE id = 2", &["NULL"])
        .gives("INSERT INTO audit (what) VALUES ('more') RETURNING id", &["2"])
        .gives(
            "SELECT count(*) FROM pg_constraint WHERE conname IN ('ck_item_price', 'ck_item_kind')",
            &["2"],
        )
}

fn peewee() -> PeerCase {
    framework("peewee")
        .columns(
            "user",
            &[
                ("id", "bigint NOT NULL"),
                ("active", MAYBE_BOOLEAN_NOT_NULL),
                ("joined", MOMENT_NOT_NULL),
                ("born", "date"),
                ("balance", "numeric NOT NULL"),
                ("stamp", "bigint"),
            ],
        )
        .columns(
            "tweet",
            &[
                ("id", "uuid NOT NULL|text NOT NULL"),
                ("raw", "bytea"),
                ("score", "double precision NOT NULL"),
                ("big", "bigint"),
                ("at", TIME),
            ],
        )
        .breaks(
            "INSERT INTO tweet (id, user_id, body, score) VALUES ('f0112233445566778899aabbccddeeff', 1, repeat('x', 281), 0)",
            "23514",
        )
        .breaks(
            "INSERT INTO tweet (id, user_id, body, score) VALUES ('f0112233445566778899aabbccddeeff', 1, 'hello', 0)",
            "23505",
        )
        .runs("DELETE FROM \"user\" WHERE id = 1")
        .gives("SELECT count(*) FROM tweet", &["0"])
}

fn rails() -> PeerCase {
    framework("rails")
        .columns("schema_migrations", &[("version", "text NOT NULL")])
        .columns("ar_internal_metadata", &[("created_at", MOMENT_NOT_NULL)])
        .columns(
            "users",
            &[
                ("id", "bigint NOT NULL"),
                ("email", "text NOT NULL"),
                ("admin", "boolean NOT NULL"),
                ("sign_in_count", "bigint NOT NULL"),
                ("last_sign_in_at", MOMENT),
                ("born", "date"),
                // ActiveRecord stores a full timestamp of the year 2000 in it.
                ("wakes", "text|timestamp without time zone|timestamp with time zone"),
                ("balance", "numeric"),
                ("score", "double precision"),
                ("views", "bigint"),
                ("avatar", "bytea"),
                ("bio", "text"),
                ("settings", DOCUMENT),
                ("created_at", MOMENT_NOT_NULL),
            ],
        )
        .columns("posts", &[("id", "text NOT NULL|uuid NOT NULL"), ("user_id", "bigint NOT NULL"), ("published_at", MOMENT)])
        // Declared integer, but all values are text.
        .columns("posts_users", &[("post_id", "text NOT NULL|uuid NOT NULL")])
        .gives(
            "INSERT INTO users (created_at, updated_at) VALUES ('2024-05-06', '2024-05-06') \
             RETURNING id, email, admin::text, sign_in_count, balance = 0, settings::text",
            &["4||false|0|t|{}"],
        )
        .breaks("INSERT INTO users (email, created_at, updated_at, sign_in_count) VALUES ('x', '2024-05-06', '2024-05-06', -1)", "23514")
        .breaks("INSERT INTO users (email, created_at, updated_at) VALUES ('ann@example.org', '2024-05-06', '2024-05-06')", "23505")
        .gives("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indpred IS NOT NULL", &["1"])
        .gives("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indexprs IS NOT NULL", &["1"])
        .runs("DELETE FROM users WHERE id = 1")
        .gives("SELECT count(*) FROM posts", &["0"])
}

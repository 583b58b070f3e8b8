//! What frameworks declare and store, and the inferred conversions.

use super::case::{Case, case};

const UUID: &str = "'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'";
const UUID_UPPER: &str = "'0B5C0E6E-4B1A-4C52-8A7F-0D6A4F3F9A11'";
const HEX: &str = "'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11'";

/// Frameworks and cases of their columns.
pub(super) static FRAMEWORKS: [(&str, &[Case]); 13] = [
    (
        "Django",
        &[
            case("bool", "is_staff", &["0", "1"], "boolean"),
            case("datetime", "date_joined", &["'2024-05-06 07:08:09.123456'"], "timestamp_from_iso8601"),
            case("date", "born", &["'1970-02-28'"], "date"),
            case("time", "opens", &["'07:08:09'"], "time"),
            case("decimal", "price", &["12", "19.99"], "numeric"),
            case("varchar(150)", "username", &["'ann'"], "text"),
            case("char(32)", "token", &[HEX], "text"),
            case("integer unsigned", "count", &["1", "2"], "bigint"),
            case("smallint unsigned", "count", &["1", "2"], "bigint"),
            case("bigint", "duration", &["1500000"], "bigint"),
            case("real", "score", &["0.5"], "double_precision"),
            case("text", "data", &["'{\"a\": 1}'"], "jsonb"),
            case("BLOB", "raw", &["x'00'"], "bytea"),
            case("char(39)", "address", &["'::1'"], "text"),
        ],
    ),
    (
        "Rails",
        &[
            case("boolean", "admin", &["0", "1"], "boolean").default("0"),
            case("boolean", "admin", &["'t'", "'f'"], "boolean_from_words").default("'f'"),
            case("datetime(6)", "created_at", &["'2024-05-06 07:08:09.123456'"], "timestamp_from_iso8601"),
            case("datetime", "created_at", &["'2024-05-06 07:08:09.123456'"], "timestamp_from_iso8601"),
            case("time", "opens", &["'2000-01-01 12:34:00'"], "timestamp_from_iso8601"),
            case("date", "day", &["'2024-05-06'"], "date"),
            case("decimal(10,2)", "price", &["12", "19.99"], "numeric"),
            case("varchar", "name", &["'a'"], "text"),
            case("json", "settings", &["'{}'"], "jsonb"),
            case("float", "ratio", &["0.5"], "double_precision"),
            case("integer(4)", "position", &["1", "2"], "bigint"),
        ],
    ),
    (
        "Laravel",
        &[
            case("tinyint(1)", "active", &["0", "1"], "boolean").default("'1'"),
            case("datetime", "created_at", &["'2024-05-06 07:08:09'", "NULL"], "timestamp_from_iso8601"),
            case("integer", "available_at", &["1700000000"], "timestamptz_from_epoch_s"),
            case("varchar", "uuid", &[UUID], "uuid").in_key(),
            case("numeric", "price", &["12", "19.99"], "numeric"),
            case("text", "payload", &["'{\"job\": \"x\"}'"], "jsonb"),
            case("varchar", "remember_token", &["'abc'"], "text"),
            case("double", "ratio", &["0.5"], "double_precision"),
        ],
    ),
    (
        "Prisma",
        &[
            case("DATETIME", "createdAt", &["1700000000123"], "timestamptz_from_epoch_ms")
                .default("CURRENT_TIMESTAMP"),
            case("DATETIME", "updatedAt", &["'2024-05-06T07:08:09.123+00:00'"], "timestamptz_from_iso8601"),
            case(
                "DATETIME",
                "createdAt",
                &["'2024-05-06 07:08:09'", "'2024-05-06T07:08:09.123+00:00'"],
                "timestamptz_from_iso8601",
            )
            .default("CURRENT_TIMESTAMP"),
            case("BOOLEAN", "published", &["0", "1"], "boolean").default("false"),
            case("DECIMAL", "price", &["19.99"], "numeric"),
            case("BIGINT", "views", &["9007199254740993"], "bigint"),
            case("JSONB", "meta", &["'{\"a\":1}'"], "jsonb"),
            case("TEXT", "id", &[UUID], "uuid").in_key(),
            case("TEXT", "id", &["'clh1'"], "text").in_key(),
            case("BLOB", "bytes", &["x'00'"], "bytea"),
        ],
    ),
    (
        "Drizzle",
        &[
            case("integer", "created_at", &["1700000000"], "timestamptz_from_epoch_s").default("unixepoch()"),
            case("integer", "createdAt", &["1700000000123"], "timestamptz_from_epoch_ms"),
            case("integer", "done", &["0", "1"], "boolean").default("false"),
            case("text", "meta", &["'{\"a\": 1}'"], "jsonb"),
            case("text", "created_at", &["'2024-05-06 07:08:09'"], "timestamptz_from_iso8601")
                .default("CURRENT_TIMESTAMP"),
            case("numeric", "amount", &["1.5"], "numeric"),
            case("blob", "big", &["x'313233'"], "bytea"),
        ],
    ),
    (
        "Sequelize",
        &[
            case("DATETIME", "createdAt", &["'2024-05-06 07:08:09.123 +00:00'"], "timestamptz_from_iso8601"),
            case("TINYINT(1)", "active", &["0", "1"], "boolean"),
            case("UUID", "id", &[UUID], "uuid").in_key(),
            case("JSON", "options", &["'{\"a\":1}'"], "jsonb"),
            case("DECIMAL(10,2)", "price", &["12.5"], "numeric"),
            case("VARCHAR(255)", "name", &["'a'"], "text"),
            case("DOUBLE PRECISION", "x", &["0.5"], "double_precision"),
            case("CHAR(36) BINARY", "ref_id", &[UUID], "uuid"),
        ],
    ),
    (
        "Knex",
        &[
            case("datetime", "created_at", &["1700000000123"], "timestamptz_from_epoch_ms"),
            case("datetime", "created_at", &["'2024-05-06 07:08:09'"], "timestamptz_from_iso8601")
                .default("CURRENT_TIMESTAMP"),
            case("char(36)", "code", &[UUID], "uuid"),
            case("boolean", "ok", &["0", "1"], "boolean"),
            case("float", "x", &["0.5"], "double_precision"),
            case("json", "doc", &["'[1]'"], "jsonb"),
        ],
    ),
    (
        "EF Core",
        &[
            case("TEXT", "Id", &[UUID_UPPER], "uuid_from_uppercase").in_key(),
            case("TEXT", "CreatedAt", &["'2024-05-06 07:08:09.123'"], "timestamp_from_iso8601"),
            case("TEXT", "LastSeen", &["'2024-05-06 07:08:09.123+00:00'"], "timestamptz_from_iso8601"),
            case("INTEGER", "IsDeleted", &["0", "1"], "boolean"),
            case("TEXT", "Price", &["'10.0'", "'12.55'"], "text"),
            case("BLOB", "RowVersion", &["x'00'"], "bytea"),
            case("INTEGER", "Kind", &["0", "1", "2"], "bigint"),
        ],
    ),
    (
        "GORM",
        &[
            case(
                "datetime",
                "deleted_at",
                &["'2024-05-06 07:08:09.123456+02:00'", "NULL"],
                "timestamptz_from_iso8601",
            ),
            case("datetime", "deleted_at", &["'2024-05-06 07:08:09.123456789+02:00'"], "text"),
            case("numeric", "is_active", &["0", "1"], "boolean").default("false"),
            case("JSON", "attributes", &["'{}'"], "jsonb"),
            case("integer", "created_at", &["1700000000"], "timestamptz_from_epoch_s"),
            case("integer", "created_at", &["1700000000123456789"], "bigint"),
        ],
    ),
    (
        "Ecto",
        &[
            case("TEXT", "inserted_at", &["'2024-05-06T07:08:09'"], "timestamp_from_iso8601"),
            case("TEXT", "id", &[UUID], "uuid").in_key(),
            case("TEXT_DATETIME", "updated_at", &["'2024-05-06T07:08:09'"], "timestamp_from_iso8601"),
            case("DECIMAL", "price", &["12.5"], "numeric"),
            case("TEXT", "tags", &["'[\"a\"]'"], "jsonb"),
            case("NUMERIC", "ratio", &["12.5"], "numeric"),
        ],
    ),
    (
        "Room",
        &[
            case("INTEGER", "createdAt", &["1700000000123"], "timestamptz_from_epoch_ms"),
            case("INTEGER", "isFavorite", &["0", "1"], "boolean"),
            case("TEXT", "name", &["'a'"], "text"),
            case("REAL", "latitude", &["52.5"], "double_precision"),
        ],
    ),
    (
        "SQLAlchemy",
        &[
            case("DATETIME", "created", &["'2024-05-06 07:08:09.123456'"], "timestamp_from_iso8601"),
            case("DATETIME", "created", &["'2024-05-06 07:08:09'"], "timestamptz_from_iso8601")
                .default("CURRENT_TIMESTAMP"),
            case("BOOLEAN", "active", &["0", "1"], "boolean"),
            case("NUMERIC(10, 2)", "price", &["12", "19.99"], "numeric"),
            case("FLOAT", "x", &["0.5"], "double_precision"),
            case("CHAR(32)", "id", &[HEX], "text").in_key(),
            case("VARCHAR", "name", &["'a'"], "text"),
            case("JSON", "doc", &["'null'", "'{}'"], "jsonb"),
            case("INTERVAL", "length", &["'1970-01-01 00:01:00.000000'"], "text"),
        ],
    ),
    (
        "Peewee",
        &[
            case("SMALLINT", "is_done", &["0", "1"], "boolean"),
            case("DATETIME", "created_date", &["'2024-05-06 07:08:09.123456'"], "timestamp_from_iso8601"),
            case("DECIMAL(10, 5)", "price", &["12", "0.5"], "numeric"),
        ],
    ),
];

//! Section D, first half: names. Each is kept exactly, on tables, columns, keys, indexes and sequences.

use crate::support::{PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    let tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
                  AND relname <> '__diesel_schema_migrations' ORDER BY relname COLLATE \"C\"";
    let long = "a".repeat(63);
    vec![
        case(
            "D1",
            "CREATE TABLE Users (Id INTEGER PRIMARY KEY, Name TEXT UNIQUE);
             CREATE TABLE Pages (id INTEGER PRIMARY KEY, authorId INTEGER REFERENCES users(ID) ON DELETE CASCADE);
             CREATE INDEX IX_a ON Pages (AuthorID); INSERT INTO Users VALUES (1, 'Ann'); INSERT INTO Pages VALUES (1, 1);",
        )
        .gives(tables, &["Pages", "Users"])
        .has("Pages.authorId", "bigint")
        .gives("SELECT count(*) FROM pg_class WHERE relname = 'IX_a'", &["1"])
        .gives("INSERT INTO \"Users\" (\"Name\") VALUES ('Bob') RETURNING \"Id\"", &["2"])
        .runs("DELETE FROM \"Users\" WHERE \"Id\" = 1")
        .gives("SELECT count(*) FROM \"Pages\"", &["0"]),
        case(
            "D1 renamed",
            "CREATE TABLE Users (Id INTEGER PRIMARY KEY, FullName TEXT NOT NULL CHECK (FullName <> ''));
             CREATE TABLE Pages (id INTEGER PRIMARY KEY, authorId INTEGER REFERENCES Users(Id)); CREATE INDEX IX_a ON Pages (authorId);
             INSERT INTO Users VALUES (1, 'Ann'); INSERT INTO Pages VALUES (1, 1);",
        )
        .mapping(
            "[tables.Users]\nrename = \"users\"\n[tables.Users.columns]\nFullName = { rename = \"full_name\" }\nId = { rename = \"id\" }\n\
             [tables.Pages]\nrename = \"pages\"\n[tables.Pages.columns]\nauthorId = { rename = \"author_id\" }",
        )
        .gives(tables, &["pages", "users"])
        .gives("SELECT id, full_name FROM users", &["1|Ann"])
        // A refused row consumes a number of the sequence, too, so it comes last.
        .gives("INSERT INTO users (full_name) VALUES ('Bob') RETURNING id", &["2"])
        .breaks("INSERT INTO users (full_name) VALUES ('')", "23514")
        .breaks("INSERT INTO pages (author_id) VALUES (9)", "23503"),
        case(
            "D1 snake",
            "CREATE TABLE Users (Id INTEGER PRIMARY KEY, FullName TEXT NOT NULL UNIQUE, CONSTRAINT NameIsThere CHECK (FullName <> ''));
             CREATE TABLE \"Page Views\" (id INTEGER PRIMARY KEY AUTOINCREMENT, authorId INTEGER REFERENCES users(ID));
             CREATE INDEX IX_AuthorId ON \"Page Views\" (authorID); CREATE UNIQUE INDEX IxPart ON Users (FullName) WHERE Id > 5;
             INSERT INTO Users VALUES (1, 'Ann'); INSERT INTO \"Page Views\" VALUES (1, 1);",
        )
        .mapping("names = \"snake\"\n[tables.\"Page Views\".rename_indexes]\nIX_AuthorId = \"by_author\"")
        .gives(tables, &["page_views", "users"])
        .gives(
            "SELECT relname FROM pg_class WHERE relkind IN ('i', 'S') AND relnamespace = 'public'::regnamespace \
             AND relname !~ '^__' ORDER BY relname COLLATE \"C\"",
            &[
                "by_author",
                "ix_part",
                "page_views_id_seq",
                "page_views_pkey",
                "users_full_name_key",
                "users_id_seq",
                "users_pkey",
            ],
        )
        .gives("SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace", &["name_is_there"])
        .gives("INSERT INTO users (full_name) VALUES ('Bob') RETURNING id", &["2"])
        .breaks("INSERT INTO page_views (author_id) VALUES (9)", "23503")
        .tells("mapping.toml says names = \"snake\""),
        case(
            "D1 snake clash",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, authorId INTEGER, author_id INTEGER); INSERT INTO t VALUES (1, 2, 3);",
        )
        .mapping("names = \"snake\"")
        .ends(crate::support::Ending::Refused)
        .tells("column t.authorId and column t.author_id would both be named author_id in PostgreSQL"),
        case(
            "D2",
            format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, {long}1 TEXT, {long}2 INTEGER); INSERT INTO t VALUES (1, 'x', 5);
                 CREATE TABLE {long}3 (v TEXT); CREATE TABLE {long}4 (v TEXT); INSERT INTO {long}3 VALUES ('a');
                 CREATE INDEX {long}5 ON t ({long}1); CREATE INDEX {long}6 ON t ({long}2);"
            ),
        )
        .gives("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0", &["3"])
        .gives("SELECT count(*) FROM pg_class WHERE relname LIKE 'aaaa%' AND relkind IN ('r', 'i')", &["4"]),
        case(
            "D3",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, \"q\"\"q\" TEXT UNIQUE, [b c] TEXT, `d\\e` TEXT, \"f'g\" TEXT DEFAULT 'h');
             INSERT INTO t VALUES (1, 'x', 'y', 'z', 'w'); CREATE INDEX \"i\"\"j\" ON t (\"q\"\"q\", [b c]);",
        )
        .gives("SELECT \"q\"\"q\", \"b c\", \"d\\e\", \"f'g\" FROM t", &["x|y|z|w"])
        .breaks("INSERT INTO t VALUES (2, 'x')", "23505"),
        case(
            "D4",
            "CREATE TABLE таблица (id INTEGER PRIMARY KEY, имя TEXT); INSERT INTO таблица VALUES (1, 'ж');
             CREATE TABLE \"my table\" (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO \"my table\" VALUES (1, 'x');
             CREATE TABLE my_table (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO my_table VALUES (2, 'y');
             CREATE TABLE \"select\" (\"from\" INTEGER PRIMARY KEY, \"user\" TEXT); INSERT INTO \"select\" VALUES (3, 'z');
             CREATE TABLE \"1st\" (\"2nd\" TEXT); CREATE TABLE \"a\"\"b\" (v TEXT); CREATE TABLE täble (ü TEXT); CREATE TABLE \"a.b\" (\"c.d\" TEXT);
             CREATE TABLE \"Ä\" (v TEXT); CREATE TABLE \"ä\" (v TEXT); CREATE TABLE \"😀\" (\"😀\" TEXT DEFAULT '😀');",
        )
        .gives(tables, &["1st", "a\"b", "a.b", "my table", "my_table", "select", "täble", "Ä", "ä", "таблица", "😀"])
        .gives("SELECT v FROM \"my table\"", &["x"])
        .gives("INSERT INTO \"select\" (\"user\") VALUES ('new') RETURNING \"from\"", &["4"])
        .gives("INSERT INTO \"😀\" DEFAULT VALUES RETURNING *", &["😀"]),
        case(
            "D4 one rule for two cases",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, \"Name\" TEXT); CREATE VIEW V AS SELECT NAME, ID FROM T; CREATE INDEX I ON T (NAME);
             INSERT INTO t VALUES (1, 'x'); CREATE TRIGGER tr AFTER INSERT ON T BEGIN UPDATE T SET NAME = NEW.name WHERE Id = new.ID; END;",
        )
        .leaves_or("trigger tr", &["INSERT INTO t (\"Name\") VALUES ('y')", "SELECT count(*) FROM t"], &["2"])
        .gives("SELECT count(*) FROM pg_class WHERE relname IN ('V', 'I')", &["2"]),
    ]
}

#[test]
fn section_d_names() {
    check(&cases());
}

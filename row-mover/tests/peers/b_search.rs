//! Section B, continued: virtual tables and their search.

use crate::support::migrate::migrate_any;
use crate::support::{Ending, PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    [external_content(), own_content(), without_search(), rtrees(), unreadable()].concat()
}

/// Counts the storage tables of virtual tables in the target, which must be none.
const SHADOWS: &str = "SELECT count(*) FROM pg_class WHERE relname ~ '^(ft|notes|pages|old|rt)_(data|idx|docsize|config|content|segments|segdir|stat|node|parent|rowid)$' \
                       AND relkind = 'r' AND relnamespace = 'public'::regnamespace";

/// A case in which these storage tables of a virtual table are not migrated.
fn leaves_storage(case: PeerCase, table: &str, parts: &[&str]) -> PeerCase {
    let name = |part| format!("shadow table {table}_{part}");
    parts.iter().fold(case, |case, part| case.leaves(&name(part))).gives(SHADOWS, &["0"])
}

const FTS5: [&str; 4] = ["config", "data", "docsize", "idx"];
const FTS5_OWN: [&str; 5] = ["config", "content", "data", "docsize", "idx"];
const FTS4: [&str; 4] = ["docsize", "segdir", "segments", "stat"];
const FTS4_OWN: [&str; 5] = ["content", "docsize", "segdir", "segments", "stat"];

fn external_content() -> Vec<PeerCase> {
    let fts5 = case(
        "B21 fts5",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO t VALUES (1, 'the quick fox'), (2, 'a lazy dog');
         CREATE VIRTUAL TABLE ft USING fts5(body, content='t', content_rowid='id'); INSERT INTO ft(ft) VALUES ('rebuild');
         CREATE TRIGGER t_ai AFTER INSERT ON t BEGIN INSERT INTO ft(rowid, body) VALUES (new.id, new.body); END;
         CREATE TRIGGER t_ad AFTER DELETE ON t BEGIN INSERT INTO ft(ft, rowid, body) VALUES ('delete', old.id, old.body); END;
         CREATE TRIGGER t_au AFTER UPDATE ON t BEGIN
           INSERT INTO ft(ft, rowid, body) VALUES ('delete', old.id, old.body);
           INSERT INTO \"ft\"(rowid, body) VALUES (new.id, new.body);
         END;",
    )
    .leaves("virtual table ft")
    .leaves("trigger t_ai")
    .leaves("trigger t_ad")
    .leaves("trigger t_au")
    .tells("say ft_tsvector @@ websearch_to_tsquery('simple', $1) in place of ft MATCH ?")
    .tells("it only updates the full-text index ft, and t.ft_tsvector updates itself")
    .tells("it is the storage of the full-text index ft, which t.ft_tsvector replaces")
    .gives("SELECT id, body FROM t ORDER BY id", &["1|the quick fox", "2|a lazy dog"])
    .gives("SELECT id FROM t WHERE ft_tsvector @@ websearch_to_tsquery('simple', 'FOX quick')", &["1"])
    .gives("SELECT id FROM t WHERE ft_tsvector @@ websearch_to_tsquery('simple', 'the')", &["1"])
    .runs("INSERT INTO t VALUES (3, 'a new fox')")
    .runs("UPDATE t SET body = 'a cat' WHERE id = 1")
    .gives("SELECT id FROM t WHERE ft_tsvector @@ websearch_to_tsquery('simple', 'fox')", &["3"])
    .gives(
        "SELECT amname FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam \
         WHERE indrelid = 't'::regclass AND amname <> 'btree'",
        &["gin"],
    );
    let clash = case(
        "B21 names that are taken",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, ft_tsvector TEXT, n INTEGER, at DATETIME, g TEXT AS (upper(ft_tsvector)), raw BLOB);
         INSERT INTO t (id, ft_tsvector, n, at, raw) VALUES (1, 'one', 17, '2024-05-06 07:08:09', x'ff00');
         CREATE TABLE t_again_tsvector_idx (id INTEGER PRIMARY KEY);
         CREATE VIRTUAL TABLE ft USING fts5(ft_tsvector, n, g, raw, content=t, content_rowid=id);
         CREATE VIRTUAL TABLE again USING fts5(G, content='T', content_rowid='id', tokenize='porter ascii');",
    )
    .leaves("virtual table ft")
    .leaves("virtual table again")
    .tells("its column raw is not searched")
    .gives(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND atttypid = 'tsvector'::regtype AND attgenerated = 's'",
        &["2"],
    )
    .gives("SELECT id FROM t WHERE again_tsvector @@ websearch_to_tsquery('english', 'ones')", &["1"]);
    let fts4 = case(
        "B21 fts4 with content elsewhere",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'one', 'two'), (2, NULL, 'one');
         CREATE VIRTUAL TABLE ft USING fts4(content=\"t\", a, b, notindexed=b, tokenize=porter); INSERT INTO ft(ft) VALUES ('rebuild');
         CREATE TRIGGER t_bd BEFORE DELETE ON t BEGIN DELETE FROM ft WHERE docid = old.rowid; END;
         CREATE TRIGGER t_bu BEFORE UPDATE ON t BEGIN DELETE FROM ft WHERE docid = old.rowid; UPDATE t SET b = b; END;",
    )
    .leaves("virtual table ft")
    .leaves("trigger t_bd")
    .leaves_or("trigger t_bu", &["SELECT 1"], &["1"])
    .tells("b is not searched, as in SQLite")
    .gives("SELECT id FROM t WHERE ft_tsvector @@ websearch_to_tsquery('english', 'one')", &["1"]);
    let clash = leaves_storage(leaves_storage(clash, "again", &FTS5), "ft", &FTS5);
    vec![leaves_storage(fts5, "ft", &FTS5), clash, leaves_storage(fts4, "ft", &FTS4)]
}

fn own_content() -> Vec<PeerCase> {
    let fts5 = case(
        "B21 fts5 with content of its own",
        "CREATE VIRTUAL TABLE notes USING fts5(title, body); INSERT INTO notes (rowid, title, body) VALUES (3, 'a', 'the quick fox'),
         (7, 'b', 'a lazy dog'), (9, NULL, 5), (10, 'x', '2024-05-06'); DELETE FROM notes WHERE rowid = 3;
         CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);",
    )
    .has("notes.rowid", "bigint NOT NULL")
    .has("notes.title", "text")
    .has("notes.body", "text")
    .tells("say notes_tsvector @@ websearch_to_tsquery('simple', $1) in place of notes MATCH ?")
    .gives("SELECT rowid, title, body FROM notes ORDER BY rowid", &["7|b|a lazy dog", "9|NULL|5", "10|x|2024-05-06"])
    .gives("SELECT rowid FROM notes WHERE notes_tsvector @@ websearch_to_tsquery('simple', 'dog')", &["7"])
    .gives("SELECT rowid FROM notes WHERE notes_tsvector @@ websearch_to_tsquery('simple', '\"2024 05\"')", &["10"])
    .gives("INSERT INTO notes (title, body) VALUES ('new', 'dog') RETURNING rowid", &["11"]);
    let options = case(
        "B21 fts5 with options",
        "CREATE VIRTUAL TABLE notes USING fts5(title, path UNINDEXED, \"two words\", prefix='2 3', tokenize='porter unicode61', columnsize=0);
         INSERT INTO notes VALUES ('running shoes', 'etc', 'jumps'), ('a runner', 'running', '');",
    )
    .tells("english takes words to their stems nearly as porter does")
    .tells("prefix=2 3 needs nothing here")
    .tells("path is not searched, as in SQLite")
    .gives("SELECT rowid, path, \"two words\" FROM notes ORDER BY rowid", &["1|etc|jumps", "2|running|"])
    .gives("SELECT rowid FROM notes WHERE notes_tsvector @@ websearch_to_tsquery('english', 'run jump')", &["1"])
    .gives("SELECT rowid FROM notes WHERE notes_tsvector @@ to_tsquery('english', 'runn:*') ORDER BY 1", &["2"]);
    let fts4 = case(
        "B21 fts4 with content of its own",
        "CREATE VIRTUAL TABLE pages USING fts4(title TEXT, body VARCHAR(20), languageid=\"lid\");
         INSERT INTO pages (docid, title, body, lid) VALUES (4, 'a', 'the quick fox', 1), (5, 'b', x'00ff', 2);
         CREATE VIRTUAL TABLE old USING fts3; INSERT INTO old VALUES ('one two');
         CREATE TRIGGER feeds AFTER INSERT ON t BEGIN INSERT INTO old (docid, content) VALUES (new.id, 'x'); END;",
    );
    let fts4 = PeerCase {
        sql: fts4.sql.replace(" CREATE TRIGGER", " CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TRIGGER"),
        ..fts4
    };
    let fts4 = fts4
        .leaves_or(
            "trigger feeds",
            &["INSERT INTO t VALUES (8)", "SELECT content FROM old WHERE docid = 8"],
            &["x"],
        )
        .gives("SELECT docid, title, lid FROM pages ORDER BY docid", &["4|a|1", "5|b|2"])
        .gives(
            "SELECT docid, content FROM old WHERE old_tsvector @@ websearch_to_tsquery('simple', 'two')",
            &["1|one two"],
        );
    let fts4 =
        leaves_storage(leaves_storage(fts4, "old", &["content", "segdir", "segments"]), "pages", &FTS4_OWN);
    let named = case(
        "B21 fts4 with a column that is called as the row's number",
        "CREATE VIRTUAL TABLE f USING fts4(rowid, body); INSERT INTO f(docid, rowid, body) VALUES (7, 'x', 'y');",
    )
    .gives("SELECT docid, rowid, body FROM f", &["7|x|y"]);
    vec![
        leaves_storage(fts5, "notes", &FTS5_OWN),
        leaves_storage(options, "notes", &["config", "content", "data", "idx"]),
        fts4,
        leaves_storage(named, "f", &FTS4_OWN),
    ]
}

/// Virtual tables whose rows or search cannot be migrated.
fn without_search() -> Vec<PeerCase> {
    let contentless = case(
        "B21 fts5 without content",
        "CREATE VIRTUAL TABLE ft USING fts5(a, content=''); INSERT INTO ft(rowid, a) VALUES (1, 'x');
         CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');
         CREATE TRIGGER t_ai AFTER INSERT ON t BEGIN INSERT INTO ft(rowid, a) VALUES (new.id, new.a); END;",
    )
    .leaves("virtual table ft")
    .leaves("trigger t_ai")
    .tells("it is contentless")
    .tells("it only writes to the virtual table ft, which is not migrated")
    .runs("INSERT INTO t VALUES (2, 'y')");
    let absent = case(
        "B21 fts5 with content that is not there",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'); CREATE VIEW v AS SELECT id, a FROM t;
         CREATE VIRTUAL TABLE gone USING fts5(a, content='gone_with_it'); CREATE VIRTUAL TABLE over_view USING fts5(a, content='v');
         CREATE VIRTUAL TABLE other USING fts5(b, content='t');",
    )
    .leaves("virtual table gone")
    .leaves("virtual table over_view")
    .leaves("virtual table other")
    .leaves_or("view v", &["SELECT a FROM v"], &["x"])
    .tells("its text is that of gone_with_it, which is not a migrated table")
    .tells("its column b is not searched: no such column of t moves");
    let absent = ["gone", "other", "over_view"]
        .into_iter()
        .fold(absent, |case, name| leaves_storage(case, name, &FTS5));
    let trigram = case(
        "B21 fts5 trigram",
        "CREATE VIRTUAL TABLE notes USING fts5(title, tokenize='trigram'); INSERT INTO notes VALUES ('abcdef');
         CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');
         CREATE VIRTUAL TABLE ft USING fts5(a, content='t', content_rowid='id', tokenize=\"trigram case_sensitive 1\");",
    )
    .leaves("full-text index notes")
    .leaves("virtual table ft")
    .tells("CREATE INDEX ON t USING gin (a gin_trgm_ops)")
    .gives("SELECT rowid, title FROM notes", &["1|abcdef"]);
    let left = case(
        "B21 left behind by a human",
        "CREATE VIRTUAL TABLE notes USING fts5(title); INSERT INTO notes VALUES ('x');
         CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'); CREATE VIRTUAL TABLE ft USING fts5(a, content=t);",
    )
    .mapping("[leave_behind]\nnotes = \"not needed\"\nft = \"nobody searches\"")
    .leaves("table notes")
    .leaves("virtual table ft")
    .tells("nobody searches")
    .gives("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0", &["2"]);
    vec![
        leaves_storage(contentless, "ft", &FTS5),
        absent,
        leaves_storage(leaves_storage(trigram, "ft", &FTS5), "notes", &FTS5_OWN),
        leaves_storage(leaves_storage(left, "ft", &FTS5), "notes", &FTS5_OWN),
    ]
}

fn rtrees() -> Vec<PeerCase> {
    let parts = ["node", "parent", "rowid"];
    let floats = case(
        "B21 rtree",
        "CREATE VIRTUAL TABLE rt USING rtree(id, minx, maxx, miny, maxy, +name TEXT, +extra);
         INSERT INTO rt VALUES (1, 0.1, 1.5, -3, 1e30, 'home', x'00ff'), (7, -1.25, 16777217, 0, 0, NULL, x'01');
         CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);",
    )
    .leaves("spatial index rt")
    .has("rt.id", "bigint NOT NULL")
    .has("rt.minx", "double precision")
    .tells("USING gist (box(point(maxx, maxy), point(minx, miny)))")
    .gives("SELECT id, maxx, miny, name, extra FROM rt WHERE id = 1", &["1|1.5|-3|home|\\x00ff"])
    .gives("SELECT maxx FROM rt WHERE id = 7", &["16777220"])
    .gives("SELECT id FROM rt WHERE maxx >= 1 AND minx <= 0 ORDER BY id", &["7"])
    .gives("INSERT INTO rt (minx, maxx, miny, maxy) VALUES (0, 0, 0, 0) RETURNING id", &["8"])
    .runs("CREATE INDEX ON rt USING gist (box(point(maxx, maxy), point(minx, miny)))");
    let integers = case(
        "B21 rtree of integers",
        "CREATE VIRTUAL TABLE rt USING rtree_i32(id, low, high); INSERT INTO rt VALUES (1, -2147483648, 2147483647);",
    )
    .leaves("spatial index rt")
    .gives("SELECT id, low, high FROM rt", &["1|-2147483648|2147483647"]);
    vec![leaves_storage(floats, "rt", &parts), leaves_storage(integers, "rt", &parts)]
}

/// Virtual tables that this program cannot read.
fn unreadable() -> Vec<PeerCase> {
    vec![
        case(
            "B21 without the module",
            "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema VALUES ('table', 'ghost', 'ghost', 0, 'CREATE VIRTUAL TABLE ghost USING nosuchmodule(x)');",
        )
        .leaves("virtual table ghost")
        .tells("CREATE TABLE \"ghost_rows\" AS SELECT * FROM \"ghost\"")
        .gives("SELECT id FROM t", &["1"]),
        case(
            "B21 fts4 with a tokenizer of the app's own",
            "CREATE VIRTUAL TABLE notes USING fts4(title); INSERT INTO notes VALUES ('one'), ('two'); PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE notes USING fts4(title, tokenize=icu zh_CN)' WHERE name = 'notes';",
        )
        .leaves("virtual table notes")
        .leaves("shadow table notes_docsize")
        .leaves("shadow table notes_segdir")
        .leaves("shadow table notes_segments")
        .leaves("shadow table notes_stat")
        .tells("its text is in the table notes_content")
        .gives("SELECT docid, c0title FROM notes_content ORDER BY 1", &["1|one", "2|two"]),
        case(
            "B21 fts5 with a tokenizer of the app's own",
            "CREATE VIRTUAL TABLE notes USING fts5(title); INSERT INTO notes VALUES ('one'), ('two'); PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE notes USING fts5(title, tokenize=''signal'')' WHERE name = 'notes';",
        )
        .tells("the tokenizer signal has no counterpart")
        .leaves("shadow table notes_config")
        .leaves("shadow table notes_content")
        .leaves("shadow table notes_data")
        .leaves("shadow table notes_docsize")
        .leaves("shadow table notes_idx")
        .gives("SELECT rowid, title FROM notes WHERE notes_tsvector @@ websearch_to_tsquery('simple', 'two')", &["2|two"]),
        case(
            "B21 words of an index",
            "CREATE VIRTUAL TABLE notes USING fts5(title); INSERT INTO notes VALUES ('one');
             CREATE VIRTUAL TABLE words USING fts5vocab('notes', 'row');",
        )
        .leaves("virtual table words")
        .tells("ts_stat()")
        .leaves("shadow table notes_config")
        .leaves("shadow table notes_content")
        .leaves("shadow table notes_data")
        .leaves("shadow table notes_docsize")
        .leaves("shadow table notes_idx"),
    ]
}

#[test]
fn section_b_search() {
    check(&cases());
}

/// Texts whose words are hard to separate.
const TEXTS: [&str; 12] = [
    "the quick brown fox",
    "The QUICK-witted dog, and/or the fox's den",
    "mail ann.lee@example.com or see https://example.com/a/b?c=d#e",
    "file /usr/local/bin/tool_name.sh v1.2.3 costs -5 or 1e5",
    "Straße über Ärger, naïve",
    "don't 'quote' \"me\" (or do) [x] {y} a+b=c",
    "2024-05-06T07:08:09Z",
    "<b>bold</b> &amp; plain",
    "x86 3d 0x1f a1b2",
    "русский текст",
    "",
    "one\ttwo\nthree",
];

/// Words that both SQLite and PostgreSQL match literally.
const WORDS: [&str; 36] = [
    "the",
    "QUICK",
    "witted",
    "fox",
    "and",
    "or1",
    "den",
    "mail",
    "ann",
    "lee",
    "example",
    "com",
    "https",
    "a",
    "b",
    "usr",
    "tool",
    "name",
    "sh",
    "1",
    "5",
    "1e5",
    "straße",
    "über",
    "don",
    "t",
    "me",
    "05",
    "2024",
    "bold",
    "amp",
    "3d",
    "a1b2",
    "текст",
    "Two",
    "none",
];

/// Checks that the same words find the same rows.
#[test]
fn section_b_search_finds_the_same_rows() {
    let quoted: Vec<String> = TEXTS.iter().map(|text| format!("('{}')", text.replace('\'', "''"))).collect();
    let sql = format!(
        "CREATE VIRTUAL TABLE notes USING fts5(body, tokenize='unicode61 remove_diacritics 0'); INSERT INTO notes VALUES {};",
        quoted.join(", ")
    );
    let finished = migrate_any(&case("same rows", sql));
    assert_eq!(finished.ending, Ending::Proven, "{}", finished.words);
    let engine = finished.case.unwrap();
    let source = rusqlite::Connection::open(&engine.source).unwrap();
    let mut session = engine.session();
    let phrases = ["quick brown", "example com", "usr local bin", "1 2 3"];
    for word in WORDS.into_iter().chain(phrases) {
        let phrase = format!("\"{word}\"");
        let mut statement =
            source.prepare("SELECT rowid FROM notes WHERE notes MATCH ?1 ORDER BY rowid").unwrap();
        let found: Vec<String> = statement
            .query_map([&phrase], |row| row.get::<_, i64>(0))
            .unwrap()
            .map(|id| id.unwrap().to_string())
            .collect();
        let sql = "SELECT rowid FROM notes WHERE notes_tsvector @@ websearch_to_tsquery('simple', $1) ORDER BY rowid";
        let there = session.query(sql, &[Some(&phrase)]).unwrap();
        let there: Vec<String> = there.into_iter().flatten().flatten().collect();
        assert_eq!(there, found, "{word}");
    }
}

//! The databases that are damaged: the SQL that creates them in SQLite, and their mappings.

/// A shop: composite keys, foreign keys with actions, views, triggers, indexes of all kinds, CHECKs, defaults, generated columns.
pub const SHOP: &str = "
    CREATE TABLE artist (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, country TEXT DEFAULT 'unknown');
    CREATE TABLE album (id INTEGER PRIMARY KEY, title TEXT NOT NULL, artist INTEGER NOT NULL REFERENCES artist (id) ON DELETE CASCADE ON UPDATE CASCADE,
                        year INTEGER CHECK (year BETWEEN 1900 AND 2100), UNIQUE (artist, title));
    CREATE TABLE track (album INTEGER NOT NULL REFERENCES album (id), number INTEGER NOT NULL, title TEXT NOT NULL, cents INTEGER NOT NULL DEFAULT 99,
                        seconds REAL, euros REAL AS (cents / 100.0) STORED, PRIMARY KEY (album, number), CHECK (cents >= 0), CHECK (title <> ''));
    CREATE TABLE playlist (name TEXT, album INTEGER, number INTEGER, note TEXT, PRIMARY KEY (name, number, album),
                           FOREIGN KEY (album, number) REFERENCES track (album, number) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED) WITHOUT ROWID;
    CREATE TABLE customer (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL COLLATE NOCASE, code TEXT UNIQUE, joined TEXT DEFAULT CURRENT_TIMESTAMP,
                           friend INTEGER REFERENCES customer (id) ON DELETE SET NULL, photo BLOB);
    CREATE TABLE invoice (id INTEGER PRIMARY KEY AUTOINCREMENT, customer INTEGER NOT NULL REFERENCES customer (id), total REAL, memo TEXT, paid INTEGER DEFAULT 0);
    CREATE TABLE invoice_old (id INTEGER PRIMARY KEY AUTOINCREMENT, customer INTEGER NOT NULL REFERENCES customer (id), total REAL, memo TEXT, paid INTEGER DEFAULT 0);
    CREATE TABLE line (invoice INTEGER NOT NULL REFERENCES invoice (id) ON DELETE CASCADE, position INTEGER NOT NULL, album INTEGER, number INTEGER, note TEXT,
                       PRIMARY KEY (invoice, position), FOREIGN KEY (album, number) REFERENCES track (album, number));
    CREATE TABLE log (at INTEGER, what TEXT, n INTEGER);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
      INSERT INTO artist SELECT i, 'Artist ' || i, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN 'Café ' || i ELSE '' END FROM n;
    INSERT INTO album SELECT id, 'Album of ' || name, 1 + id % 30, 1950 + id FROM artist;
    INSERT INTO track SELECT a.id, n.id, 'Song ' || n.id || ' of ' || a.title, 50 + n.id * a.id, n.id / 7.0 FROM album a JOIN artist n ON n.id <= 5;
    INSERT INTO playlist SELECT CASE number % 2 WHEN 0 THEN 'Évening' ELSE 'morning ' || album END, album, number, CASE number WHEN 3 THEN '' WHEN 4 THEN NULL ELSE 'tab' || char(9) || 'and' || char(10) || 'line' END FROM track;
    INSERT INTO customer SELECT id, 'Customer' || id || '@Example.com', 'code-' || id, '2024-01-15 10:00:' || printf('%02d', id % 60), NULLIF(id - 1, 0), CAST(printf('%0*d', id, id * 7) AS BLOB) FROM artist;
    INSERT INTO invoice SELECT number * 100 + album, 1 + album % 60, cents / 3.0, CASE album % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'memo  with  spaces ' || album END, album % 2 FROM track;
    INSERT INTO invoice_old SELECT id + 10000, customer, total, memo, paid FROM invoice WHERE id % 3 = 0;
    INSERT INTO line SELECT id, 1 + id % 2, 1 + id % 60, 1 + id % 5, 'note ' || id FROM invoice;
    INSERT INTO log SELECT id % 7, 'what ' || (id % 5), id % 3 FROM invoice;
    DELETE FROM invoice WHERE id = 560;
    CREATE INDEX album_by_year ON album (year DESC, title);
    CREATE INDEX track_cheap ON track (cents, title) WHERE cents < 100;
    CREATE INDEX track_lower ON track (lower(title));
    CREATE UNIQUE INDEX customer_email ON customer (email COLLATE NOCASE);
    CREATE UNIQUE INDEX invoice_paid ON invoice (id, paid) WHERE paid = 1;
    CREATE INDEX line_track ON line (album, number);
    CREATE VIEW paid_total AS SELECT c.email, count(*) AS invoices FROM customer c JOIN invoice i ON i.customer = c.id WHERE i.paid = 1 GROUP BY c.email;
    CREATE VIEW album_names AS SELECT a.id, a.title, r.name FROM album a JOIN artist r ON r.id = a.artist;
    CREATE TRIGGER invoice_logged AFTER INSERT ON invoice BEGIN INSERT INTO log (at, what, n) VALUES (1, 'invoice', NEW.id); END;
    CREATE TRIGGER artist_renamed AFTER UPDATE OF name ON artist BEGIN INSERT INTO log (at, what, n) VALUES (2, NEW.name, NEW.id); END;";

pub const SHOP_MAPPING: &str = "autoincrement = \"serial\"\n[tables.customer.columns]\ncode = { secret = true }
    [tables.invoice.columns]\npaid = { as = \"boolean\" }\n[tables.invoice_old.columns]\npaid = { as = \"boolean\" }";

/// Each conversion, with extreme values, ordinary values, and rows of NULLs.
pub const CONVERSIONS: &str = "
    CREATE TABLE conv (id INTEGER PRIMARY KEY, t TEXT, big INTEGER, i INTEGER, small INTEGER, flag INTEGER, d REAL, r REAL, b BLOB, j TEXT, jb TEXT, jl TEXT,
                       num, u TEXT, uu TEXT, ub BLOB, day TEXT, clock TEXT, plain TEXT, iso TEXT, zoned TEXT, utc TEXT, ms INTEGER, s, us INTEGER, jul REAL,
                       tms INTEGER, ts, word, anyt BLOB, anyb BLOB, t2 TEXT, big2 INTEGER);
    INSERT INTO conv (id, t, big, i, small, flag, d, r, b, j, jb, jl, num) VALUES
      (1, '', -9223372036854775808, -2147483648, -32768, 0, 9e999, 1.5, x'', '{}', '{}', '{\"a\":1,\"a\":2}', '1.50'),
      (2, ' ', 9223372036854775807, 2147483647, 32767, 1, -9e999, 0.1, x'00', '[ ]', '[]', '[]', 19.999),
      (3, 'e' || char(769) || char(233), 0, 0, 0, 0, 5e-324, -3.5, x'ff', '{\"a\": [1, 2], \"b\": null}', '{\"a\": [1, 2, {\"x\": [\"1\", 1, 1.0, 1.50]}], \"b\": null, \"n\": 123456789012345678901234567890.12}', '{\"k\": [3, 4], \"t\": \"7\"}', 9007199254740993),
      (4, 'tab' || char(9) || 'cr' || char(13) || 'lf' || char(10), -1, -1, -1, 1, 1.7976931348623157e308, 3.4e38, zeroblob(64), '\"text\"', '9007199254740993', '\"text\"', '0.00'),
      (5, '日本語 العربية ' || char(8238) || 'rtl', 9007199254740993, 65536, 256, 1, 0.30000000000000004, 0.0, x'5c785c303030', 'null', 'null', 'null', '-123456789012345678901234567890.000000000001'),
      (6, 'trailing  ', 100, 10, 1, 0, 0.0, 16777216.0, x'e9', 'true', 'false', '[true, false]', 0),
      (7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    WITH RECURSIVE n (x) AS (SELECT 8 UNION ALL SELECT x + 1 FROM n WHERE x < 90)
      INSERT INTO conv (id, t, big, i, small, flag, d, r, b, j, jb, jl, num)
      SELECT x, 'Text with words, Größe ' || x, x * 1234567890123, x * 7919 - 300000, x * 300 - 12000, x % 2, x / 7.0, x / 8.0, CAST('blob ' || x AS BLOB) || x'fe' || x,
             '{\"id\": ' || x || ', \"tags\": [\"a\",  \"b\"]}', '{\"id\": ' || x || ', \"tags\": [\"a\", \"b\", ' || x || '], \"deep\": {\"ok\": true, \"none\": null, \"price\": ' || x || '.10}, \"big\": 12345678901234567' || x || '}',
             '{\"v\": ' || x || ', \"w\": [1, \"1\", null]}', CASE x % 3 WHEN 0 THEN x || '.250' WHEN 1 THEN x / 7.0 ELSE x * 1001 END FROM n;
    UPDATE conv SET u = lower(printf('%08x-1234-4abc-8def-%012x', id, id * 7919)), uu = upper(printf('%08x-ABCD-4ABC-8DEF-%012x', id, id * 104729)), ub = CAST(printf('%016d', id) AS BLOB),
      day = date('2024-02-28', id || ' days'), clock = time('10:00', id * 97 || ' seconds') || CASE id % 2 WHEN 0 THEN '.123456' ELSE '' END,
      plain = datetime('2024-02-28', id || ' hours') || '.00000' || (id % 10), iso = datetime('1969-12-31 23:59:00', id || ' seconds') || '.999999',
      zoned = datetime('2024-03-30 12:00:00', id || ' hours'), utc = strftime('%Y-%m-%dT%H:%M:%S', '2024-05-06', id || ' minutes') || '+02:00',
      ms = 1705312800000 + id, s = CASE id % 2 WHEN 0 THEN 1705312800 + id ELSE 1705312800.5 + id END, us = 1705312800000000 + id, jul = julianday('2024-01-15', id || ' days'),
      tms = -1 - id, ts = 1705312800 - id, word = CASE id % 6 WHEN 0 THEN 'yes' WHEN 1 THEN 'No' WHEN 2 THEN 1 WHEN 3 THEN 0.0 WHEN 4 THEN 't' ELSE 'OFF' END,
      anyt = CASE id % 4 WHEN 0 THEN id WHEN 1 THEN id / 4.0 WHEN 2 THEN 'text ' || id ELSE CAST('blob ' || id AS BLOB) END,
      anyb = CASE id % 3 WHEN 0 THEN id * 11 WHEN 1 THEN 'text ' || id ELSE x'00ff' || CAST(id AS BLOB) END,
      t2 = 'other words ' || id, big2 = id * 17 WHERE id <> 7;
    UPDATE conv SET day = '0001-01-01', clock = '23:59:59.999999', plain = '9999-12-31 23:59:59.999999', ms = 9224318015999999, us = -62135596800000000, s = -1 WHERE id = 1;
    UPDATE conv SET day = '9999-12-31', clock = '00:00', plain = '0001-01-01', ms = -1, us = 1, s = 0 WHERE id = 2;
    CREATE TABLE long (id INTEGER PRIMARY KEY, t TEXT, b BLOB, j TEXT);
    INSERT INTO long VALUES (1, hex(zeroblob(600000)), zeroblob(1200000), '[' || hex(zeroblob(3)) || ']'), (2, 'short', x'01', '{\"a\": 1}'), (3, hex(randomblob(0)), zeroblob(70000), NULL);
    UPDATE long SET j = '[0]' WHERE id = 1;";

pub const CONVERSIONS_MAPPING: &str = r#"
    faithful = true
    [tables.conv.columns]
    i = { as = "integer" }
    small = { as = "smallint" }
    flag = { as = "boolean" }
    r = { as = "real" }
    j = { as = "json" }
    jb = { as = "jsonb" }
    jl = { as = "jsonb_last_key_wins" }
    num = { as = "numeric" }
    u = { as = "uuid" }
    uu = { as = "uuid_from_uppercase" }
    ub = { as = "uuid_from_bytes" }
    day = { as = "date" }
    clock = { as = "time" }
    plain = { as = "timestamp_from_iso8601" }
    iso = { as = { timestamptz_from_iso8601 = "UTC" } }
    zoned = { as = { timestamptz_from_iso8601 = "Asia/Kathmandu" } }
    utc = { as = "timestamp_utc_from_iso8601" }
    ms = { as = "timestamptz_from_epoch_ms" }
    s = { as = "timestamptz_from_epoch_s" }
    us = { as = "timestamptz_from_epoch_us" }
    jul = { as = "timestamptz_from_julian_day" }
    tms = { as = "timestamp_from_epoch_ms" }
    ts = { as = "timestamp_from_epoch_s" }
    word = { as = "boolean_from_words" }
    anyt = { as = "text_from_any" }
    anyb = { as = "bytea_from_any" }
    [tables.long.columns]
    j = { as = "jsonb" }"#;

/// One table for each type of a key.
pub const KEYS: &str = "
    CREATE TABLE by_text (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    INSERT INTO by_text VALUES ('', 'empty'), ('a', '1'), ('A', '2'), ('é', '3'), ('e' || char(769), '4'), ('a b', '5'), ('日本', NULL), ('z''q', '');
    CREATE TABLE by_blob (k BLOB PRIMARY KEY, v INTEGER); INSERT INTO by_blob VALUES (x'', 1), (x'00', 2), (x'00ff', 3), (x'ff', NULL);
    CREATE TABLE by_float (k REAL PRIMARY KEY, v TEXT); INSERT INTO by_float VALUES (-9e999, 'a'), (-0.5, 'b'), (0.1, 'c'), (2.0, 'd'), (9e999, 'e');
    CREATE TABLE by_uuid (k TEXT PRIMARY KEY, v TEXT);
    INSERT INTO by_uuid VALUES ('00000000-0000-4000-8000-000000000001', 'a'), ('ffffffff-ffff-4fff-8fff-ffffffffffff', 'b'), ('12345678-1234-4234-8234-123456789abc', 'c');
    CREATE TABLE by_day (k TEXT PRIMARY KEY, v TEXT); INSERT INTO by_day VALUES ('2024-02-29', 'a'), ('2024-03-01', 'b'), ('0001-01-01', 'c'), ('9999-12-31', 'd');
    CREATE TABLE by_moment (k BIGINT PRIMARY KEY, v TEXT); INSERT INTO by_moment VALUES (-1, 'a'), (0, 'b'), (1705312800123, 'c'), (1705312800124, NULL);
    CREATE TABLE by_pair (flag INTEGER, n INTEGER, v TEXT, w TEXT, PRIMARY KEY (flag, n)); INSERT INTO by_pair VALUES (0, 1, 'a', 'b'), (0, 2, 'c', 'd'), (1, 1, 'e', 'f'), (1, -5, '', NULL);
    CREATE TABLE by_secret (k TEXT PRIMARY KEY, v TEXT); INSERT INTO by_secret VALUES ('token-1', 'a'), ('token-2', 'b'), ('token-3', 'c');";

pub const KEYS_MAPPING: &str = r#"
    [tables.by_uuid.columns]
    k = { as = "uuid" }
    [tables.by_day.columns]
    k = { as = "date" }
    [tables.by_moment.columns]
    k = { as = "timestamptz_from_epoch_ms" }
    [tables.by_pair.columns]
    flag = { as = "boolean" }
    [tables.by_secret.columns]
    k = { secret = true }"#;

/// Tables without a key, with duplicate rows.
pub const LOOSE: &str = "
    CREATE TABLE loose (v TEXT, n INTEGER, f REAL, b BLOB, jb TEXT, num, at TEXT);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300)
      INSERT INTO loose SELECT 'row ' || (i % 40), i % 8, (i % 40) / 3.0, CAST(i % 5 AS BLOB), '{\"n\": ' || (i % 4) || ', \"a\": [1, 2]}', CASE i % 2 WHEN 0 THEN '1.50' ELSE 2.5 END, '2024-01-15 10:00:0' || (i % 10) FROM c;
    CREATE TABLE loose_old AS SELECT * FROM loose WHERE n < 3;
    CREATE TABLE flags (flag INTEGER, note TEXT); INSERT INTO flags SELECT n % 2, NULLIF(v, 'row 1') FROM loose;";

pub const LOOSE_MAPPING: &str = r#"
    [tables.loose.columns]
    jb = { as = "jsonb" }
    num = { as = "numeric" }
    at = { as = { timestamptz_from_iso8601 = "UTC" } }
    [tables.flags.columns]
    flag = { as = "boolean" }"#;

/// Tables with several chunks and ranges each.
pub const LARGE: &str = "
    CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER, f REAL, at INTEGER);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)
      INSERT INTO events SELECT i * 3, 'event number ' || i || ' of many', i * 7919 % 20011, i / 9.0, 1705312800000 + i FROM c;
    CREATE TABLE pairs (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO pairs SELECT 'key ' || (n % 700), id, name FROM events WHERE id <= 18000;
    CREATE TABLE stream (name TEXT, n INTEGER); INSERT INTO stream SELECT 'name ' || (n % 900), n % 50 FROM events WHERE id <= 24000;
    CREATE INDEX events_by_n ON events (n, name); CREATE INDEX events_late ON events (at DESC) WHERE n > 10;";

pub const LARGE_MAPPING: &str = "[tables.events.columns]\nat = { as = \"timestamptz_from_epoch_ms\" }";

/// Tables in three schemas, one of them with quotes in its name.
pub const SCHEMAS: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE, born TEXT);
    CREATE TABLE log_web (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), note TEXT DEFAULT 'x' CHECK (note <> ''), n INTEGER);
    CREATE TABLE log_old (id INTEGER PRIMARY KEY, next INTEGER REFERENCES log_web (id), big INTEGER AS (id * 2) STORED, note TEXT);
    CREATE INDEX by_note ON log_web (note DESC, n) WHERE user_id IS NOT NULL;
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50) INSERT INTO users SELECT i, 'User ' || i, '1990-01-01' FROM c;
    INSERT INTO log_web SELECT id, id, 'note ' || id, id * 10 FROM users; INSERT INTO log_old (id, next, note) SELECT id, id, 'old ' || id FROM log_web;
    CREATE TRIGGER web_noted AFTER DELETE ON log_web BEGIN UPDATE log_old SET note = OLD.note WHERE next = OLD.id; END;
    CREATE VIEW web_notes AS SELECT u.name, l.note FROM users u JOIN log_web l ON l.user_id = u.id;";

pub const SCHEMAS_MAPPING: &str =
    "schema = \"my app\"\nautoincrement = \"serial\"\n[tables.log_old]\nschema = \"public\"
    [[tables_matching]]\ntable = \"LOG_*\"\nschema = \"arch\\\"ive\"\n";

/// A source for tables that an app has created.
pub const BOOKS: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mentor INTEGER);
    CREATE TABLE book (id INTEGER PRIMARY KEY, author INTEGER, title TEXT, sold INTEGER, price TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO book SELECT i, 1 + i % 100, 'book ' || i, i % 2, i || '.50' FROM n;
    INSERT INTO author SELECT id, 'author ' || id, 101 - id FROM book WHERE id <= 100;";

/// The app's tables, with an existing row, a trigger and an unrelated table.
pub const BOOKS_TARGET: &str = "
    CREATE TABLE author (mentor int REFERENCES author, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL);
    CREATE TABLE book (title text UNIQUE, id bigint PRIMARY KEY, sold boolean, price numeric(8,2) CHECK (price > 0), author int NOT NULL REFERENCES author ON DELETE CASCADE);
    CREATE INDEX book_author ON book (author); CREATE TABLE log (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER noted AFTER INSERT OR DELETE ON book FOR EACH ROW EXECUTE FUNCTION note();
    INSERT INTO author OVERRIDING SYSTEM VALUE VALUES (NULL, 1000, 'seed');
    CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());";

-- Keys in another order than their tables, circles of tables, indexes of all kinds, and every form of default.
CREATE TABLE departments (id INTEGER PRIMARY KEY, name TEXT NOT NULL, head INTEGER REFERENCES employees(id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE employees (
    id INTEGER PRIMARY KEY, department_id INTEGER NOT NULL REFERENCES departments(id) ON DELETE CASCADE,
    boss INTEGER REFERENCES employees(id) ON DELETE SET NULL ON UPDATE RESTRICT
);
CREATE TABLE places ( -- in a comment: --> statement-breakpoint
    "a --> statement-breakpoint" TEXT DEFAULT 'it''s --> statement-breakpoint \', x INTEGER NOT NULL, y TEXT NOT NULL, z TEXT, PRIMARY KEY (y, x));
CREATE TABLE visits (p TEXT, q INTEGER, FOREIGN KEY (p, q) REFERENCES places(y, x) ON UPDATE CASCADE);
CREATE TABLE moves (q INTEGER, p TEXT, FOREIGN KEY (p, q) REFERENCES places(y, x));
CREATE TABLE wide (a TEXT, b INTEGER, c TEXT, d INTEGER, e TEXT, f INTEGER, g TEXT, PRIMARY KEY (g, a, f, b, e), UNIQUE (d, c, b, a), UNIQUE (a, b)) WITHOUT ROWID;
CREATE TABLE codes (code TEXT NOT NULL, n INTEGER);
CREATE UNIQUE INDEX codes_code ON codes (code);
CREATE TABLE uses (code TEXT REFERENCES codes(code));
CREATE TABLE searched (a TEXT, b TEXT, c INTEGER, d TEXT COLLATE NOCASE UNIQUE, CHECK (c > 0 AND a <> 'x`y${z}\'), CONSTRAINT named CHECK (b <> ''), UNIQUE (b, a));
CREATE INDEX searched_lower ON searched (lower(a));
CREATE INDEX searched_mixed ON searched (lower(a), b, c);
CREATE INDEX searched_lower_desc ON searched (lower(a) DESC, c);
CREATE INDEX searched_desc ON searched (c DESC, a);
CREATE INDEX searched_some ON searched (a) WHERE c > 5 AND b <> 'x`y${z}';
CREATE UNIQUE INDEX searched_unique ON searched (b, c DESC) WHERE c IS NOT NULL;
CREATE TABLE sums (
    id INTEGER PRIMARY KEY, price REAL, amount INTEGER, note TEXT,
    total REAL GENERATED ALWAYS AS (price * amount) STORED, loud TEXT GENERATED ALWAYS AS (upper(note)) VIRTUAL
);
CREATE TABLE defaults (
    negative INTEGER DEFAULT -5, big INTEGER DEFAULT 5000000000, least INTEGER DEFAULT -9223372036854775808,
    half REAL DEFAULT 0.5, zero REAL DEFAULT 0, ten REAL DEFAULT 10.0, below REAL DEFAULT -2.25, huge REAL DEFAULT 1e300, tiny REAL DEFAULT 1e-9,
    price NUMERIC DEFAULT 12.50, debt NUMERIC DEFAULT -3, none NUMERIC DEFAULT 0,
    quoted TEXT DEFAULT 'it''s', cut TEXT DEFAULT 'a::b', kept TEXT DEFAULT 'a::b
c', backslash TEXT DEFAULT 'a\b', empty TEXT DEFAULT '', odd TEXT DEFAULT 'ünï `${x}` "q"', unset TEXT DEFAULT NULL,
    bytes BLOB DEFAULT x'00ff', yes BOOLEAN DEFAULT TRUE, no BOOLEAN NOT NULL DEFAULT 0, day DATE DEFAULT '2024-01-02',
    at_text TEXT DEFAULT CURRENT_TIMESTAMP, day_text TEXT DEFAULT CURRENT_DATE, time_text TEXT DEFAULT CURRENT_TIME,
    at_ms INTEGER DEFAULT (unixepoch() * 1000), at_precise INTEGER DEFAULT (cast((julianday('now') - 2440587.5) * 86400000 as integer)),
    iso TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), random TEXT DEFAULT (lower(hex(randomblob(16)))),
    sum INTEGER DEFAULT (1 + 2), computed INTEGER DEFAULT (abs(-3)),
    faithful_at TEXT DEFAULT CURRENT_TIMESTAMP, faithful_ms INTEGER DEFAULT (unixepoch() * 1000),
    document TEXT DEFAULT '{"b": 1, "aa": [1, 2.50, "it''s"], "10": null, "a": {}}', list TEXT DEFAULT '[]', letter TEXT DEFAULT '"s"'
);
CREATE VIEW totals AS SELECT id, total, loud FROM sums;
CREATE VIEW "Codes and numbers" AS SELECT code AS "The Code", n + 1 AS "next", 'x`$' AS mark FROM codes WHERE code <> '`${n}';
CREATE TRIGGER counted AFTER INSERT ON codes BEGIN UPDATE codes SET n = 1 WHERE code = new.code; END;
INSERT INTO departments VALUES (1, 'all', NULL);
INSERT INTO employees VALUES (1, 1, NULL);

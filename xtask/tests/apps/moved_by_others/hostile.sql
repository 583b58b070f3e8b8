-- Values and declarations that other migrators change or lose.
CREATE TABLE ledger (id INTEGER PRIMARY KEY AUTOINCREMENT, label TEXT NOT NULL DEFAULT 'it''s', active BOOLEAN NOT NULL DEFAULT 1 CHECK (active IN (0, 1)), big INTEGER, small INT, ratio REAL, born DATE, seen_at DATETIME DEFAULT CURRENT_TIMESTAMP, made_ms INTEGER NOT NULL DEFAULT (unixepoch() * 1000), zero INTEGER DEFAULT 0, empty TEXT DEFAULT '', body BLOB, price DECIMAL(5,2));
INSERT INTO ledger (id, label, active, big, small, ratio, born, seen_at, made_ms, body, price) VALUES
 (1, 'plain', 1, 9223372036854775807, 5, 0.1, '2024-02-29', '2024-02-29 12:00:00', 1709208000000, x'00ff10', 12.5),
 (2, 'second', 0, -9223372036854775808, -3, 123456789.12345678, '1999-12-31', '2024-07-01 12:00:00', 1719835200123, x'', 1.99),
 (3, '', 1, 3000000000, 3, 2.2250738585072014e-308, NULL, NULL, 0, NULL, NULL);
INSERT INTO ledger (id,label) VALUES (90,'top'); DELETE FROM ledger WHERE id = 90;
CREATE UNIQUE INDEX ledger_label ON ledger (label COLLATE NOCASE);
CREATE INDEX ledger_lower ON ledger (big) WHERE active = 1;
CREATE TABLE words (id INTEGER PRIMARY KEY, flag BOOLEAN, n INTEGER);
INSERT INTO words VALUES (1, 'true', 1), (2, 'false', 2), (3, 't', 3), (4, 1, 4), (5, 0, 5);
CREATE TABLE mixed (id INTEGER PRIMARY KEY, n INTEGER, note TEXT);
INSERT INTO mixed VALUES (1, 10, 'a'), (2, 'abc', 'b'), (3, '12x', 'c'), (4, 1.5, 'd'), (5, NULL, char(101,0,102));
CREATE TABLE big_int (id INTEGER PRIMARY KEY, n INT); INSERT INTO big_int VALUES (1, 1), (2, 3000000000), (3, 3);
CREATE TABLE keyless (a TEXT, b INTEGER); INSERT INTO keyless VALUES ('x', 1), ('x', 1), ('y', NULL);
CREATE TABLE "Order Line" ("Select" TEXT NOT NULL, part INTEGER NOT NULL, ledger_id INTEGER REFERENCES ledger (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, total INTEGER GENERATED ALWAYS AS (part * 2) STORED, PRIMARY KEY (part, "Select")) WITHOUT ROWID;
INSERT INTO "Order Line" ("Select", part, ledger_id) VALUES ('a', 1, 1), ('b', 1, 2);
CREATE VIEW active_ledger AS SELECT id FROM ledger WHERE active = 1;
CREATE TRIGGER stamp AFTER UPDATE OF label ON ledger BEGIN UPDATE ledger SET made_ms = 1 WHERE id = new.id; END;

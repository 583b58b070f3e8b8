CREATE TABLE migrations (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, migration varchar NOT NULL, batch integer NOT NULL);
CREATE TABLE roles (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, name varchar NOT NULL, guard varchar NOT NULL);
CREATE UNIQUE INDEX roles_name_guard ON roles (name, guard);
CREATE TABLE settings (name varchar NOT NULL, value text);
CREATE TABLE notes (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, role_id integer, title varchar NOT NULL, meta text, deleted integer NOT NULL DEFAULT 0, created_at datetime, last_activity integer NOT NULL,
    FOREIGN KEY (role_id) REFERENCES roles (id));
INSERT INTO migrations VALUES (1, '2026_01_01_000000_create', 1), (2, '2026_01_02_000000_more', 2);
INSERT INTO roles VALUES (1, 'admin', 'web'), (2, 'editor', 'web'), (5, 'reader', 'api');
INSERT INTO settings VALUES ('theme', 'dark'), ('lang', 'en');
INSERT INTO notes VALUES (1, 1, 'one', '{"x": 1}', 0, '2026-01-01 00:00:00', 1767225600), (2, 5, 'two', NULL, 1, NULL, 1767225601);

CREATE TABLE migrations (id serial PRIMARY KEY, migration varchar(255) NOT NULL, batch integer NOT NULL);
INSERT INTO migrations (migration, batch) VALUES ('2026_01_01_000000_create', 1), ('2026_01_02_000000_more', 1);
CREATE TABLE roles (id bigserial PRIMARY KEY, name varchar(255) NOT NULL, guard varchar(255) NOT NULL, UNIQUE (name, guard));
INSERT INTO roles (name, guard) VALUES ('admin', 'web'), ('editor', 'web');
CREATE TABLE settings (name varchar(255) NOT NULL, value text);
INSERT INTO settings VALUES ('theme', 'light'), ('lang', 'en');
CREATE TABLE notes (id bigserial PRIMARY KEY, role_id bigint REFERENCES roles (id), title varchar(255) NOT NULL, meta json, deleted boolean NOT NULL DEFAULT false, created_at timestamp(0), last_activity integer NOT NULL);

CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
CREATE TABLE ar_internal_metadata (key varchar NOT NULL PRIMARY KEY, value varchar, created_at datetime(6) NOT NULL, updated_at datetime(6) NOT NULL);
CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, email varchar NOT NULL, admin boolean DEFAULT 0 NOT NULL, posts_count integer DEFAULT 0 NOT NULL, created_at datetime(6) NOT NULL);
CREATE UNIQUE INDEX index_users_on_email ON users (email);
CREATE TABLE posts (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, user_id integer NOT NULL, title varchar, body text, tags json, published_on date, created_at datetime(6) NOT NULL,
    CONSTRAINT fk_posts_users FOREIGN KEY (user_id) REFERENCES users (id));
INSERT INTO schema_migrations VALUES ('20260101000000'), ('20260102000000');
INSERT INTO ar_internal_metadata VALUES ('environment', 'production', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO users VALUES (1, 'ada@example.org', 1, 2, '2026-01-01 00:00:00.000001'), (2, 'bob@example.org', 0, 0, '2026-01-02 00:00:00');
INSERT INTO posts VALUES (1, 1, 'Sea shells', 'She sells them', '["sea", "shell"]', '2026-01-05', '2026-01-05 10:00:00'), (2, 1, 'Mountains', 'They are high', '[]', NULL, '2026-01-06 10:00:00.123456');

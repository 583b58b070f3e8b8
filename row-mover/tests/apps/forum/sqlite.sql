CREATE TABLE django_migrations (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime NOT NULL);
CREATE TABLE django_content_type (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, app_label varchar(100) NOT NULL, model varchar(100) NOT NULL);
CREATE UNIQUE INDEX django_content_type_uniq ON django_content_type (app_label, model);
CREATE TABLE auth_user (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, password varchar(128) NOT NULL, last_login datetime, is_superuser bool NOT NULL,
    username varchar(150) NOT NULL UNIQUE, email varchar(254) NOT NULL, is_active bool NOT NULL, date_joined datetime NOT NULL);
CREATE TABLE forum_topic (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, title varchar(200) NOT NULL, pinned bool NOT NULL,
    author_id integer NOT NULL REFERENCES auth_user (id) DEFERRABLE INITIALLY DEFERRED, created datetime NOT NULL, score decimal NOT NULL, settings text NOT NULL CHECK (JSON_VALID(settings)));
CREATE INDEX forum_topic_author ON forum_topic (author_id);
CREATE TABLE forum_post (id char(32) NOT NULL PRIMARY KEY, topic_id integer NOT NULL REFERENCES forum_topic (id) DEFERRABLE INITIALLY DEFERRED,
    body text NOT NULL, spent bigint, ip char(39));
INSERT INTO django_migrations VALUES (1, 'auth', '0001_initial', '2026-01-01 10:00:00.123456'), (2, 'forum', '0001_initial', '2026-01-01 10:00:01');
INSERT INTO django_content_type VALUES (1, 'auth', 'user'), (2, 'forum', 'topic'), (3, 'forum', 'post');
INSERT INTO auth_user VALUES (1, 'pbkdf2$x', NULL, 1, 'ada', 'ada@example.org', 1, '2026-01-02 03:04:05.678901'), (2, 'pbkdf2$y', '2026-02-02 08:00:00', 0, 'bob', '', 1, '2026-01-03 00:00:00');
INSERT INTO forum_topic VALUES (1, 'Hello', 1, 1, '2026-01-02 03:05:00', 4.50, '{"a": [1, 2]}'), (7, 'World', 0, 2, '2026-01-04 00:00:00.5', 0, '{}');
INSERT INTO forum_post VALUES ('0f0e0d0c0b0a09080706050403020100', 1, 'first', 90000000, '192.0.2.7'), ('aaaaaaaabbbbccccddddeeeeeeeeeeee', 7, 'second', NULL, '2001:db8::1');

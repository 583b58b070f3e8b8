CREATE TABLE migrations (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, timestamp bigint NOT NULL, name varchar NOT NULL);
CREATE TABLE user (id varchar PRIMARY KEY NOT NULL, userName varchar NOT NULL, isActive boolean NOT NULL DEFAULT (1), createdAt datetime NOT NULL DEFAULT (datetime('now')));
CREATE TABLE issue (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, issueKey varchar NOT NULL, assigneeId varchar, state varchar CHECK (state IN ('open', 'done')) NOT NULL, points integer, labels text,
    CONSTRAINT FK_issue_user FOREIGN KEY (assigneeId) REFERENCES user (id) ON DELETE SET NULL);
INSERT INTO migrations VALUES (1, 1767225600000, 'Init1767225600000'), (2, 1767225700000, 'More1767225700000');
INSERT INTO user VALUES ('0a1b2c3d-0000-4000-8000-000000000001', 'ada', 1, '2026-01-01 00:00:00'), ('0A1B2C3D-0000-4000-8000-000000000002', 'bob', 0, '2026-01-01 00:00:01');
INSERT INTO issue VALUES (1, 'A-1', '0a1b2c3d-0000-4000-8000-000000000001', 'open', 5, 'red,blue'), (2, 'A-2', NULL, 'done', NULL, NULL), (3, 'A-3', '0A1B2C3D-0000-4000-8000-000000000002', 'open', 1, '');

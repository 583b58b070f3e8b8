-- Two schemas, one of them with a quoted name, full-text search, and an array.
CREATE TABLE Users (Id INTEGER PRIMARY KEY, name TEXT, small INTEGER);
CREATE TABLE posts (id INTEGER PRIMARY KEY, userId INTEGER REFERENCES Users(Id), body TEXT, tags TEXT, UNIQUE (userId, id));
CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER REFERENCES posts(id), user_id INTEGER, UNIQUE (user_id, post_id));
CREATE VIEW userPosts AS SELECT u.name, p.body FROM Users u JOIN posts p ON p.userId = u.Id;
CREATE VIRTUAL TABLE posts_fts USING fts5(body, content=posts, content_rowid=id);
INSERT INTO Users VALUES (1, 'a', 1);
INSERT INTO posts VALUES (1, 1, 'hello', '["a","b"]');
INSERT INTO posts_fts(posts_fts) VALUES ('rebuild');

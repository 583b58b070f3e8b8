CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, edited INTEGER NOT NULL);
CREATE VIRTUAL TABLE page_fts USING fts5 (title, body, content = 'page', content_rowid = 'id');
CREATE TRIGGER page_ai AFTER INSERT ON page BEGIN INSERT INTO page_fts (rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TABLE link (source INTEGER NOT NULL REFERENCES page (id), target TEXT NOT NULL, PRIMARY KEY (source, target)) WITHOUT ROWID;
INSERT INTO page VALUES (1, 'Front Page', 'Welcome to the wiki', 1767225600), (2, 'Sea Shells', 'By the sea', 1767225601);
INSERT INTO link VALUES (1, 'Sea Shells'), (2, 'Front Page'), (2, 'Missing');

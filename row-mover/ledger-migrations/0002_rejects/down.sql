ALTER TABLE chunks DROP COLUMN nulled;
ALTER TABLE chunks DROP COLUMN rejected;

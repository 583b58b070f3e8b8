ALTER TABLE migration.chunks DROP COLUMN nulled;
ALTER TABLE migration.chunks DROP COLUMN rejected;

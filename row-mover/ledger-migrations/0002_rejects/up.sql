-- Rows skipped, and values replaced by NULL, because PostgreSQL cannot hold them.
ALTER TABLE migration.chunks ADD COLUMN rejected bigint NOT NULL DEFAULT 0;
ALTER TABLE migration.chunks ADD COLUMN nulled bigint NOT NULL DEFAULT 0;

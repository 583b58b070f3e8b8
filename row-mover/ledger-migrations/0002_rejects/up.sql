-- What stayed behind because PostgreSQL cannot hold it: whole rows, and values that became NULL.
ALTER TABLE migration.chunks ADD COLUMN rejected bigint NOT NULL DEFAULT 0;
ALTER TABLE migration.chunks ADD COLUMN nulled bigint NOT NULL DEFAULT 0;

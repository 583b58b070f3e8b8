DROP TABLE migration.builds;
ALTER TABLE migration.chunks DROP COLUMN planned_rows, DROP COLUMN planned_bytes, DROP COLUMN digest;

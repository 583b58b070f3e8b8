DROP TABLE builds;
ALTER TABLE chunks DROP COLUMN planned_rows, DROP COLUMN planned_bytes, DROP COLUMN digest;

ALTER TABLE migration.runs DROP COLUMN baseline;

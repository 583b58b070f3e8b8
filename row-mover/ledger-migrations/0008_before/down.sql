DROP TABLE migration.sequences;
ALTER TABLE migration.runs DROP COLUMN list_schema, DROP COLUMN missing_schemas;

DROP TABLE migration.schema_files;

DROP TABLE migration.chunks;
DROP TABLE migration.phases;
DROP TABLE migration.runs;

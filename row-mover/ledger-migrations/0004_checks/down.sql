DROP TABLE migration.checks;

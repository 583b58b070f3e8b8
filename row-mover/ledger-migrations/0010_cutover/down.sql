DROP TABLE migration.cutover_events;
DROP TABLE migration.catch_ups;

DROP TABLE chunks;
DROP TABLE phases;
DROP TABLE runs;

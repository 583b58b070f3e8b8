-- The content of each migration of the schema when it was applied, so that a file that was edited since is noticed.
CREATE TABLE migration.schema_files (
    -- The schema with Diesel's list, in which the version is recorded.
    list_schema text NOT NULL,
    version text NOT NULL,
    -- SHA-256 of up.sql, in hex, with line feeds as line ends.
    up_sha256 text NOT NULL,
    -- The time in Diesel's list: another one means that another program has applied the migration again.
    run_on timestamp NOT NULL,
    PRIMARY KEY (list_schema, version)
);

-- Size of a chunk as preflight counted it, for the time left, and a digest of the data sent for it.
ALTER TABLE migration.chunks ADD COLUMN planned_rows bigint, ADD COLUMN planned_bytes bigint, ADD COLUMN digest text;

-- One row for each statement that runs after the load, in order. Each statement is one transaction.
CREATE TABLE migration.builds (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    build bigint NOT NULL,
    table_name text NOT NULL,
    what text NOT NULL,
    seconds double precision,
    done_at timestamptz,
    PRIMARY KEY (run_id, build)
);

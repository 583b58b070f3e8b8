-- What a chunk will be, as preflight counted it, so that what is left can be told; and a digest of what was sent for it.
ALTER TABLE migration.chunks ADD COLUMN planned_rows bigint, ADD COLUMN planned_bytes bigint, ADD COLUMN digest text;

-- One row for each statement that follows the rows, in their order; it is done in its own transaction.
CREATE TABLE migration.builds (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    build bigint NOT NULL,
    table_name text NOT NULL,
    what text NOT NULL,
    seconds double precision,
    done_at timestamptz,
    PRIMARY KEY (run_id, build)
);

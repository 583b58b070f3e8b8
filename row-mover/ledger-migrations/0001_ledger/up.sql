-- The ledger: the only record of progress. It is in the target database, so that rows and progress commit together.
CREATE TABLE migration.runs (
    id bigserial PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    tool_version text NOT NULL,
    source_path text NOT NULL,
    plan_sha256 text NOT NULL,
    plan text NOT NULL,
    tables text[] NOT NULL,
    -- Manifest of the sealed copy, as JSON.
    seal text NOT NULL
);

CREATE TABLE migration.phases (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    phase text NOT NULL,
    seconds double precision NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, phase)
);

-- One row for each chunk, inserted when the chunks are planned, and marked as done in the transaction that loads the rows.
CREATE TABLE migration.chunks (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    table_name text NOT NULL,
    chunk bigint NOT NULL,
    rowid_first bigint,
    rowid_last bigint,
    rows bigint,
    bytes bigint,
    seconds double precision,
    done_at timestamptz,
    PRIMARY KEY (run_id, table_name, chunk)
);

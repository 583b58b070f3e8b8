-- The ledger: what is done stands here, in the target database, and nowhere else.
CREATE TABLE migration.runs (
    id bigserial PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    tool_version text NOT NULL,
    source_path text NOT NULL,
    plan_sha256 text NOT NULL,
    plan text NOT NULL,
    tables text[] NOT NULL,
    -- The manifest of the sealed copy, as JSON.
    seal text NOT NULL
);

CREATE TABLE migration.phases (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    phase text NOT NULL,
    seconds double precision NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, phase)
);

-- One row for each chunk, written when the chunks are planned; a chunk is done in the transaction that brings its rows.
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

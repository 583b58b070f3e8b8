-- Results of checks of the sealed copy itself, one per run; the hash of the copy proves that it has not changed since.
CREATE TABLE migration.checks (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    check_name text NOT NULL,
    seconds double precision NOT NULL,
    problems text[] NOT NULL,
    left_out text[] NOT NULL,
    begun_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, check_name)
);

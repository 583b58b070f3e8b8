-- What was found by looking at the sealed copy itself, once for each run: its hash says that it is still the same copy.
CREATE TABLE migration.checks (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    check_name text NOT NULL,
    seconds double precision NOT NULL,
    problems text[] NOT NULL,
    left_out text[] NOT NULL,
    begun_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, check_name)
);

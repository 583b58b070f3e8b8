-- The sealed copies that the target has equalled after the first one, in order. The last of them is also the seal of its run.
CREATE TABLE migration.catch_ups (
    id bigserial PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    -- Manifest of the copy that the target equalled before, as JSON.
    base_seal text NOT NULL,
    seal text NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    deleted bigint NOT NULL,
    seconds double precision NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Which database is in charge, and how it became so: cutover, rollback and cleanup, one row for each step. Rows are only added.
CREATE TABLE migration.cutover_events (
    id bigserial PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    -- A `migrate_core::cutover::Event`, as JSON.
    event text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    recorded_by text NOT NULL,
    note text
);

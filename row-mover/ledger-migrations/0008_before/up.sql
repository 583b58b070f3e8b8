-- What a run into an app's tables needs to put the target back as it was: where its migrations are listed, which schemas it found
-- missing, and the positions of the sequences that it may move.
ALTER TABLE migration.runs ADD COLUMN list_schema text, ADD COLUMN missing_schemas text[] NOT NULL DEFAULT '{}';

CREATE TABLE migration.sequences (
    run_id bigint NOT NULL REFERENCES migration.runs (id) ON DELETE CASCADE,
    schema_name text NOT NULL,
    sequence_name text NOT NULL,
    last_value bigint NOT NULL,
    is_called boolean NOT NULL,
    PRIMARY KEY (run_id, schema_name, sequence_name)
);

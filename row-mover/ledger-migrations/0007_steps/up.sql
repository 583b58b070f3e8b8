-- How much of a schema that is created in several transactions is there, and whether a run is being removed in several.
ALTER TABLE migration.runs ADD COLUMN schema_steps bigint NOT NULL DEFAULT 0, ADD COLUMN removal_began_at timestamptz;

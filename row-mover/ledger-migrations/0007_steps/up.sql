-- Progress of a schema that is created in several transactions, and the start of a removal in several transactions.
ALTER TABLE migration.runs ADD COLUMN schema_steps bigint NOT NULL DEFAULT 0, ADD COLUMN removal_began_at timestamptz;

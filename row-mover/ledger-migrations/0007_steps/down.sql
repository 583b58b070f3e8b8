ALTER TABLE migration.runs DROP COLUMN schema_steps, DROP COLUMN removal_began_at;

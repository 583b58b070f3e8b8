-- What a run wrote into the list of the app's own migrator, as JSON, and what it created for that; NULL where it wrote nothing.
ALTER TABLE migration.runs ADD COLUMN baseline text;

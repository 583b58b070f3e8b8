ALTER TABLE migration.chunks
    DROP COLUMN after_page,
    DROP COLUMN after_cell,
    DROP COLUMN until_page,
    DROP COLUMN until_cell;

-- Ends of the chunks of a table WITHOUT ROWID: the chunk has the rows after one row, up to and including another. Each of the two is
-- located in the sealed copy by its page and its cell there, so that no key is stored; NULL at an end of the table.
ALTER TABLE migration.chunks
    ADD COLUMN after_page bigint,
    ADD COLUMN after_cell bigint,
    ADD COLUMN until_page bigint,
    ADD COLUMN until_cell bigint;

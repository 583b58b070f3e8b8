CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20260101000000'), ('20260102000000');
CREATE TABLE ar_internal_metadata (key varchar NOT NULL PRIMARY KEY, value varchar, created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
INSERT INTO ar_internal_metadata VALUES ('environment', 'production', now(), now());
CREATE TABLE users (id bigserial PRIMARY KEY, email varchar NOT NULL, admin boolean DEFAULT false NOT NULL, posts_count integer DEFAULT 0 NOT NULL, created_at timestamp(6) NOT NULL);
CREATE UNIQUE INDEX index_users_on_lower_email ON users (lower(email));
CREATE TABLE posts (id bigserial PRIMARY KEY, user_id bigint NOT NULL, title varchar, body text, tags jsonb, published_on date, created_at timestamp(6) NOT NULL, tsv tsvector,
    CONSTRAINT fk_posts_users FOREIGN KEY (user_id) REFERENCES users (id));
CREATE INDEX index_posts_on_tsv ON posts USING gin (tsv);
CREATE TRIGGER posts_tsv BEFORE INSERT OR UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(tsv, 'pg_catalog.english', title, body);
CREATE FUNCTION count_posts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET posts_count = posts_count + 1 WHERE id = NEW.user_id; RETURN NULL; END $$;
CREATE TRIGGER posts_counted AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION count_posts();
CREATE MATERIALIZED VIEW posts_by_user AS SELECT user_id, count(*) AS posts FROM posts GROUP BY user_id;

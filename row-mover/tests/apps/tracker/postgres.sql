CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
INSERT INTO migrations (timestamp, name) VALUES (1767225600000, 'Init1767225600000'), (1767225700000, 'More1767225700000');
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_name varchar NOT NULL, is_active boolean NOT NULL DEFAULT true, created_at timestamp NOT NULL DEFAULT now());
CREATE TYPE issue_state AS ENUM ('open', 'done');
CREATE SEQUENCE issue_key_seq INCREMENT BY 10 START 10;
CREATE TABLE issues (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, issue_key varchar NOT NULL UNIQUE, assignee_id uuid, state issue_state NOT NULL, points smallint CHECK (points > 0), labels text,
    CONSTRAINT fk_issue_user FOREIGN KEY (assignee_id) REFERENCES users (id) ON DELETE SET NULL);

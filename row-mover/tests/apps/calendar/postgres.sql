CREATE EXTENSION citext;
CREATE TABLE event (id uuid PRIMARY KEY, title text NOT NULL, attendees text[] NOT NULL, reminders integer[], network cidr, fee numeric(10, 2), owner citext NOT NULL, lasts interval, blob bytea, stamp timestamp, micros timestamptz, flags boolean[], span int4range, day date);

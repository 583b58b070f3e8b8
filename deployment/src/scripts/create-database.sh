#!/bin/sh
# Creates the app's role and its database, when PostgreSQL's image creates the cluster. The password comes from the environment, so that
# no list of processes shows it; an error of the statement is not logged with it.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv role APP_ROLE
\getenv password APP_PASSWORD
\getenv database APP_DATABASE
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role" TEMPLATE template0 ENCODING 'UTF8';
SQL

// The database of DATABASE_URL: a URL of PostgreSQL, or a file.
"use strict";

const path = require("node:path");

const url = process.env.DATABASE_URL;

module.exports = {
  ...(url.startsWith("postgres")
    ? { client: "pg", connection: url }
    : { client: "better-sqlite3", connection: { filename: url } }),
  useNullAsDefault: true,
  migrations: { directory: path.join(__dirname, "migrations") },
};

// The database of DATABASE_URL, a URL of PostgreSQL or a file, and its migrations.
"use strict";

require("reflect-metadata");
const { DataSource } = require("typeorm");

const url = process.env.DATABASE_URL;
const isPostgres = url.startsWith("postgres");
const { Photo, Question, schemas } = require("./entities")(isPostgres);
Object.assign(exports, { isPostgres, Photo, Question });

// As `typeorm migration:generate` writes it for the database.
class CreateTables1700000000000 {
  name = "CreateTables1700000000000";

  async up(runner) {
    const { upQueries } = await runner.connection.driver.createSchemaBuilder().log();
    for (const { query, parameters } of upQueries) await runner.query(query, parameters);
  }
}

class AddCategories1710000000000 {
  name = "AddCategories1710000000000";

  async up(runner) {
    await runner.query(`INSERT INTO "category" ("name") VALUES ('News'), ('Sports')`);
    await runner.query(`INSERT INTO "category_closure" ("id_ancestor", "id_descendant") VALUES (1, 1), (2, 2)`);
  }
}

exports.source = new DataSource({
  ...(isPostgres ? { type: "postgres", url, uuidExtension: "pgcrypto", installExtensions: false } : { type: "better-sqlite3", database: url }),
  entities: schemas,
  migrations: [CreateTables1700000000000, AddCategories1710000000000],
});

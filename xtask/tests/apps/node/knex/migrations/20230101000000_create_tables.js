// The tables of a club.
"use strict";

exports.up = async (knex) => {
  const isPostgres = knex.client.config.client === "pg";

  await knex.schema.createTable("members", (table) => {
    table.increments("id");
    table.string("email", 120).notNullable().unique();
    table.string("name");
    table.boolean("active").notNullable().defaultTo(true);
    table.enu("level", ["bronze", "silver", "gold"], { useNative: true, enumName: "member_level" }).notNullable().defaultTo("bronze");
    table.decimal("balance", 12, 2).notNullable().defaultTo(0);
    table.float("score");
    table.double("ratio");
    table.smallint("rank");
    table.bigInteger("points");
    table.date("born");
    table.time("wakes");
    table.datetime("seen_at");
    table.datetime("left_at", { precision: 3, useTz: false });
    table.json("raw");
    table.jsonb("settings").notNullable().defaultTo("{}");
    isPostgres ? table.specificType("labels", "text[]") : table.text("labels");
    table.binary("photo");
    table.integer("invited_by").unsigned().references("id").inTable("members").onDelete("SET NULL");
    table.timestamps(true, true);
    table.index(["level", "active"]);
    table.index(["name"], "members_with_points", { predicate: knex.whereNotNull("points") });
    table.check("balance > -1000000", [], "members_balance_check");
  });

  await knex.schema.createTable("courses", (table) => {
    table.uuid("id").primary().defaultTo(isPostgres ? knex.raw("gen_random_uuid()") : null);
    table.string("code", 8).notNullable();
    table.text("title").notNullable();
    table.specificType("price", isPostgres ? "numeric(10,3)" : "numeric");
    table.timestamp("starts_at").notNullable();
    table.integer("teacher_id").notNullable().references("members.id").onDelete("CASCADE");
    table.unique(["code", "starts_at"]);
  });

  await knex.schema.createTable("enrolments", (table) => {
    table.integer("member_id").notNullable().references("members.id").onDelete("CASCADE");
    table.uuid("course_id").notNullable().references("courses.id").onDelete("CASCADE");
    table.tinyint("grade");
    table.timestamp("enrolled_at").notNullable().defaultTo(knex.fn.now());
    table.primary(["member_id", "course_id"]);
  });
};

exports.down = async (knex) => {
  for (const table of ["enrolments", "courses", "members"]) await knex.schema.dropTable(table);
};

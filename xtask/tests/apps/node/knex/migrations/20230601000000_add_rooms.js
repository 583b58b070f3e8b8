// Rooms, two of which every club has, and a view.
"use strict";

exports.up = async (knex) => {
  await knex.schema.createTable("rooms", (table) => {
    table.bigIncrements("id");
    table.string("name").notNullable().unique();
    table.integer("seats").notNullable().defaultTo(10);
    table.timestamp("opened_at");
  });
  await knex("rooms").insert([{ name: "Hall", seats: 200 }, { name: "Studio", seats: 12 }]);
  await knex.schema.alterTable("courses", (table) => table.bigInteger("room_id").references("rooms.id"));
  await knex.schema.createView("active_members", (view) => {
    view.columns(["id", "email"]);
    view.as(knex("members").select("id", "email").where("active", true));
  });
};

exports.down = async (knex) => {
  await knex.schema.dropView("active_members");
  await knex.schema.alterTable("courses", (table) => table.dropColumn("room_id"));
  await knex.schema.dropTable("rooms");
};

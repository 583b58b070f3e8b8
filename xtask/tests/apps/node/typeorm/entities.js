// The entities of a magazine. Where a type exists in one of the databases only, the columns differ.
"use strict";

const { EntitySchema } = require("typeorm");

module.exports = (isPostgres) => {
  const either = (sqlite, postgres) => (isPostgres ? postgres : sqlite);
  const number = { to: (value) => value, from: (value) => (value === null ? null : Number(value)) };
  const digits = { to: (value) => value, from: (value) => (value === null ? null : String(value)) };
  const moment = (more) => ({ type: either("datetime", "timestamptz"), ...more });

  class Content {}
  class Photo extends Content {}
  class Question extends Content {}

  const User = new EntitySchema({
    name: "User",
    columns: {
      id: { type: either("varchar", "uuid"), primary: true, generated: "uuid" },
      email: { type: "varchar", length: 120 },
      displayName: { type: "varchar", nullable: true },
      isActive: { type: "boolean", default: true },
      role: { type: either("simple-enum", "enum"), enum: ["admin", "editor", "guest"], default: "guest" },
      balance: { type: "decimal", precision: 12, scale: 2, default: 0, transformer: number },
      credits: { type: "bigint", default: 0, transformer: digits },
      rating: { type: either("double", "double precision"), nullable: true },
      level: { type: "smallint", nullable: true },
      settings: { type: either("simple-json", "jsonb"), nullable: true },
      raw: { type: "json", nullable: true },
      tags: { type: "simple-array", nullable: true },
      labels: isPostgres ? { type: "text", array: true, nullable: true } : { type: "simple-json", nullable: true },
      avatar: { type: either("blob", "bytea"), nullable: true },
      birthday: { type: "date", nullable: true },
      wakesAt: { type: "time", nullable: true },
      seenAt: { type: either("datetime", "timestamp"), nullable: true },
      createdAt: moment({ createDate: true }),
      updatedAt: moment({ updateDate: true }),
      deletedAt: moment({ deleteDate: true, nullable: true }),
      version: { type: "integer", version: true },
    },
    relations: {
      invitedBy: { type: "many-to-one", target: "User", joinColumn: { name: "invitedById" }, nullable: true, onDelete: "SET NULL" },
    },
    uniques: [{ columns: ["email"] }],
    indices: [{ columns: ["displayName"], where: '"isActive"' }, { columns: ["role", "createdAt"] }],
    checks: [{ expression: '"balance" > -1000000' }],
    embeddeds: {
      address: {
        prefix: "address",
        schema: new EntitySchema({
          name: "Address",
          columns: { street: { type: "varchar", nullable: true }, zip: { type: "varchar", nullable: true, length: 10 } },
        }),
      },
    },
  });

  const Category = new EntitySchema({
    name: "Category",
    trees: [{ type: "closure-table" }],
    columns: { id: { type: "integer", primary: true, generated: true }, name: { type: "varchar" } },
    relations: {
      parent: { type: "many-to-one", target: "Category", treeParent: true, inverseSide: "children" },
      children: { type: "one-to-many", target: "Category", treeChildren: true, inverseSide: "parent" },
    },
  });

  const Post = new EntitySchema({
    name: "Post",
    columns: {
      id: { type: "integer", primary: true, generated: true },
      title: { type: "varchar", length: 200 },
      slug: { type: "varchar", insert: false, update: false, generatedType: "STORED", asExpression: "lower(\"title\")", nullable: true },
      body: { type: "text", default: "" },
      views: { type: "integer", default: 0 },
      publishedAt: moment({ nullable: true, precision: either(undefined, 3) }),
    },
    relations: {
      author: { type: "many-to-one", target: "User", joinColumn: true, nullable: false, onDelete: "CASCADE" },
      categories: { type: "many-to-many", target: "Category", joinTable: true },
    },
    indices: [{ columns: ["title", "author"], unique: true }],
  });

  const contents = [
    new EntitySchema({
      name: "Content",
      target: Content,
      inheritance: { pattern: "STI", column: { name: "kind", type: "varchar" } },
      columns: { id: { type: "bigint", primary: true, generated: true, transformer: digits }, title: { type: "varchar" } },
    }),
    new EntitySchema({
      name: "Photo",
      target: Photo,
      type: "entity-child",
      discriminatorValue: "photo",
      columns: { width: { type: "integer", nullable: true } },
    }),
    new EntitySchema({
      name: "Question",
      target: Question,
      type: "entity-child",
      discriminatorValue: "question",
      columns: { answered: { type: "boolean", default: false } },
    }),
  ];
  // In SQLite a number that counts is an integer.
  if (!isPostgres) contents[0].options.columns.id.type = "integer";

  const Published = new EntitySchema({
    name: "Published",
    type: "view",
    expression: 'SELECT "id", "title" FROM "post" WHERE "publishedAt" IS NOT NULL',
    columns: { id: { type: "integer" }, title: { type: "varchar" } },
  });

  return { Content, Photo, Question, schemas: [User, Category, Post, ...contents, Published] };
};

// A club on Knex. Its database is the one of DATABASE_URL: a URL of PostgreSQL, or a file.
//
//   npx knex migrate:latest    makes the tables
//   node app.js fill           creates some hundred rows
//   node app.js read           prints each row of each table as the app sees it
//   node app.js create         creates a row of each table and prints the new keys
"use strict";

const { types } = require("pg");

const isPostgres = process.env.DATABASE_URL.startsWith("postgres");
// As text: dates. As numbers: bigint and numeric.
types.setTypeParser(types.builtins.DATE, (text) => text);
types.setTypeParser(types.builtins.INT8, Number);
types.setTypeParser(types.builtins.NUMERIC, Number);

const knex = require("knex")(require("./knexfile"));

const TEXTS = ["", " ", "plain", "Grüße", "日本語 🐚", "two\nlines\r\n", "tab\tand \\ back\\slash", "it's \"quoted\"", "007", "1e5", "NULL", "\\N",
  "x".repeat(5000), "é", "e\u0301", "trailing  "];
const DOCUMENTS = [{}, [], { a: null, b: [1, 2.5, true], ü: "🐚" }, [1, [2, [3]]], "text", 42, -0.5, true, null, { quote: "\"\\/\n\t" }];
const TIMES = [0, 1, 999, 1.7e12 + 123, -1, 1e12, 4102444799999, 946684800000].map((ms) => new Date(ms));
const of = (list, n) => list[n % list.length];
const uuid = (n) => `${(n * 9973).toString(16).padStart(8, "0")}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;

// The functions that give a column the same form from both databases.
const list = (value) => (value === null || isPostgres ? value : JSON.parse(value));
const document = (value) => (typeof value === "string" && !isPostgres ? JSON.parse(value) : value);
const moment = (value) => (typeof value === "string" ? new Date(`${value.replace(" ", "T")}Z`) : value === null ? null : new Date(value));
const cents = (value) => Math.round(value * 100) / 100;
const day = (value) => (typeof value === "number" ? new Date(value).toISOString().slice(0, 10) : value);
const FORMS = {
  members: { active: Boolean, balance: cents, born: day, seen_at: moment, left_at: moment, created_at: moment, updated_at: moment, raw: document, settings: document, labels: list },
  courses: { starts_at: moment },
  enrolments: { enrolled_at: moment },
  rooms: { opened_at: moment },
  active_members: {},
};

async function fill() {
  const labels = [null, [], ["one"], ["a b", "c,d", 'e"f', "g\\h", "{}", "", "NULL"], TEXTS];
  for (let n = 0; n < 200; n++) {
    await knex("members").insert({
      email: `m${n}@example.com`, name: n % 5 ? of(TEXTS, n).slice(0, 255) : null, active: n % 3 !== 0, level: of(["bronze", "silver", "gold"], n),
      balance: of([0, 0.01, 0.1, 9999999999.99, -12.3, 19.99, 0.1 + 0.2], n), score: of([null, 0.5, -1.25], n), ratio: of([null, 0.1, 1e-300, 1.7976931348623157e308, 1 / 3], n),
      rank: of([null, 32767, -32768], n), points: of([null, 9007199254740991, 0], n), born: of([null, "1900-02-28", new Date("2000-02-29"), "9999-12-31"], n),
      wakes: of([null, "00:00:00", "23:59:59", "06:30:00"], n), seen_at: n % 4 ? of(TIMES, n) : null, left_at: n % 7 ? null : of(TIMES, n),
      raw: JSON.stringify(of(DOCUMENTS, n)), settings: JSON.stringify(of(DOCUMENTS, n * 3)), labels: of(labels, n) && JSON.stringify(of(labels, n)),
      photo: of([null, Buffer.alloc(0), Buffer.from([0, 255, 0]), Buffer.alloc(3000, n)], n), invited_by: n > 3 ? 1 + ((n * 7) % n) : null,
      // Some times are the default, which SQLite writes as text.
      ...(n % 2 ? { created_at: of(TIMES, n), updated_at: of(TIMES, n + 1) } : {}),
    });
  }
  for (let n = 0; n < 60; n++) await knex("members").where({ id: 1 + n }).update({ updated_at: new Date(), invited_by: 200 - n });
  await knex("rooms").insert([{ name: "Cellar", opened_at: new Date(1e12) }, { name: "Attic", opened_at: knex.fn.now() }]);
  for (let n = 0; n < 60; n++) {
    await knex("courses").insert({
      id: uuid(n), code: `C-${n}`, title: of(TEXTS, n), price: of([null, 0, 0.125, 99.5, 1234567.891], n), starts_at: of(TIMES, n), teacher_id: 1 + n * 3,
      room_id: of([null, 1, 2, 3], n),
    });
  }
  for (let n = 0; n < 300; n++) {
    await knex("enrolments").insert({ member_id: 1 + (n % 200), course_id: uuid((n * 7 + (n / 200 | 0)) % 60), grade: of([null, 1, 5], n), ...(n % 3 ? {} : { enrolled_at: of(TIMES, n) }) });
  }
  await knex("members").where({ email: "m199@example.com" }).delete();
}

// A value such that equal output means equal in the app.
function shown(value) {
  if (value instanceof Date) return `date ${value.toISOString()}`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${key}: ${shown(value[key])}`).join(", ")}}`;
}

async function read() {
  for (const [table, forms] of Object.entries(FORMS)) {
    const rows = await knex(table);
    for (const row of rows) for (const [column, form] of Object.entries(forms)) row[column] = form(row[column]);
    console.log(rows.map((row) => `${table} ${shown(row)}`).sort().join("\n"));
  }
}

async function create() {
  const [member] = await knex("members").insert({ email: "new@example.com", labels: ["x"], settings: { a: 1 } }).returning("*");
  const [room] = await knex("rooms").insert({ name: "new" }).returning("*");
  const [course] = await knex("courses").insert({ code: "new", title: "new", starts_at: new Date(), teacher_id: member.id, room_id: room.id }).returning("*");
  await knex("enrolments").insert({ member_id: member.id, course_id: course.id });
  const [found] = await knex("members").join("courses", "teacher_id", "members.id").where({ code: "new" });
  if (found.email !== member.email || found.level !== "bronze" || found.active !== true) throw new Error("another member");
  console.log(member.id, room.id);
}

const tasks = { fill, read, create };
tasks[process.argv[2]]()
  .then(() => knex.destroy())
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });

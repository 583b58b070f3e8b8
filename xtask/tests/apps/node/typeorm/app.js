// A magazine on TypeORM. Its database is the one of DATABASE_URL: a URL of PostgreSQL, or a file.
//
//   npx typeorm migration:run -d data-source.js    makes the tables
//   node app.js fill                               creates some hundred rows
//   node app.js read                               prints each row of each entity as the app sees it
//   node app.js create                             creates a row of each entity and prints the new keys
"use strict";

const { isPostgres, source, Photo, Question } = require("./data-source");

const TEXTS = ["", " ", "plain", "Grüße", "日本語 🐚", "two\nlines\r\n", "tab\tand \\ back\\slash", "it's \"quoted\"", "007", "1e5", "NULL", "\\N",
  "x".repeat(5000), "é", "e\u0301", "trailing  "];
const DOCUMENTS = [null, {}, [], { a: null, b: [1, 2.5, true], ü: "🐚" }, [1, [2, [3]]], "text", 42, -0.5, true, { quote: "\"\\/\n\t" }];
const TIMES = [0, 1, 999, 1.7e12 + 123, -1, -62135596800000, 253402300799999, 2147483648000].map((ms) => new Date(ms));
const of = (list, n) => list[n % list.length];

async function fill() {
  const [users, categories, posts] = ["User", "Category", "Post"].map((name) => source.getRepository(name));
  const people = [];
  for (let n = 0; n < 150; n++) {
    people.push(await users.save({
      email: `u${n}@example.com`, displayName: n % 5 ? of(TEXTS, n) : null, isActive: n % 3 !== 0, role: of(["admin", "editor", "guest"], n),
      balance: of([0, 0.01, 0.1, 9999999999.99, -12.3, 19.99], n), credits: of([0, 1, 9007199254740991, -9007199254740991], n),
      rating: of([null, 0.1, 1e-300, 1.7976931348623157e308, 3, 1 / 3], n), level: of([null, 32767, -32768], n),
      settings: of(DOCUMENTS, n), raw: of(DOCUMENTS, n * 3), tags: of([null, ["one"], ["a", "b c"]], n),
      labels: of([null, [], ["one"], ["a b", "c,d", 'e"f', "g\\h", "{}", "", "NULL"], TEXTS], n),
      avatar: of([null, Buffer.alloc(0), Buffer.from([0, 255, 0]), Buffer.alloc(3000, n)], n), birthday: of([null, "1900-02-28", "2000-02-29", "9999-12-31"], n),
      wakesAt: of([null, "00:00:00", "23:59:59", "06:30:00"], n), seenAt: n % 4 ? of(TIMES, n) : null, deletedAt: n % 20 === 7 ? of(TIMES, n) : null,
      address: { street: n % 2 ? of(TEXTS, n) : null, zip: n % 2 ? "01067" : null }, invitedBy: n > 3 ? people[(n * 7) % n] : null,
    }));
  }
  for (let n = 0; n < 120; n++) await users.update(people[n].id, { invitedBy: people[149 - n], displayName: `renamed ${n}` });
  const tree = await categories.find({ order: { id: "ASC" } });
  for (let n = 0; n < 20; n++) tree.push(await categories.save({ name: of(TEXTS, n), parent: tree[n >> 1] }));
  for (let n = 0; n < 150; n++) {
    await posts.save({
      title: `${of(TEXTS, n).slice(0, 100)} ${n}`, body: of(TEXTS, n * 3), views: n * 1000, publishedAt: n % 3 ? of(TIMES, n) : null,
      author: people[n], categories: tree.filter((_, at) => at % 7 === n % 7),
    });
  }
  for (let n = 0; n < 40; n++) await source.getRepository(n % 2 ? Photo : Question).save(n % 2 ? { title: of(TEXTS, n), width: n } : { title: of(TEXTS, n), answered: n % 4 === 0 });
  await posts.delete({ title: "NULL 138" });
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
  const related = { User: { invitedBy: true }, Post: { author: true, categories: true }, Category: { parent: true } };
  for (const name of ["User", "Category", "Post", "Content", "Published"]) {
    const rows = await source.getRepository(name).find({ withDeleted: true, relations: related[name] });
    for (const row of rows) {
      for (const [key, value] of Object.entries(row)) {
        if (Array.isArray(value) && value[0]?.id) row[key] = value.map(({ id }) => id).sort();
        else if (value?.id) row[key] = value.id;
      }
    }
    console.log(rows.map((row) => `${row.constructor.name} ${name} ${shown(row)}`).sort().join("\n"));
  }
  const trees = await source.getTreeRepository("Category").findTrees();
  const sorted = (list) => list.sort((one, other) => one.id - other.id).map(({ id, children }) => ({ id, children: sorted(children) }));
  console.log(shown(sorted(trees)));
}

async function create() {
  const user = await source.getRepository("User").save({ email: "new@example.com", labels: ["x"], settings: { a: 1 }, raw: [1] });
  const parent = await source.getRepository("Category").findOneByOrFail({ id: 22 });
  const category = await source.getRepository("Category").save({ name: "new", parent });
  const post = await source.getRepository("Post").save({ title: "New", author: user, categories: [category] });
  const photo = await source.getRepository(Photo).save({ title: "new", width: 1 });
  const found = await source.getRepository("Post").findOneOrFail({ where: { id: post.id }, relations: { author: true, categories: true } });
  if (found.slug !== "new" || found.author.email !== user.email || found.categories[0].name !== "new") throw new Error("another post");
  console.log(category.id, post.id, photo.id);
}

(async () => {
  await source.initialize();
  const tasks = { fill, read, create };
  await tasks[process.argv[2]]();
  await source.destroy();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});

-- Names that mean something else in TypeScript, collide in camelCase, or need quotes in SQL.
CREATE TABLE "table" (
    "class" TEXT PRIMARY KEY, "default" INTEGER, "user_id" INTEGER, "userId" INTEGER, "constructor" TEXT, "enableRLS" TEXT, "_" TEXT,
    "getSQL" TEXT, "then" TEXT, "toString" TEXT, "valueOf" TEXT, "1" TEXT, "2a" TEXT, "" TEXT, "a b" TEXT, "a-b" TEXT, "größe" TEXT,
    "日本" TEXT, "😀" TEXT, "length" TEXT, "name" TEXT, "$inferSelect" TEXT, "hasOwnProperty" TEXT, "a""b" TEXT, "it's" TEXT,
    "x\y" TEXT, "new
line" TEXT, "back`tick" TEXT, "${x}" TEXT
);
CREATE TABLE "text" (id INTEGER PRIMARY KEY, "text" TEXT, "sql" TEXT, "table" TEXT);
CREATE TABLE "sql" (id INTEGER PRIMARY KEY, t INTEGER REFERENCES "text"(id));
CREATE TABLE "Order Details" (id INTEGER PRIMARY KEY AUTOINCREMENT, "Unit Price" REAL);
CREATE TABLE "order_details" (id INTEGER PRIMARY KEY);
CREATE TABLE "a.b" (id INTEGER PRIMARY KEY, "c.d" INTEGER REFERENCES "a.b"(id));
CREATE TABLE "user" (id INTEGER PRIMARY KEY);
CREATE TABLE "Buffer" (id INTEGER PRIMARY KEY, bytes BLOB);
CREATE TABLE "*" (id INTEGER PRIMARY KEY);
CREATE TABLE "x;y,,z--w" (id INTEGER PRIMARY KEY, "p;q" TEXT UNIQUE, "r,s" TEXT);
CREATE INDEX "i;j,k" ON "x;y,,z--w" ("r,s", "p;q");
CREATE TABLE "averyveryveryverylongtablenamethatexceedssixtythreebytesinpostgresql" (
    id INTEGER PRIMARY KEY, "averyveryveryverylongcolumnnamethatexceedssixtythreebytesinpostgresql" TEXT
);
CREATE TABLE index_ (id INTEGER PRIMARY KEY);
CREATE TABLE "index" (id INTEGER PRIMARY KEY);
CREATE TABLE "ΟΔΟΣ" (id INTEGER PRIMARY KEY, x TEXT);
CREATE INDEX "idx `${x}`" ON "index" (id);
-- Alphabetic characters that no identifier may have, or none may begin with.
CREATE TABLE "ⓐbc" (id INTEGER PRIMARY KEY, "ⓐ" TEXT, "ं" TEXT, "aं" TEXT, "٣x" TEXT);
CREATE TABLE "ं" (id INTEGER PRIMARY KEY, "ⓐbc" INTEGER REFERENCES "ⓐbc"(id));

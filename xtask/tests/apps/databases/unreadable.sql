-- Names at which drizzle-kit fails: tables and views with quotation marks, and what JavaScript does not keep as a property.
CREATE TABLE "it's" (id INTEGER PRIMARY KEY, x TEXT);
CREATE TABLE "q""q" (id INTEGER PRIMARY KEY, r INTEGER REFERENCES "it's"(id));
CREATE TABLE "readable" (id INTEGER PRIMARY KEY, r INTEGER REFERENCES "q""q"(id));
CREATE TABLE prototypes (id INTEGER PRIMARY KEY, "__proto__" TEXT, r INTEGER REFERENCES readable(id));
CREATE VIEW "v'v" AS SELECT id FROM readable;

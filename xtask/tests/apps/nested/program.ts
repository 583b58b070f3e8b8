// Reads the children of a parent as rows of their own and as documents of a relational query, and prints both.
import { relations } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { close, getPool } from '../db/client';
import * as schema from '../drizzle/schema';

const parentRelations = relations(schema.parents, ({ many }) => ({ children: many(schema.children) }));
const childRelations = relations(schema.children, ({ one }) => ({
  parent: one(schema.parents, { fields: [schema.children.parentId], references: [schema.parents.id] }),
}));

async function read(pool: pg.Pool): Promise<unknown> {
  const db = drizzle(pool, { schema: { ...schema, parentRelations, childRelations } });
  const rows = await db.select().from(schema.children).orderBy(schema.children.id);
  const parent = await db.query.parents.findFirst({
    with: { children: { orderBy: (children, { asc }) => asc(children.id) } },
  });
  const child = await db.query.children.findFirst({
    orderBy: (children, { asc }) => asc(children.id),
    with: { parent: true },
  });
  return { rows, nested: parent?.children, parent: child?.parent };
}

// JSON has no NaN.
const shown = (_: string, value: unknown): unknown => (Number.isNaN(value) ? 'NaN' : value);

async function main(): Promise<void> {
  // Offsets have minutes in the one zone, and seconds for early years in the other.
  const zones = ['Asia/Kolkata', 'Europe/Amsterdam'];
  const results = [await read(getPool())];
  for (const zone of zones) {
    const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], options: `-c timezone=${zone}` });
    results.push(await read(pool));
    await pool.end();
  }
  await close();
  process.stdout.write(JSON.stringify(results, shown));
}

void main();

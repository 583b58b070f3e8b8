// What the tests of the connection do with the generated files. Each scenario prints what it saw as one line of JSON.
//
//   node dist/test/scenarios.js NAME [ARGUMENT…]

import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool, PoolClient } from 'pg';
import { close, closeOnSignal, connectOnce, getPool, poolState } from '../db/client.js';
import { liveness, readiness } from '../db/health.js';
import { migrateDatabase } from '../db/migrations.js';
import { answeringTls } from './tls_server.js';

/** The code or the message of what a promise fails with; `done` where it does not fail. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    const cause = error as { code?: string; message: string };
    return cause.code ?? cause.message;
  }
}

async function terminate(pid: number): Promise<void> {
  const other = await connectOnce();
  await other.query('SELECT pg_terminate_backend($1)', [pid]);
  await other.end();
  await sleep(200);
}

async function backend(client: Pick<Pool, 'query'>): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

/** Passes everything on to the database, until it is paused. */
async function pausable(): Promise<{ port: number; pause(): void; resume(): void }> {
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  const socket = url.searchParams.get('host');
  const port = Number(url.searchParams.get('port') ?? (url.port || 5432));
  const target = socket?.startsWith('/') ? { path: `${socket}/.s.PGSQL.${port}` } : { host: socket ?? url.hostname, port };
  const all = new Set<net.Socket>();
  let isPaused = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(target);
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
      all.add(one);
      if (isPaused) one.pause();
      one.on('data', (data) => void other.write(data)).on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    port: (server.address() as net.AddressInfo).port,
    pause: () => {
      isPaused = true;
      all.forEach((socket) => socket.pause());
    },
    resume: () => {
      isPaused = false;
      all.forEach((socket) => socket.resume());
    },
  };
}

function through(port: number): void {
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  const user = url.searchParams.get('user') ?? url.username;
  process.env['DATABASE_URL'] = `postgres://${user}${url.password ? `:${url.password}` : ''}@127.0.0.1:${port}${url.pathname}?sslmode=disable`;
}

/** The rows of the table `written` that other sessions see. */
async function written(): Promise<string[]> {
  const other = await connectOnce();
  const { rows } = await other.query<{ who: string }>('SELECT who FROM written ORDER BY who');
  await other.end();
  return rows.map((row) => row.who);
}

async function createWritten(): Promise<void> {
  const other = await connectOnce();
  await other.query('CREATE TABLE IF NOT EXISTS written (who text)');
  await other.query('TRUNCATE written');
  await other.end();
}

const scenarios: Record<string, (...args: string[]) => Promise<unknown>> = {
  async lost_idle() {
    const before = await backend(getPool());
    await terminate(before);
    const after = await backend(getPool());
    return { isOther: before !== after };
  },

  async lost_in_transaction() {
    const lost = await outcome(
      drizzle(getPool()).transaction(async (tx) => {
        const { rows } = await tx.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`);
        await terminate(rows[0]?.pid ?? 0);
        await tx.execute(sql`SELECT 1`);
      }),
    );
    return { isLost: lost !== 'done', later: await outcome(getPool().query('SELECT 1')), total: poolState().total };
  },

  async statement_timeout() {
    const started = Date.now();
    const slow = await outcome(getPool().query('SELECT pg_sleep(30)'));
    return { slow, isFast: Date.now() - started < 5_000, later: await outcome(getPool().query('SELECT 1')) };
  },

  async stalled_statement() {
    const proxy = await pausable();
    through(proxy.port);
    await getPool().query('SELECT 1');
    proxy.pause();
    const started = Date.now();
    const stalled = await outcome(getPool().query('SELECT 2'));
    const ms = Date.now() - started;
    proxy.resume();
    return { stalled, isBounded: ms < 8_000, later: await outcome(getPool().query('SELECT 3')) };
  },

  /** The network stalls in a transaction, at the outer level or in a savepoint, until the transaction has failed. */
  async stalled_transaction(level: string) {
    await createWritten();
    const real = process.env['DATABASE_URL'] ?? '';
    const proxy = await pausable();
    through(proxy.port);
    const db = drizzle(getPool());
    const started = Date.now();
    const failed = await outcome(
      db.transaction(async (tx) => {
        await tx.execute(sql`INSERT INTO written VALUES ('failed')`);
        proxy.pause();
        if (level === 'savepoint') await tx.transaction(async (inner) => inner.execute(sql`SELECT 1`));
        // What a transaction does after a statement without an answer must not count either.
        else if (level === 'caught') await tx.execute(sql`SELECT 1`).catch(() => proxy.resume());
        else await tx.execute(sql`SELECT 1`);
      }),
    );
    const ms = Date.now() - started;
    proxy.resume();
    await sleep(300);
    const later = await outcome(db.execute(sql`INSERT INTO written VALUES ('later')`));
    process.env['DATABASE_URL'] = real;
    return { isFailed: failed !== 'done', isBounded: ms < 8_000, later, written: await written() };
  },

  async left_open() {
    await createWritten();
    const client = await getPool().connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO written VALUES ('left open')");
    client.release();
    await getPool().query("INSERT INTO written VALUES ('later')");
    return { written: await written(), total: poolState().total };
  },

  /** Transactions that cannot begin, as often as there are connections. */
  async no_beginning() {
    const pool = getPool();
    const db = drizzle(pool);
    const seen: boolean[] = [];
    const wrong = { isolationLevel: 'none at all' } as never;
    for (let count = 0; count < 2; count++) seen.push((await outcome(db.transaction(async () => 1, wrong))) === 'done');
    const refused = poolState().total;
    const connect = pool.connect.bind(pool) as () => Promise<PoolClient>;
    for (let count = 0; count < 2; count++) {
      pool.connect = (async () => {
        const client = await connect();
        await terminate(await backend(client));
        return client;
      }) as typeof pool.connect;
      const begun = outcome(db.transaction(async () => 1));
      seen.push((await begun) === 'done');
    }
    pool.connect = connect as typeof pool.connect;
    const lost = poolState().total;
    const client = await pool.connect();
    await outcome(client.query('BEGIN none at all'));
    client.release();
    const hasty = await pool.connect();
    const unawaited = outcome(hasty.query('BEGIN none at all'));
    hasty.release();
    await unawaited;
    return { seen, refused, lost, later: await outcome(db.transaction(async () => 1)), total: poolState().total };
  },

  async limits() {
    const client = await connectOnce();
    const { rows } = await client.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE name ~ '^(statement|lock|idle.*session|transaction)_timeout$' AND setting <> '0'",
    );
    const slow = await outcome(client.query('SELECT pg_sleep(1)'));
    await client.end();
    return { limits: rows.map((row) => `${row.name} ${row.setting}`), slow };
  },

  async bounds() {
    const pool = getPool();
    const busy = [pool.query('SELECT pg_sleep(3)'), pool.query('SELECT pg_sleep(3)')];
    const third = outcome(pool.query('SELECT 1'));
    await sleep(100);
    const during = poolState();
    const other = await connectOnce();
    const count = async (): Promise<number | undefined> => {
      const others = 'datname = current_database() AND pid <> pg_backend_pid()';
      const { rows } = await other.query<{ count: number }>(`SELECT count(*) FROM pg_stat_activity WHERE ${others}`);
      return rows[0]?.count;
    };
    // A busy machine takes its time to open them.
    for (let tries = 0; tries < 100 && (await count()) !== 2; tries++) await sleep(20);
    const sessions = await count();
    await other.end();
    const refused = await third;
    await Promise.all(busy);
    await sleep(600);
    return { during, sessions, refused, total: poolState().total };
  },

  async values() {
    const row = await getPool().query(
      `SELECT 42::bigint AS number, '{1,NULL,9007199254740991}'::bigint[] AS numbers, true AS flag, '{"a": [1]}'::jsonb AS document,
              '2026-11-29 12:00:00.123+02'::timestamptz AS moment, current_setting('TimeZone') AS zone,
              current_setting('application_name') AS name, (SELECT count(*) FROM generate_series(1, 3)) AS counted,
              ' "true"'::json AS text, E'\\n"123"'::json AS digits, ' 5'::json AS five`,
    );
    const beyond = (text: string): Promise<string> => outcome(getPool().query(`SELECT ${text}`));
    return {
      ...row.rows[0],
      moment: { kind: row.rows[0].moment.constructor.name, ms: row.rows[0].moment.valueOf() },
      exact: await beyond("'-9007199254740991'::bigint"),
      beyond: await beyond("'9007199254740993'::bigint"),
      beyondInArray: await beyond("'{9007199254740993}'::bigint[]"),
    };
  },

  async settings() {
    const url = process.env['DATABASE_URL'];
    const secret = 'Sup3rS3cret';
    const seen: Record<string, string> = {};
    const attempt = async (name: string, variables: Record<string, string>): Promise<void> => {
      const before = { ...process.env };
      Object.assign(process.env, variables);
      delete (globalThis as Record<symbol, unknown>)[Symbol.for('db/client')];
      const one = await outcome(connectOnce().then((client) => client.end()));
      seen[name] = one === 'done' ? await outcome(Promise.resolve().then(() => fresh().query('SELECT 1'))) : one;
      for (const key of Object.keys(process.env)) if (!(key in before)) delete process.env[key];
      Object.assign(process.env, before);
    };
    const fresh = (): Pool => {
      const shared = (globalThis as Record<symbol, { pool?: Pool }>)[Symbol.for('db/client')];
      if (shared) delete shared.pool;
      return module().getPool();
    };
    await attempt('max', { DB_POOL_MAX: '0' });
    await attempt('min', { DB_POOL_MIN: '11' });
    await attempt('timeout', { DB_STATEMENT_TIMEOUT: `${secret}ms` });
    await attempt('connection', { DB_CONNECTION_TIMEOUT: '1.5' });
    await attempt('idle', { DB_IDLE_TIMEOUT: '-1' });
    await attempt('empty', { DB_POOL_MAX: ' ' });
    await attempt('scheme', { DATABASE_URL: `mysql://u:${secret}@h/d` });
    await attempt('slash', { DATABASE_URL: `postgres://u:${secret}/@h/d` });
    await attempt('percent', { DATABASE_URL: `postgres://u:${secret}%zz@h/d` });
    await attempt('port', { DATABASE_URL: `postgres://u:${secret}@h:99999/d` });
    await attempt('hosts', { DATABASE_URL: `postgres://u:${secret}@a,b/d` });
    await attempt('option', { DATABASE_URL: `postgres://u:${secret}@h/d?sslcrl=/x` });
    await attempt('sslmode', { DATABASE_URL: `postgres://u:${secret}@h/d?sslmode=${secret}` });
    await attempt('no_root', { DATABASE_URL: `postgres://u:${secret}@h/d?sslmode=verify-full` });
    await attempt('root_gone', { DATABASE_URL: `postgres://u:${secret}@h/d?sslmode=require&sslrootcert=/nowhere.crt` });
    await attempt('no_verify', { DATABASE_URL: `postgres://u:${secret}@h/d?sslmode=no-verify` });
    await attempt('binding', { DATABASE_URL: `${url}${url?.includes('?') ? '&' : '?'}channel_binding=require` });
    await attempt('other_binding', { DATABASE_URL: `postgres://u:${secret}@h/d?channel_binding=always` });
    await attempt('newline', { DATABASE_URL: `${url}\r\n` });
    await attempt('keywords', { DATABASE_URL: `host=h password='${secret}` });
    await attempt('nothing', { DATABASE_URL: '' });
    await attempt('parts_port', { DATABASE_URL: '', POSTGRES_PORT: secret });
    const parts = new URL(url ?? '');
    const host = parts.searchParams.get('host') ?? parts.hostname;
    const port = parts.searchParams.get('port') ?? (parts.port || '5432');
    const user = decodeURIComponent(parts.searchParams.get('user') ?? parts.username);
    const [password, name] = [decodeURIComponent(parts.password), parts.pathname.slice(1)];
    await attempt('parts', {
      DATABASE_URL: '', POSTGRES_HOST: host, POSTGRES_PORT: port, POSTGRES_DB: name, POSTGRES_USER: user, POSTGRES_PASSWORD: password,
    });
    const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
    await attempt('as_keywords', {
      DATABASE_URL: ` host=${quoted(host)} port = ${port} dbname=${quoted(name)} user=${quoted(user)} password=${quoted(password)} `,
    });
    return { seen, isSecretShown: JSON.stringify(seen).includes(secret) };
  },

  async hot_reload() {
    const before = getPool();
    delete require.cache[require.resolve('../db/client.js')];
    const reloaded = module();
    return { isOtherModule: reloaded.getPool !== getPool, isSamePool: reloaded.getPool() === before };
  },

  async shutdown(deadlineMs = '10000', seconds = '1') {
    closeOnSignal(async () => console.log('stopping'), Number(deadlineMs));
    closeOnSignal(async () => console.log('twice'));
    const running = getPool().query(`SELECT pg_sleep(${seconds})`);
    await sleep(300);
    console.log('ready');
    await running;
    console.log('finished');
    await sleep(60_000);
    return {};
  },

  /** A server whose request is between two queries when the signal comes. */
  async server() {
    const server = http.createServer((_request, response) => {
      void (async () => {
        await getPool().query('SELECT 1');
        console.log('ready');
        await sleep(1_000);
        response.end(await outcome(getPool().query('SELECT 2')));
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closeOnSignal(() => new Promise((resolve) => server.close(resolve)));
    const answer = await fetch(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
    console.log(await answer.text());
    await sleep(60_000);
    return {};
  },

  async ended_by_the_app() {
    closeOnSignal(async () => undefined);
    await getPool().query('SELECT 1');
    await getPool().end();
    console.log('ready');
    await sleep(60_000);
    return {};
  },

  async closed_early() {
    const early = await close();
    await getPool().query('SELECT 1');
    return { early, isClosed: await close(), total: poolState().total };
  },

  async closed() {
    await getPool().query('SELECT 1');
    const isClosed = await close();
    const again = await close();
    return { isClosed, again, later: await outcome(getPool().query('SELECT 1')), ready: await readiness(getPool()), alive: liveness().status };
  },

  async readiness(folder = 'drizzle') {
    const found = await readiness(getPool(), { migrationsFolder: folder });
    const without = await readiness(getPool(), { migrationsFolder: undefined });
    return { found, without: without.ready };
  },

  async locked() {
    const other = await connectOnce();
    await other.query("SELECT pg_advisory_lock(hashtextextended('drizzle.__drizzle_migrations', 0))");
    const pid = await backend(other);
    const failed = await outcome(migrateDatabase({ lockDeadlineMs: 200 }));
    await other.end();
    return { failed: failed.replace(String(pid), 'PID'), later: await outcome(migrateDatabase({ lockDeadlineMs: 10_000 })) };
  },

  /** A migration waits for a table that another session has, longer than the database allows. */
  async table_locked() {
    const other = await connectOnce();
    await other.query('BEGIN; CREATE TABLE app_state (a int)');
    const failed = await outcome(migrateDatabase());
    await other.query('ROLLBACK');
    await other.end();
    return { failed };
  },

  async unreachable() {
    process.env['DATABASE_URL'] = 'postgres://nobody@127.0.0.1:1/nothing';
    return readiness(getPool());
  },

  async stalled_readiness() {
    const proxy = await pausable();
    through(proxy.port);
    const pool = getPool();
    const first = await readiness(pool, { deadlineMs: 2_000 });
    proxy.pause();
    const started = Date.now();
    const asked = Array.from({ length: 20 }, () => readiness(pool, { deadlineMs: 300 }));
    await sleep(100);
    const used = poolState().total;
    const probes = await Promise.all(asked);
    const ms = Date.now() - started;
    // New connections stall, too.
    const again = await readiness(pool, { deadlineMs: 300 });
    proxy.resume();
    await sleep(500);
    const later = await readiness(pool, { deadlineMs: 5_000 });
    return {
      first: first.ready,
      reasons: [...new Set(probes.map((probe) => probe.reason))],
      isFast: ms < 2_000,
      used,
      again: again.reason,
      later: later.ready,
    };
  },

  async tls(mode: string, answer: string, certificate = '', key = '', root = '') {
    const server = await answeringTls(answer === 'tls', certificate, key);
    const options = root === '' ? '' : `&sslrootcert=${encodeURIComponent(root)}`;
    process.env['DATABASE_URL'] = `postgres://${server.user}@localhost:${server.port}/${server.database}?sslmode=${mode}${options}`;
    const once = await outcome(connectOnce().then((client) => client.end()));
    const wasOnce = server.encrypted();
    const pooled = await outcome(Promise.resolve().then(() => getPool().query('SELECT 1')));
    return { once, pooled, isEncrypted: wasOnce && server.encrypted() };
  },
};

/** The connection as a module that is loaded again has it. */
function module(): typeof import('../db/client.js') {
  return require('../db/client.js') as typeof import('../db/client.js');
}

const [name = '', ...args] = process.argv.slice(2);
const scenario = scenarios[name];
if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
void scenario(...args).then((seen) => {
  console.log(JSON.stringify(seen));
  process.exit(0);
});

//! Checkouts for tests: Hyperpage as it is on SQLite, and the same app on PostgreSQL. They are written file by file, and the
//! database is made by SQLite itself.

use super::{Area, Listing, scan};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Writes files, with the folders on the way.
pub(crate) fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// A checkout with these files.
pub(crate) fn checkout(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    folder
}

/// Hyperpage on SQLite, its database closed in WAL mode with both companions left.
pub(crate) fn sqlite_app() -> TempDir {
    let app = checkout(SHARED);
    write(app.path(), SQLITE);
    database(&app.path().join("data/hyperpage.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
    app
}

/// Hyperpage on PostgreSQL.
pub(crate) fn postgres_app() -> TempDir {
    let app = checkout(SHARED);
    write(app.path(), POSTGRES);
    app
}

/// A database in WAL mode, copied while it was open, so that `-wal` and `-shm` lie beside it. `last` runs before the copy.
pub(crate) fn database(path: &Path, last: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("source.db");
    let open = rusqlite::Connection::open(&source).unwrap();
    open.execute_batch(
        "PRAGMA journal_mode=WAL; CREATE TABLE jobs (id TEXT); INSERT INTO jobs VALUES ('one'), ('two');",
    )
    .unwrap();
    open.query_row(last, [], |_| Ok(())).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for ending in ["", "-wal", "-shm"] {
        let name = |path: &Path| super::database::suffixed(path, ending);
        fs::copy(name(&source), name(path)).unwrap();
    }
}

/// How many rows a database has.
pub(crate) fn rows(path: &Path) -> i64 {
    let open = rusqlite::Connection::open(path).unwrap();
    open.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap()
}

/// Runs git in a checkout.
pub(crate) fn git(root: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").arg("-C").arg(root).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

/// Searches a checkout with a backup folder that is not there.
pub(crate) fn listing(root: &Path) -> Listing {
    scan(&Area::new(root, &root.join("backups/app-cleanup"), &[]).unwrap())
}

/// Every path below a folder with its content, to see that nothing has changed.
pub(crate) fn contents(root: &Path) -> Vec<(String, Vec<u8>)> {
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).sort_by_file_path(Path::cmp).build();
    let files = walk.map(|entry| entry.unwrap().into_path()).filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// What is the same on both databases, and must never be a finding.
const SHARED: &[(&str, &str)] = &[
    (".gitignore", "node_modules\n.next\n.env.local\n/data/*\n"),
    ("node_modules/better-sqlite3/index.js", "module.exports = require('bindings')('better_sqlite3.node')\n"),
    (".next/server/page.js", "require('better-sqlite3')\n"),
    ("CHANGELOG.md", "# 1.0\n- Jobs are stored in SQLite\n"),
    ("public/thumbs.db", "not a database\n"),
    ("tsconfig.json", "{\n  // strict\n  \"compilerOptions\": { \"strict\": true }\n}\n"),
    (
        "src/app/page.tsx",
        "// Once this page read SQLite by itself.\nexport default function Page() {\n  return <p>Don't worry, it's `fast`</p>;\n}\n",
    ),
    (
        "k8s/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: hyperpage\nspec:\n  ports:\n    - port: 3000\n",
    ),
    (
        "k8s/postgres.yaml",
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: postgres\nspec:\n  template:\n    spec:\n      containers:\n        - name: postgres\n          image: postgres:17\n          volumeMounts:\n            - name: data\n              mountPath: /var/lib/postgresql/data\n  volumeClaimTemplates:\n    - metadata:\n        name: data\n",
    ),
];

const SQLITE: &[(&str, &str)] = &[
    (
        "package.json",
        "{\n  \"name\": \"hyperpage\",\n  \"scripts\": {\n    \"dev\": \"next dev\",\n    \"db:reset\": \"rm -f data/hyperpage.db && npm run db:migrate\",\n    \"db:migrate\": \"drizzle-kit migrate\"\n  },\n  \"dependencies\": {\n    \"better-sqlite3\": \"^12.0.0\",\n    \"drizzle-orm\": \"^0.44.0\",\n    \"next\": \"^15.0.0\"\n  },\n  \"devDependencies\": {\n    \"@types/node\": \"^22\",\n    \"@types/better-sqlite3\": \"^7.6.0\"\n  }\n}\n",
    ),
    (
        "package-lock.json",
        "{\n  \"name\": \"hyperpage\",\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\n      \"dependencies\": {\n        \"better-sqlite3\": \"^12.0.0\",\n        \"next\": \"^15.0.0\"\n      }\n    },\n    \"node_modules/better-sqlite3\": {\n      \"version\": \"12.0.0\"\n    },\n    \"node_modules/drizzle-orm\": {\n      \"version\": \"0.44.0\",\n      \"peerDependencies\": {\n        \"better-sqlite3\": \">=7\"\n      }\n    }\n  }\n}\n",
    ),
    (
        "next.config.ts",
        "const config = {\n  serverExternalPackages: ['better-sqlite3'],\n};\nexport default config;\n",
    ),
    (
        "drizzle.config.ts",
        "import { defineConfig } from 'drizzle-kit';\nexport default defineConfig({\n  dialect: 'sqlite',\n  schema: './src/lib/schema.ts',\n  dbCredentials: { url: process.env.DATABASE_PATH ?? './data/hyperpage.db' },\n});\n",
    ),
    (
        "src/lib/db.ts",
        "import Database from 'better-sqlite3';\nimport { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';\nimport { migrate } from 'drizzle-orm/better-sqlite3/migrator';\n\nconst file = process.env.DATABASE_PATH || './data/hyperpage.db';\nconst sqlite = new Database(file);\nsqlite.pragma('journal_mode = WAL');\nexport const db: BetterSQLite3Database = drizzle(sqlite);\nmigrate(db, { migrationsFolder: './drizzle' });\n",
    ),
    (
        "src/lib/schema.ts",
        "import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';\nimport { sql } from 'drizzle-orm';\n\nexport const jobs = sqliteTable('jobs', {\n  id: text('id').primaryKey(),\n  createdAt: integer('created_at').default(sql`(unixepoch() * 1000)`),\n});\n",
    ),
    (
        "src/lib/__tests__/db.test.ts",
        "jest.mock('better-sqlite3');\nit('opens', () => {\n  const Database = require('better-sqlite3');\n  new Database(':memory:');\n});\n",
    ),
    (
        "drizzle/0000_init.sql",
        "CREATE TABLE `jobs` (\n\t`id` text PRIMARY KEY,\n\t`created_at` integer DEFAULT (unixepoch() * 1000)\n);\n",
    ),
    ("drizzle/0001_index.sql", "CREATE INDEX idx ON jobs (id);\n"),
    (
        "drizzle/meta/_journal.json",
        "{\n  \"version\": \"7\",\n  \"dialect\": \"sqlite\",\n  \"entries\": []\n}\n",
    ),
    ("drizzle/meta/0000_snapshot.json", "{\n  \"version\": \"6\",\n  \"dialect\": \"sqlite\"\n}\n"),
    (
        "Dockerfile",
        "FROM node:22-alpine\nRUN apk add --no-cache python3 make g++ sqlite\nWORKDIR /app\nCOPY . .\nRUN mkdir -p /app/data\nENV DATABASE_PATH=/app/data/hyperpage.db\nVOLUME /app/data\nCMD [\"npm\", \"start\"]\n",
    ),
    (
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      - DATABASE_PATH=/app/data/hyperpage.db\n    volumes:\n      - hyperpage-data:/app/data\nvolumes:\n  hyperpage-data:\n",
    ),
    (
        "k8s/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: hyperpage\nspec:\n  # SQLite allows one writer only\n  replicas: 1\n  template:\n    spec:\n      containers:\n        - name: web\n          env:\n            - name: DATABASE_PATH\n              valueFrom:\n                configMapKeyRef:\n                  name: hyperpage\n                  key: database-path\n          volumeMounts:\n            - name: data\n              mountPath: /app/data\n      volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: hyperpage-data\n",
    ),
    (
        "k8s/pvc.yaml",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: hyperpage-data\nspec:\n  accessModes: [ReadWriteOnce]\n",
    ),
    (
        "k8s/configmap.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hyperpage\ndata:\n  database-path: /app/data/hyperpage.db\n",
    ),
    (
        "chart/templates/deployment.yaml",
        "{{- if .Values.persistence.enabled }}\nvolumeMounts:\n  - name: data\n    mountPath: /app/data\n{{- end }}\n",
    ),
    (
        ".env.example",
        "# Where the SQLite file lies\nDATABASE_PATH=./data/hyperpage.db\nSESSION_SECRET=change-me\n",
    ),
    (
        ".env.local",
        "SESSION_SECRET=hunter2\nexport DATABASE_PATH='./data/hyperpage.db'\nREDIS_URL=redis://u:hunter3@h/0\n",
    ),
    ("README.md", "# Hyperpage\n\nData lies in SQLite, at `data/hyperpage.db`.\n\nRun `npm run dev`.\n"),
    ("docs/backup.md", "Copy the file that `DATABASE_PATH` names.\n"),
    (
        "scripts/backup.sh",
        "#!/bin/sh\n# copies the sqlite file\nsqlite3 data/hyperpage.db '.backup /tmp/x'\n",
    ),
    (
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  test:\n    env:\n      DATABASE_PATH: ./ci.db\n    steps:\n      - run: npm rebuild better-sqlite3\n      - run: npm test -- --token ${{ secrets.T }}\n",
    ),
];

const POSTGRES: &[(&str, &str)] = &[
    (
        "package.json",
        "{\n  \"name\": \"hyperpage\",\n  \"description\": \"PostgreSQL only\",\n  \"scripts\": {\n    \"dev\": \"next dev\",\n    \"db:reset\": \"psql \\\"$DATABASE_URL\\\" -f reset.sql\",\n    \"db:migrate\": \"drizzle-kit migrate\"\n  },\n  \"dependencies\": {\n    \"drizzle-orm\": \"^0.44.0\",\n    \"next\": \"^15.0.0\",\n    \"pg\": \"^8.16.0\"\n  },\n  \"devDependencies\": {\n    \"@types/node\": \"^22\",\n    \"@types/pg\": \"^8\"\n  }\n}\n",
    ),
    (
        "package-lock.json",
        "{\n  \"name\": \"hyperpage\",\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\n      \"dependencies\": {\n        \"next\": \"^15.0.0\",\n        \"pg\": \"^8.16.0\"\n      }\n    },\n    \"node_modules/drizzle-orm\": {\n      \"version\": \"0.44.0\",\n      \"peerDependencies\": {\n        \"better-sqlite3\": \">=7\",\n        \"@libsql/client\": \">=0.10.0\"\n      },\n      \"peerDependenciesMeta\": {\n        \"better-sqlite3\": {\n          \"optional\": true\n        }\n      }\n    },\n    \"node_modules/pg\": {\n      \"version\": \"8.16.0\"\n    }\n  }\n}\n",
    ),
    ("next.config.ts", "const config = {\n  serverExternalPackages: ['pg'],\n};\nexport default config;\n"),
    (
        "drizzle.config.ts",
        "import { defineConfig } from 'drizzle-kit';\nexport default defineConfig({\n  dialect: 'postgresql',\n  schema: './src/lib/schema.ts',\n  dbCredentials: { url: process.env.DATABASE_URL! },\n});\n",
    ),
    (
        "src/lib/db.ts",
        "import { Pool } from 'pg';\nimport { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';\nimport { migrate } from 'drizzle-orm/node-postgres/migrator';\n\nconst pool = new Pool({ connectionString: process.env.DATABASE_URL });\nexport const db: NodePgDatabase = drizzle(pool);\nawait migrate(db, { migrationsFolder: './drizzle' });\n",
    ),
    (
        "src/lib/schema.ts",
        "import { bigserial, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';\nimport { sql } from 'drizzle-orm';\n\nexport const jobs = pgTable('jobs', {\n  id: text('id').primaryKey(),\n  payload: jsonb('payload'),\n  createdAt: timestamp('created_at').default(sql`now()`),\n});\n",
    ),
    (
        "src/lib/__tests__/db.test.ts",
        "jest.mock('pg');\nit('opens', () => {\n  const { Pool } = require('pg');\n  new Pool({ connectionString: 'postgres://t:t@localhost/test_db' });\n});\n",
    ),
    (
        "drizzle/0000_init.sql",
        "-- replaces the SQLite schema\nCREATE TABLE \"jobs\" (\n\t\"id\" text PRIMARY KEY,\n\t\"created_at\" timestamptz DEFAULT now()\n);\n--> statement-breakpoint\nCREATE INDEX \"i\" ON \"jobs\" (\"id\");\n",
    ),
    (
        "drizzle/meta/_journal.json",
        "{\n  \"version\": \"7\",\n  \"dialect\": \"postgresql\",\n  \"entries\": []\n}\n",
    ),
    ("drizzle/meta/0000_snapshot.json", "{\n  \"version\": \"7\",\n  \"dialect\": \"postgresql\"\n}\n"),
    (
        "Dockerfile",
        "FROM node:22-alpine\nRUN apk add --no-cache python3 make g++ postgresql-client\nWORKDIR /app\nCOPY . .\nCMD [\"npm\", \"start\"]\n",
    ),
    (
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      - DATABASE_URL=postgres://hyperpage:hyperpage@db:5432/hyperpage\n  db:\n    image: postgres:17\n    volumes:\n      - pgdata:/var/lib/postgresql/data\nvolumes:\n  pgdata:\n",
    ),
    (
        "k8s/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: hyperpage\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n        - name: web\n          env:\n            - name: DATABASE_URL\n              valueFrom:\n                secretKeyRef:\n                  name: hyperpage\n                  key: database-url\n          volumeMounts:\n            - name: tls\n              mountPath: /app/certs\n      volumes:\n        - name: tls\n          secret:\n            secretName: tls\n",
    ),
    (
        "k8s/configmap.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hyperpage\ndata:\n  POSTGRES_HOST: postgres.db.svc\n  DB_POOL_MAX: \"20\"\n",
    ),
    (
        "chart/templates/deployment.yaml",
        "{{- if .Values.tls.enabled }}\nvolumeMounts:\n  - name: tls\n    mountPath: /app/certs\n{{- end }}\n",
    ),
    (
        ".env.example",
        "# PostgreSQL only\nDATABASE_URL=postgres://hyperpage:change-me@localhost:5432/hyperpage\nSESSION_SECRET=change-me\n",
    ),
    (".env.local", "DATABASE_URL=postgres://u:hunter2@h/file.db\n"),
    ("README.md", "# Hyperpage\n\nPostgreSQL only: set `DATABASE_URL`. Queries go through `ctx.db`.\n"),
    ("docs/backup.md", "Run `pg_dump \"$DATABASE_URL\"` from db.example.com.\n"),
    ("scripts/backup.sh", "#!/bin/sh\npg_dump \"$DATABASE_URL\" > /backups/x.sql\n"),
    (
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  test:\n    services:\n      postgres:\n        image: postgres:17\n    env:\n      DATABASE_URL: postgres://ci:ci@localhost/ci\n    steps:\n      - run: npm test -- --token ${{ secrets.T }}\n",
    ),
];

CREATE TABLE schema_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  migration_name TEXT NOT NULL UNIQUE,
  executed_at INTEGER NOT NULL
);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  priority INTEGER NOT NULL,
  status TEXT NOT NULL,
  tool TEXT,
  endpoint TEXT,
  payload TEXT NOT NULL,
  result TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  retry_count INTEGER NOT NULL DEFAULT 0,
  persisted_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  recovery_attempts INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX idx_jobs_status ON jobs (status);
CREATE INDEX idx_jobs_created_at ON jobs (created_at);
CREATE INDEX idx_jobs_persisted_at ON jobs (persisted_at);

CREATE TABLE job_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL REFERENCES jobs (id),
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  completed_at INTEGER,
  duration_ms INTEGER,
  error_message TEXT
);

CREATE INDEX idx_job_history_job_id ON job_history (job_id);
CREATE INDEX idx_job_history_started_at ON job_history (started_at);

CREATE TABLE rate_limits (
  id TEXT PRIMARY KEY,
  platform TEXT NOT NULL,
  limit_remaining INTEGER,
  limit_total INTEGER,
  reset_time INTEGER,
  last_updated INTEGER NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
);

CREATE INDEX idx_rate_limits_platform ON rate_limits (platform);
CREATE INDEX idx_rate_limits_reset_time ON rate_limits (reset_time);

CREATE TABLE tool_configs (
  tool_name TEXT PRIMARY KEY,
  enabled INTEGER NOT NULL DEFAULT 1,
  config TEXT,
  refresh_interval INTEGER,
  notifications INTEGER NOT NULL DEFAULT 1,
  updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
);

CREATE INDEX idx_tool_configs_enabled ON tool_configs (enabled);

CREATE TABLE app_state (
  key TEXT PRIMARY KEY,
  value TEXT,
  updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
);

CREATE TABLE users (
  id TEXT PRIMARY KEY, -- provider:user_id
  provider TEXT NOT NULL,
  provider_user_id TEXT NOT NULL,
  email TEXT,
  username TEXT,
  display_name TEXT,
  avatar_url TEXT,
  created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
);

CREATE INDEX idx_users_provider ON users (provider);
CREATE INDEX idx_users_email ON users (email);

CREATE TABLE oauth_tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL,
  tool_name TEXT NOT NULL,
  access_token TEXT NOT NULL,
  refresh_token TEXT,
  token_type TEXT NOT NULL DEFAULT 'Bearer',
  expires_at INTEGER,
  refresh_expires_at INTEGER,
  scopes TEXT,
  metadata TEXT,
  iv_access TEXT NOT NULL,
  iv_refresh TEXT,
  created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  UNIQUE (user_id, tool_name)
);

CREATE INDEX idx_oauth_tokens_user_id ON oauth_tokens (user_id);
CREATE INDEX idx_oauth_tokens_tool_name ON oauth_tokens (tool_name);
CREATE INDEX idx_oauth_tokens_expires_at ON oauth_tokens (expires_at);

CREATE TABLE user_sessions (
  session_id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  last_activity INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
);

CREATE INDEX idx_user_sessions_user_id ON user_sessions (user_id);

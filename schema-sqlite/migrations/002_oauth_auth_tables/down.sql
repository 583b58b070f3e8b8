DROP TABLE user_sessions;
DROP TABLE oauth_tokens;
DROP TABLE users;

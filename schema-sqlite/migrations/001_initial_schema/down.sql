DROP TABLE app_state;
DROP TABLE tool_configs;
DROP TABLE rate_limits;
DROP TABLE job_history;
DROP TABLE jobs;
DROP TABLE schema_migrations;

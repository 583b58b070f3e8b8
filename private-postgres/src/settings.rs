//! The server's settings, the file that `postgresql.conf` includes. It is written at each start, so that a change here reaches
//! existing clusters; `ALTER SYSTEM` takes precedence over it.

use std::path::Path;

/// Settings that are the same for every cluster, each with its reason.
const COMMON: &str = "\
# Written at each start. Change a setting with ALTER SYSTEM instead of here.

# Reachable from this machine alone.
listen_addresses = '127.0.0.1'
# Pools of several workers, and tests with a database each.
max_connections = 100

# A quarter of a gigabyte is enough for bulk loading and modest on a laptop.
shared_buffers = 256MB
# Building indexes after the load sorts in memory.
maintenance_work_mem = 256MB
# Sorting while rows are compared stays in memory.
work_mem = 32MB
# A long load is not interrupted by checkpoints every few seconds.
max_wal_size = 4GB
checkpoint_timeout = 15min
# No replication: indexes of new tables are built without a copy in the log.
wal_level = minimal
max_wal_senders = 0
# On solid-state disks a random read costs about as much as a sequential one.
random_page_cost = 1.1
# Compiling a query takes longer than most queries here.
jit = off

# The same output on every machine.
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
client_encoding = 'UTF8'

# Errors of statements quote the values of rows. The client receives them anyway: the log is for the server's own events.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_line_prefix = '%m [%p] '
# The log is the file that the server inherits as its standard error.
logging_collector = off
";

/// Settings that trade the data's safety in a crash of the machine for speed.
const THROWAWAY: &str = "
# A throwaway cluster: a crash of the machine may damage it.
fsync = off
synchronous_commit = off
full_page_writes = off
";

/// Settings that keep the data whatever happens, against a default changed elsewhere.
const DURABLE: &str = "
# What is committed survives a crash of the machine.
fsync = on
synchronous_commit = on
full_page_writes = on
";

/// Returns the content of the file.
pub(crate) fn text(port: u16, socket_dir: &Path, cluster_name: &str, throwaway: bool) -> String {
    // A list of folders: each in double quotes for commas and spaces, the list in single quotes.
    let socket_dir =
        socket_dir.to_string_lossy().replace('"', "\"\"").replace('\\', "\\\\").replace('\'', "''");
    let mode = if throwaway { THROWAWAY } else { DURABLE };
    format!(
        "{COMMON}
# This cluster's own.
port = {port}
unix_socket_directories = '\"{socket_dir}\"'
unix_socket_permissions = 0700
cluster_name = '{cluster_name}'
{mode}"
    )
}

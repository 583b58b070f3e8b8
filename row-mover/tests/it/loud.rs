//! A server that logs as PostgreSQL does by default; the private server is more discreet.

use test_database::own_server::OwnServer;

use crate::support::session;

/// Starts it.
#[track_caller]
pub fn loud_server() -> OwnServer {
    let server = OwnServer::start(&[
        "log_min_messages = 'warning'",
        "log_min_error_statement = 'error'",
        "log_error_verbosity = 'default'",
    ]);
    let mut admin = session(&server.url());
    for others in ["log_parameter_max_length_on_error", "log_statement", "log_min_duration_statement"] {
        let sql = "SELECT setting = boot_val FROM pg_settings WHERE name = $1";
        assert!(admin.one::<bool>(sql, &[Some(others)]).unwrap(), "{others}");
    }
    server
}

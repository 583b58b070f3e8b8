//! Who runs a command, for the ledger: account and host.

/// The account and the host, such as `app@db1`; a part that cannot be found out is `unknown`.
pub(crate) fn name() -> String {
    let set = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let account = set("USER").or_else(|| set("LOGNAME")).unwrap_or_else(|| {
        // A container often has no name for its account.
        format!("uid {}", rustix::process::geteuid().as_raw())
    });
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host = if host.is_empty() { "unknown".to_owned() } else { host };
    format!("{account}@{host}")
}

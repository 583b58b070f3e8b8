//! Refuses a server or a folder with which the comparison would not be fair: what is committed must survive a crash on both sides.

use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::statfs;

/// The settings that make a commit durable.
const DURABLE: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// The settings that are shown with the figures.
pub(crate) const SHOWN: [&str; 10] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "wal_sync_method",
    "shared_buffers",
    "max_connections",
    "password_encryption",
    "ssl",
];

/// The type of a file system in memory (`statfs`): tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Returns the settings that make the server forget commits in a crash.
pub(crate) fn not_durable(settings: &[(String, String)]) -> Vec<&str> {
    let is_off = |name: &&str| !settings.iter().any(|(set, value)| set == name && value == "on");
    DURABLE.into_iter().filter(is_off).collect()
}

/// Refuses a server that may lose commits, unless the figures are not for comparison.
///
/// # Errors
/// When it may, with the remedy.
pub(crate) fn require_durable(settings: &[(String, String)], is_allowed: bool) -> anyhow::Result<()> {
    let off = not_durable(settings);
    if off.is_empty() || is_allowed {
        return Ok(());
    }
    bail!(
        "{} is not on: this server may lose commits in a crash, and SQLite would be compared with something weaker; use a durable \
         server, or pass --allow-not-durable for a trial whose figures mean nothing",
        off.join(", ")
    )
}

/// Connections besides the pool's: sessions that check and create, those of the server's operators, and threads without a pool.
const OTHER_CONNECTIONS: u32 = 10;

/// Refuses a server that has too few connections.
///
/// # Errors
/// When it has, with the remedy.
pub(crate) fn require_connections(settings: &[(String, String)], pool_max: u32) -> anyhow::Result<()> {
    let most = settings.iter().find(|(name, _)| name == "max_connections");
    let most: u32 = most.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    if most < pool_max.saturating_add(OTHER_CONNECTIONS) {
        bail!(
            "max_connections is {most}, and a pool of {pool_max} needs {}; pass a smaller --pool-max, or raise it",
            pool_max.saturating_add(OTHER_CONNECTIONS)
        );
    }
    Ok(())
}

/// Refuses a folder in memory, where SQLite would wait for no disk.
///
/// # Errors
/// When it is in memory, with the remedy.
pub(crate) fn require_disk(folder: &Path, is_allowed: bool) -> anyhow::Result<()> {
    let found = statfs(folder).with_context(|| format!("{} cannot be examined", folder.display()))?;
    // The type is a number of the kernel, whose width differs by platform.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "on some platforms")]
    let kind = found.f_type as u64;
    if !is_allowed && IN_MEMORY.contains(&kind) {
        bail!(
            "{} is in memory, where SQLite waits for no disk; set TMPDIR to a folder on the disk of the PostgreSQL server",
            folder.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_loses_commits_is_refused() {
        let settings = |values: [&str; 3]| {
            DURABLE.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect()
        };
        let durable: Vec<_> = settings(["on"; 3]);
        require_durable(&durable, false).unwrap();
        for (values, named) in [
            (["off", "on", "on"], "fsync is not on"),
            (["on", "local", "on"], "synchronous_commit is not on"),
            (["on", "on", "off"], "full_page_writes is not on"),
        ] {
            let settings: Vec<_> = settings(values);
            let refused = require_durable(&settings, false).unwrap_err().to_string();
            assert!(refused.contains(named) && refused.contains("--allow-not-durable"), "{refused}");
            require_durable(&settings, true).unwrap();
        }
        assert_eq!(not_durable(&[]), DURABLE);
    }
}

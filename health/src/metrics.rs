//! Readiness and details as metrics, in the text format of OpenMetrics, which Prometheus reads.
//!
//! Labels are names of states, of a few tables, standbys and slots: their number is bounded, and no value of a row is among them. What
//! is not known has no sample.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::check::{Check, Fact, Failure, PoolState, Readiness, State};
use crate::details::{Details, Found, Known, Statistics};

/// The type of the text that [`encode`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The beginning of every metric's name.
const PREFIX: &str = "postgres_health";

type Fractions = Gauge<f64, std::sync::atomic::AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    check: &'static str,
    state: &'static str,
}

/// One label, whose name depends on the metric.
type Label = Vec<(&'static str, String)>;

/// Writes the metrics.
///
/// # Errors
/// None that is known: memory is written to.
pub fn encode(readiness: &Readiness, details: &Details) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    add_readiness(&mut registry, readiness);
    if let Some(found) = &details.found {
        add_server(&mut registry, found);
        add_activity(&mut registry, found);
        add_replication(&mut registry, found);
        add_storage(&mut registry, found);
    }
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

fn add_readiness(registry: &mut Registry, readiness: &Readiness) {
    let is_ready = ConstGauge::new(i64::from(readiness.is_ready));
    registry.register("ready", "Whether no check of readiness failed", is_ready);
    let took = ConstGauge::new(f64::from(u32::try_from(readiness.took_ms).unwrap_or(u32::MAX)) / 1000.0);
    registry.register_with_unit(
        "probe_duration",
        "How long the checks of readiness took",
        Unit::Seconds,
        took,
    );
    let checks = Family::<CheckLabels, Gauge>::default();
    for result in &readiness.checks {
        let found = match result.state {
            State::Ok(_) => "ok",
            State::Failed(_) => "failed",
            State::NotKnown(_) => "not_known",
        };
        for state in ["ok", "failed", "not_known"] {
            let labels = CheckLabels { check: result.check.name(), state };
            checks.get_or_create(&labels).set(i64::from(state == found));
        }
    }
    registry.register("check", "Whether a check of readiness has this state", checks);
    if let Some(
        State::Ok(Fact::Connections { left, max, .. })
        | State::Failed(Failure::FewConnections { left, max, .. }),
    ) = readiness.state(Check::Connections)
    {
        registry.register("connections_left", "Sessions that may still begin", ConstGauge::new(*left));
        let max = ConstGauge::new(*max);
        registry.register("connections_max", "Sessions that the tightest limit permits", max);
    }
    if let Some(State::Ok(Fact::Disk(disk)) | State::Failed(Failure::DiskFull { disk, .. })) =
        readiness.state(Check::Disk)
    {
        bytes(
            registry,
            "disk_free",
            "Free space of the fullest file system, or of the stated size",
            disk.free_bytes,
        );
        bytes(registry, "disk_size", "Size of that file system, or the stated size", disk.size_bytes);
    }
    if let Some(State::Ok(Fact::Pool(pool)) | State::Failed(Failure::PoolExhausted(pool))) =
        readiness.state(Check::Pool)
    {
        add_pool(registry, *pool);
    }
}

fn add_pool(registry: &mut Registry, pool: PoolState) {
    let gauge = |number: u32| ConstGauge::new(i64::from(number));
    registry.register("pool_connections", "Open connections of the pool", gauge(pool.connections));
    registry.register("pool_idle_connections", "Unused connections of the pool", gauge(pool.idle));
    registry.register("pool_max_connections", "The most connections of the pool", gauge(pool.max));
}

fn add_server(registry: &mut Registry, found: &Found) {
    let version = Info::new(vec![("version", found.version.clone())]);
    registry.register("server", "The server's version", version);
    seconds(registry, "server_uptime", "Time since the server started", Some(found.uptime_seconds));
    let latency = found.latency;
    seconds(registry, "round_trip_min", "The shortest of a few round trips", Some(latency.min_ms / 1000.0));
    seconds(
        registry,
        "round_trip_median",
        "The median of a few round trips",
        Some(latency.median_ms / 1000.0),
    );
}

fn add_activity(registry: &mut Registry, found: &Found) {
    if let Known::Known(sessions) = &found.sessions {
        let counts = sessions.by_state.iter().map(|(state, count)| (state.name().to_owned(), *count));
        let help = "Client sessions of the server by state";
        registry.register("sessions", help, labelled("state", counts));
    }
    if let Known::Known(longest) = &found.longest_transaction {
        let longest = longest.as_ref().map_or(0.0, |transaction| transaction.seconds);
        let help = "Age of the oldest open transaction of this database; 0 where none is open";
        seconds(registry, "longest_transaction", help, Some(longest));
    }
    if let Known::Known(oldest) = &found.oldest_lock_wait {
        let oldest = oldest.as_ref().map_or(0.0, |wait| wait.seconds);
        let help = "The longest current wait for a lock in this database; 0 where nobody waits";
        seconds(registry, "oldest_lock_wait", help, Some(oldest));
    }
}

fn add_replication(registry: &mut Registry, found: &Found) {
    if let Known::Known(standbys) = &found.standbys {
        let bytes = standbys.iter().filter_map(|each| Some((each.name.clone(), natural(each.lag_bytes?))));
        let help = "Log that a standby has not replayed";
        registry.register_with_unit("standby_lag", help, Unit::Bytes, labelled("standby", bytes));
        let seconds = standbys.iter().filter_map(|each| Some((each.name.clone(), each.lag_seconds?)));
        let help = "Time until a standby had replayed a recent commit";
        registry.register_with_unit("standby_lag", help, Unit::Seconds, fractions("standby", seconds));
    }
    if let Known::Known(slots) = &found.replication_slots {
        let bytes = slots.iter().filter_map(|each| Some((each.name.clone(), natural(each.retained_bytes?))));
        let help = "Log that is kept because of a replication slot";
        registry.register_with_unit("slot_retained", help, Unit::Bytes, labelled("slot", bytes));
        let active = slots.iter().map(|each| (each.name.clone(), u64::from(each.is_active)));
        registry.register("slot_active", "Whether a replication slot is read now", labelled("slot", active));
    }
    if let Known::Known(lag) = found.replay_lag_seconds {
        seconds(registry, "replay_lag", "How far this standby is behind its primary", lag);
    }
}

fn add_storage(registry: &mut Registry, found: &Found) {
    if let Known::Known(size) = found.database_bytes {
        bytes(registry, "database_size", "Size of this database", size);
    }
    if let Known::Known(statistics) = &found.statistics {
        add_statistics(registry, statistics);
    }
    if let Known::Known(freezing) = &found.freezing {
        let help = "Transactions since the oldest id that is not frozen; writes stop at two thousand million";
        registry.register("oldest_xid_age", help, ConstGauge::new(freezing.oldest_xid_age));
        let help = "The age at which autovacuum freezes by force";
        registry.register("forced_freeze_xid_age", help, ConstGauge::new(freezing.forced_at));
    }
    if let Known::Known(tables) = &found.largest_tables {
        let size = tables.iter().map(|each| (each.table.clone(), each.bytes));
        let help = "Size of one of the largest tables, without indexes, as of its last vacuum or analyze";
        registry.register_with_unit("table_size", help, Unit::Bytes, labelled("table", size));
        let dead = tables.iter().map(|each| (each.table.clone(), each.dead_rows));
        registry.register(
            "table_dead_rows",
            "Dead rows of one of the largest tables, estimated",
            labelled("table", dead),
        );
        let age = tables.iter().filter_map(|each| Some((each.table.clone(), each.seconds_since_vacuum?)));
        let help = "Time since the last vacuum of one of the largest tables";
        registry.register_with_unit("table_vacuum_age", help, Unit::Seconds, fractions("table", age));
    }
}

fn add_statistics(registry: &mut Registry, statistics: &Statistics) {
    for (name, help, count) in [
        ("pages_hit", "Pages found in shared buffers", statistics.pages_hit),
        ("pages_read", "Pages read from the operating system", statistics.pages_read),
        ("commits", "Committed transactions of this database", statistics.commits),
        ("rollbacks", "Rolled back transactions of this database", statistics.rollbacks),
        ("deadlocks", "Deadlocks in this database", statistics.deadlocks),
        ("temp_files", "Temporary files of queries", statistics.temp_files),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    let temp_bytes = ConstCounter::new(statistics.temp_bytes);
    registry.register_with_unit("temp", "Bytes in temporary files of queries", Unit::Bytes, temp_bytes);
    if let Some(ratio) = statistics.cache_hit_ratio {
        let help = "Share of pages found in shared buffers since the statistics were reset";
        registry.register("cache_hit_ratio", help, ConstGauge::new(ratio));
    }
}

fn bytes(registry: &mut Registry, name: &str, help: &str, count: u64) {
    registry.register_with_unit(name, help, Unit::Bytes, ConstGauge::new(whole(count)));
}

fn seconds(registry: &mut Registry, name: &str, help: &str, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        registry.register_with_unit(name, help, Unit::Seconds, ConstGauge::new(seconds));
    }
}

fn labelled(name: &'static str, samples: impl Iterator<Item = (String, u64)>) -> Family<Label, Gauge> {
    let family = Family::<Label, Gauge>::default();
    for (value, count) in samples {
        let label = vec![(name, value)];
        // Two standbys may have one name: the larger number is shown.
        let known = family.get_or_create(&label).get();
        family.get_or_create(&label).set(known.max(whole(count)));
    }
    family
}

fn fractions(name: &'static str, samples: impl Iterator<Item = (String, f64)>) -> Family<Label, Fractions> {
    let family = Family::<Label, Fractions>::default();
    for (value, number) in samples {
        let label = vec![(name, value)];
        let known = family.get_or_create(&label).get();
        family.get_or_create(&label).set(known.max(number));
    }
    family
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A standby may be ahead of the position that was read a moment before.
fn natural(difference: i64) -> u64 {
    u64::try_from(difference).unwrap_or(0)
}

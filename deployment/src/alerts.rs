//! Alert rules for Prometheus, over the metrics of `health --serve` and two of kube-state-metrics.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::manifests::database::POOL_MAX;
use crate::settings::{Settings, Topology};
use crate::yaml;

#[derive(Serialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    name: &'static str,
    rules: Vec<Rule>,
}

/// An alert.
#[derive(Serialize)]
struct Rule {
    alert: &'static str,
    expr: String,
    #[serde(rename = "for")]
    holds_for: &'static str,
    labels: BTreeMap<&'static str, &'static str>,
    annotations: BTreeMap<&'static str, &'static str>,
}

/// The alerts of a group: name, expression with `%APP` for the app and `%POOL` for the size of a pool, how long it must hold, severity,
/// and what it means.
type Entries = &'static [(&'static str, &'static str, &'static str, &'static str, &'static str)];

/// Whether the app's pods run. The metrics are kube-state-metrics' stable ones.
const APP: Entries = &[
    (
        "AppUnavailable",
        "kube_deployment_status_replicas_available{deployment=\"%APP\"} == 0 and kube_deployment_spec_replicas{deployment=\"%APP\"} > 0",
        "1m",
        "critical",
        "No pod of the app is ready.",
    ),
    (
        "AppDegraded",
        "kube_deployment_status_replicas_available{deployment=\"%APP\"} < kube_deployment_spec_replicas{deployment=\"%APP\"}",
        "10m",
        "warning",
        "Fewer pods of the app are ready than wanted.",
    ),
    (
        "AppRestarts",
        "increase(kube_pod_container_status_restarts_total{container=\"app\"}[15m]) > 3",
        "0m",
        "warning",
        "The app's container restarts again and again.",
    ),
];

/// What the app notices of PostgreSQL: errors, latency and connections.
const WORK: Entries = &[
    (
        "PostgresErrors",
        "rate(postgres_health_rollbacks_total[5m]) / (rate(postgres_health_rollbacks_total[5m]) + rate(postgres_health_commits_total[5m])) > 0.05",
        "5m",
        "critical",
        "More than 5 % of all transactions are rolled back.",
    ),
    (
        "PostgresSlow",
        "avg_over_time(postgres_health_round_trip_median_seconds[5m]) > 1.5 * avg_over_time(postgres_health_round_trip_median_seconds[1h] offset 1h) and avg_over_time(postgres_health_round_trip_median_seconds[5m]) > 0.002",
        "5m",
        "warning",
        "A round trip to PostgreSQL takes half as long again as an hour ago.",
    ),
    (
        "PostgresLockWait",
        "postgres_health_oldest_lock_wait_seconds > 10",
        "1m",
        "warning",
        "A statement has waited for a lock for ten seconds.",
    ),
    (
        "PostgresLongTransaction",
        "postgres_health_longest_transaction_seconds > 600",
        "5m",
        "warning",
        "A transaction has been open for ten minutes; vacuum cannot remove what it might still read.",
    ),
    (
        "PostgresDeadlocks",
        "increase(postgres_health_deadlocks_total[10m]) > 0",
        "0m",
        "warning",
        "Transactions have blocked each other.",
    ),
    (
        "PostgresFewConnections",
        "postgres_health_connections_left < %POOL",
        "2m",
        "critical",
        "Another pod of the app would not find enough connections.",
    ),
    (
        "PostgresPoolUnusable",
        "postgres_health_check{check=\"pool\",state=\"failed\"} == 1",
        "1m",
        "critical",
        "A pool with the app's settings returns no connection in time.",
    ),
];

/// PostgreSQL itself.
const POSTGRES: Entries = &[
    (
        "PostgresNotReady",
        "postgres_health_ready == 0",
        "1m",
        "critical",
        "PostgreSQL is not fit to serve; /readyz?verbose says why.",
    ),
    (
        "PostgresUnknown",
        "absent(postgres_health_ready)",
        "2m",
        "critical",
        "Nobody checks PostgreSQL: `health --serve` does not answer.",
    ),
    (
        "PostgresRestarted",
        "postgres_health_server_uptime_seconds < 300",
        "0m",
        "warning",
        "PostgreSQL has restarted.",
    ),
    (
        "PostgresDiskFilling",
        "postgres_health_disk_free_bytes / postgres_health_disk_size_bytes < 0.15",
        "10m",
        "warning",
        "Less than 15 % of the disk is free; at 5 % PostgreSQL counts as unfit.",
    ),
    (
        "PostgresCacheMisses",
        "rate(postgres_health_pages_read_total[15m]) / (rate(postgres_health_pages_hit_total[15m]) + rate(postgres_health_pages_read_total[15m])) > 0.1 and rate(postgres_health_pages_read_total[15m]) > 100",
        "15m",
        "warning",
        "More than 10 % of all pages are read from the operating system; more memory may help.",
    ),
    (
        "PostgresXidAge",
        "postgres_health_oldest_xid_age > 2 * postgres_health_forced_freeze_xid_age",
        "1h",
        "critical",
        "Vacuum does not keep up with freezing; PostgreSQL will stop accepting writes.",
    ),
    (
        "PostgresStandbyLag",
        "postgres_health_standby_lag_seconds > 60",
        "5m",
        "warning",
        "A standby is more than a minute behind.",
    ),
    (
        "PostgresSlotRetainsLog",
        "postgres_health_slot_retained_bytes > 5e9",
        "10m",
        "warning",
        "A replication slot keeps 5 GB of log.",
    ),
];

/// Dumps of a PostgreSQL in the cluster.
const BACKUP: Entries = &[(
    "PostgresBackupMissing",
    "time() - kube_cronjob_status_last_successful_time{cronjob=\"%APP-postgres-backup\"} > 129600",
    "10m",
    "critical",
    "The last good dump is older than 36 hours.",
)];

/// The metrics that `health --serve` does not have: those of kube-state-metrics.
#[cfg(test)]
const OF_KUBE_STATE_METRICS: [&str; 4] = [
    "kube_cronjob_status_last_successful_time",
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_available",
    "kube_pod_container_status_restarts_total",
];

fn groups(topology: Topology) -> Vec<(&'static str, Entries)> {
    let mut groups = vec![("app", APP), ("work", WORK), ("postgres", POSTGRES)];
    if topology == Topology::StatefulSet {
        groups.push(("backup", BACKUP));
    }
    groups
}

/// Returns the file of rules.
pub(crate) fn text(settings: &Settings) -> String {
    let rule = |&(alert, expr, holds_for, severity, summary): &(&'static str, &'static str, _, _, _)| Rule {
        alert,
        expr: expr.replace("%APP", settings.app.as_str()).replace("%POOL", &POOL_MAX.to_string()),
        holds_for,
        labels: BTreeMap::from([("severity", severity)]),
        annotations: BTreeMap::from([("summary", summary)]),
    };
    let group =
        |(name, entries): (&'static str, Entries)| Group { name, rules: entries.iter().map(rule).collect() };
    let rules = Rules { groups: groups(settings.topology).into_iter().map(group).collect() };
    yaml::document(
        &rules,
        &[
            "For Prometheus: rule_files, or the `groups` of a PrometheusRule. docs/health.md describes the metrics.",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of an expression outside of quotes, braces and brackets.
    fn words(expr: &str) -> Vec<&str> {
        let outside = expr.split(['{', '}', '[', ']']).step_by(2);
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        outside
            .flat_map(|part| part.split(move |c| !is_word(c)))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
            .collect()
    }

    #[test]
    fn every_metric_of_a_rule_exists() {
        const OF_PROMQL: [&str; 8] =
            ["and", "or", "absent", "avg_over_time", "increase", "offset", "rate", "time"];
        let page = include_str!("../../docs/health.md");
        let documented: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `postgres_health_"))
            .filter_map(|rest| rest.split(['`', '{']).next())
            .collect();
        assert_eq!(documented.len(), 36);
        let mut used = 0;
        for (_, entries) in groups(Topology::StatefulSet) {
            for (alert, expr, ..) in entries {
                let expr = expr.replace("%POOL", "1");
                let metrics: Vec<&str> =
                    words(&expr).into_iter().filter(|word| !OF_PROMQL.contains(word)).collect();
                assert!(!metrics.is_empty(), "{alert} uses no metric");
                for metric in metrics {
                    let is_ours = metric
                        .strip_prefix("postgres_health_")
                        .is_some_and(|name| documented.contains(&name));
                    assert!(
                        is_ours || OF_KUBE_STATE_METRICS.contains(&metric),
                        "{alert}: nobody has {metric}"
                    );
                    used += 1;
                }
            }
        }
        assert!(used > 25, "{used}");
    }
}

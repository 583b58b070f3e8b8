//! Metrics: their format, names and values, and the page of documents that lists them.

use std::collections::BTreeSet;

use health::encode;
use test_database::TestDatabase;

use crate::exposition::{Family, parse};
use crate::support::{execute, monitor, options};

fn value(families: &[Family], name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = families.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("{name}"));
    let has = |wanted: &(&str, &str), found: &[(String, String)]| {
        found.iter().any(|(name, value)| (name.as_str(), value.as_str()) == *wanted)
    };
    let sample = family.samples.iter().find(|sample| labels.iter().all(|label| has(label, &sample.labels)));
    sample.unwrap_or_else(|| panic!("{name} {labels:?}: {family:?}")).value
}

#[test]
fn metrics_are_valid_and_have_the_values_of_the_checks() {
    let database = TestDatabase::create();
    execute(database.url(), "CREATE TABLE \"odd \"\"\\\n name\" AS SELECT 'canary' AS a");
    let monitor = monitor(database.url(), options());
    let text = encode(&monitor.readiness(), &monitor.details()).unwrap();
    assert!(!text.contains("canary"));
    let families = parse(&text);
    assert!(families.iter().all(|family| family.name.starts_with("postgres_health_")));
    assert!(value(&families, "postgres_health_ready", &[]) == 1.0);
    assert!(value(&families, "postgres_health_check", &[("check", "answers"), ("state", "ok")]) == 1.0);
    assert!(value(&families, "postgres_health_check", &[("check", "pool"), ("state", "not_known")]) == 1.0);
    assert!(value(&families, "postgres_health_check", &[("check", "pool"), ("state", "ok")]) == 0.0);
    assert!(value(&families, "postgres_health_database_size_bytes", &[]) > 1e6);
    assert!(value(&families, "postgres_health_commits", &[]) >= 0.0);
    let table = ("table", "public.\"odd \"\"\\\n name\"");
    assert!(value(&families, "postgres_health_table_dead_rows", &[table]) == 0.0);
}

#[test]
fn a_server_that_is_down_has_metrics_too() {
    let monitor = monitor("postgres://x@127.0.0.1:1/x", options());
    let families = parse(&encode(&monitor.readiness(), &monitor.details()).unwrap());
    assert!(value(&families, "postgres_health_ready", &[]) == 0.0);
    assert!(value(&families, "postgres_health_check", &[("check", "answers"), ("state", "failed")]) == 1.0);
    let names: BTreeSet<&str> = families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(
        names,
        BTreeSet::from([
            "postgres_health_check",
            "postgres_health_probe_duration_seconds",
            "postgres_health_ready"
        ])
    );
}

/// `docs/health.md` lists every metric, and no other.
#[test]
fn every_metric_is_documented() {
    let source = include_str!("../../src/metrics.rs");
    let page = include_str!("../../../docs/health.md");
    let listed: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `postgres_health_")?.split(['`', '{']).next())
        .map(|name| name.trim_end_matches("_total").trim_end_matches("_info"))
        .map(|name| name.trim_end_matches("_seconds").trim_end_matches("_bytes"))
        .collect();
    // The names are the only literals of lower-case letters that are followed by a help text.
    let quoted = source.split('"').skip(1).step_by(2).collect::<Vec<_>>();
    let is_name = |text: &&&str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let labels = ["check", "failed", "not_known", "ok", "slot", "standby", "state", "table", "version"];
    let written: BTreeSet<&str> = quoted
        .iter()
        .filter(is_name)
        .copied()
        .filter(|name| *name == "check" || !labels.contains(name))
        .filter(|name| *name != "postgres_health")
        .collect();
    assert_eq!(listed, written);
}

//! The figures for programs. `docs/json-output.md` describes the fields.

use serde_json::{Map, Value, json};

use super::backend::BackendKind;
use super::growth::BACKENDS;
use super::json_queries::Method;
use super::losses::{Loss, losses};
use super::promises::{Evidence, judge};
use super::report::Report;
use super::results::{CellFigures, Latency, Results};
use super::server_check::not_durable;
use crate::report::JSON_FORMAT;

impl Report {
    /// The run as JSON.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let parameters = &self.parameters;
        let server: Map<String, Value> =
            self.server.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let judgements = judge(&self.results).into_iter().map(|judgement| {
            json!({
                "promise": judgement.promise.name(),
                "verdict": judgement.verdict.name(),
                "evidence": evidence(&judgement.evidence),
            })
        });
        Ok(serde_json::to_string_pretty(&json!({
            "format": JSON_FORMAT,
            "command": "bench app",
            "processors": super::run::processors(),
            "seconds": self.seconds,
            "server": server,
            "is_durable": not_durable(&self.server).is_empty(),
            "parameters": {
                "users": parameters.users,
                "rounds": parameters.rounds,
                "seconds": parameters.seconds,
                "think_ms": parameters.think_ms,
                "pool_max": parameters.pool_max,
                "jobs": parameters.jobs,
                "json_jobs": parameters.json_jobs,
                "growth_jobs": parameters.growth_jobs,
                "seed": parameters.seed,
            },
            "promises": judgements.collect::<Vec<_>>(),
            "losses": losses(&self.results).iter().map(loss).collect::<Vec<_>>(),
            "loads": self.results.cells.iter().map(load).collect::<Vec<_>>(),
            "connections": connections(&self.results),
            "documents": documents(&self.results),
            "growth": growth(&self.results),
        }))?)
    }
}

fn latency(latency: Latency) -> Value {
    json!({ "p50_ms": latency.p50, "p95_ms": latency.p95, "p99_ms": latency.p99, "max_ms": latency.max })
}

fn load(cell: &CellFigures) -> Value {
    let (from, to) = cell.throughput_spread;
    let errors = cell.errors;
    json!({
        "workload": cell.load.workload.name(),
        "pacing": cell.load.pacing.name(),
        "users": cell.load.users,
        "database": cell.backend.name(),
        "operations_per_second": { "median": cell.throughput, "from": from, "to": to },
        "served_share": cell.served_share,
        "starved_users": cell.starved_users,
        "operations": cell.operations,
        "errors": { "busy": errors.busy, "unavailable": errors.unavailable, "unknown": errors.unknown, "other": errors.other },
        "latency": latency(cell.latency),
        "claim": cell.claim.map(latency),
    })
}

fn connections(results: &Results) -> Vec<Value> {
    let one = |one: &super::connections::ConnectionFigures| {
        json!({
            "threads": one.threads,
            "statement": latency(one.statement),
            "per_request": latency(one.per_request),
            "pooled": latency(one.pooled),
            "overhead_saved": one.saved_share(),
        })
    };
    results.connections.iter().map(one).collect()
}

fn documents(results: &Results) -> Value {
    let Some(figures) = &results.json else { return Value::Null };
    let pattern = |pattern: &super::json_queries::PatternFigures| {
        let milliseconds: Map<String, Value> = Method::ALL
            .iter()
            .zip(pattern.milliseconds)
            .map(|(method, figure)| (method.name().to_owned(), figure.into()))
            .collect();
        json!({
            "pattern": pattern.name,
            "is_selective": pattern.is_selective,
            "matches": pattern.matches,
            "median_ms": milliseconds,
        })
    };
    json!({ "jobs": figures.jobs, "patterns": figures.patterns.iter().map(pattern).collect::<Vec<_>>() })
}

fn growth(results: &Results) -> Value {
    let Some(figures) = &results.growth else { return Value::Null };
    let bytes: Map<String, Value> = BACKENDS
        .iter()
        .zip(figures.bytes)
        .map(|(backend, bytes)| (backend.name().to_owned(), json!(bytes)))
        .collect();
    let operation = |one: &super::growth::OperationFigures| {
        json!({
            "operation": one.operation.name(),
            "database": one.backend.name(),
            "small": latency(one.small),
            "large": latency(one.large),
            "ratio": one.ratio(),
        })
    };
    json!({
        "jobs": figures.jobs,
        "bytes": bytes,
        "operations": figures.operations.iter().map(operation).collect::<Vec<_>>(),
    })
}

fn evidence(evidence: &Evidence) -> Value {
    match evidence {
        Evidence::Overhead(figures) => figures
            .iter()
            .map(|(threads, before, after, saved)| {
                json!({ "threads": threads, "per_request_ms": before, "pooled_ms": after, "saved": saved })
            })
            .collect(),
        Evidence::Users { workloads, most } => {
            let workloads = workloads.iter().map(|one| {
                json!({
                    "workload": one.workload.name(),
                    "p95_ms": one.p95_ms,
                    "served_share": one.share,
                    "errors": one.errors,
                    "is_served": one.is_served,
                })
            });
            let most: Map<String, Value> = most
                .iter()
                .map(|(backend, users): &(BackendKind, _)| (backend.name().to_owned(), json!(users)))
                .collect();
            json!({ "workloads": workloads.collect::<Vec<_>>(), "most_users_served": most })
        }
        Evidence::Growth(operations) => operations
            .iter()
            .map(|(operation, ratio)| json!({ "operation": operation.name(), "ratio": ratio }))
            .collect(),
        Evidence::Json(patterns) => patterns
            .iter()
            .map(|(pattern, is_selective, speed)| {
                json!({ "pattern": pattern, "is_selective": is_selective, "speed": speed })
            })
            .collect(),
        Evidence::Writes(ratios) => ratios
            .iter()
            .map(|one| {
                json!({
                    "workload": one.workload.name(),
                    "users": one.users,
                    "ratio": one.ratio,
                    "p99_ms": one.p99_ms,
                    "errors": one.errors,
                })
            })
            .collect(),
        Evidence::Checks(loads) => json!({ "checked_loads": loads }),
        Evidence::Expected(figures) => figures
            .iter()
            .map(|one| json!({ "workload": one.workload.name(), "users": one.users, "p95_ms": one.p95_ms }))
            .collect(),
        Evidence::None => Value::Null,
    }
}

/// Where PostgreSQL loses; pairs of figures are SQLite's and PostgreSQL's.
fn loss(loss: &Loss) -> Value {
    match loss {
        Loss::Throughput { workload, users, worst_users, worst } => json!({
            "kind": "throughput", "workload": workload.name(), "users": users, "worst_users": worst_users,
            "operations_per_second": worst,
        }),
        Loss::Latency { workload, users, worst_users, worst } => json!({
            "kind": "latency", "workload": workload.name(), "users": users, "worst_users": worst_users, "p95_ms": worst,
        }),
        Loss::Json { pattern, milliseconds } => {
            json!({ "kind": "documents", "pattern": pattern, "median_ms": milliseconds })
        }
        Loss::Operation { operation, milliseconds } => {
            json!({ "kind": "operation", "operation": operation.name(), "median_ms": milliseconds })
        }
    }
}

//! The result of a smoke test as JSON. `docs/json-output.md` describes it.

use postgres_client::TargetUrl;
use postgres_client::server_error::ServerError;
use row_mover::smoke::{NotTried, Outcome, Scope, SmokeTest, Step, TableSmoke};
use serde_json::{Value, json};

use crate::report::JSON_FORMAT;

/// Returns the result as one object.
pub(crate) fn smoke_json(test: &SmokeTest, url: &TargetUrl, passed: bool) -> anyhow::Result<String> {
    let value = json!({
        "format": JSON_FORMAT,
        "command": "smoke",
        "target": url.to_string(),
        "passed": passed,
        "scope": match test.scope {
            Scope::Plan => "plan",
            Scope::Database => "database",
        },
        "tables": test.tables.iter().map(table).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

fn table(table: &TableSmoke) -> Value {
    json!({
        "schema": table.schema,
        "table": table.table,
        "aborted_transaction": table.aborted_transaction,
        "operations": table.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Value {
    let mut value = json!({ "operation": step.operation.name(), "seconds": step.took.as_secs_f64() });
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), outcome(&step.outcome)) {
        fields.extend(more);
    }
    value
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Passed => json!({ "outcome": "passed" }),
        Outcome::RefusedByForeignKey(constraint) => {
            json!({ "outcome": "refused_by_foreign_key", "constraint": constraint })
        }
        Outcome::NothingToUpdate => json!({ "outcome": "nothing_to_update" }),
        Outcome::Raised => json!({ "outcome": "raised" }),
        Outcome::Failed(error) => json!({ "outcome": "failed", "error": server_error(error) }),
        Outcome::WrongRowCount(rows) => json!({ "outcome": "wrong_row_count", "rows": rows }),
        Outcome::Blocked(wait) => {
            json!({ "outcome": "blocked", "holder": wait.as_ref().map(|wait| wait.holder.to_string()) })
        }
        Outcome::TimedOut => json!({ "outcome": "timed_out" }),
        Outcome::NotTried(why) => {
            let (reason, more) = reason(why);
            let mut value = json!({ "outcome": "not_tried", "reason": reason });
            if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
                fields.extend(more);
            }
            value
        }
    }
}

fn reason(why: &NotTried) -> (&'static str, Value) {
    match why {
        NotTried::RowSecurity => ("row_security", Value::Null),
        NotTried::MissingRight(right) => ("missing_right", json!({ "right": right.name() })),
        NotTried::ForeignPartition => ("foreign_partition", Value::Null),
        NotTried::NoTable => ("no_table", Value::Null),
        NotTried::NoRow(error) => ("no_row", json!({ "error": server_error(error) })),
        NotTried::NoValue { column, type_name } => {
            ("no_value", json!({ "column": column, "type": type_name }))
        }
        NotTried::Circle(constraint) => ("circle", json!({ "constraint": constraint })),
        NotTried::WouldCascade(constraint) => ("would_cascade", json!({ "constraint": constraint })),
        NotTried::RowMoved => ("row_moved", Value::Null),
        NotTried::NoRowToChange => ("no_row_to_change", Value::Null),
        NotTried::OutOfTime => ("out_of_time", Value::Null),
    }
}

fn server_error(error: &ServerError) -> Value {
    json!({
        "sqlstate": error.sqlstate,
        "message": error.message,
        "column": error.column,
        "constraint": error.constraint,
    })
}

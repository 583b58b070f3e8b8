//! The findings of a validation in the words of crate `report`, by check: for the screen and for JSON.

use migrate_core::finding::{BaselineDifference, NotCompared};
use migrate_core::plan::Plan;
use report::words::{self, remedy};
use row_mover::run::Validation;
use row_mover::validate::CheckResult;
use serde::Serialize;
use serde_json::{Value, json};

/// The sentences of each check.
pub(super) struct Findings {
    schema: Vec<String>,
    sequences: Vec<String>,
    migrations: Vec<String>,
    baseline: Vec<String>,
    views: Vec<String>,
    defaults: Vec<String>,
    behaviour: Vec<String>,
    derived: Vec<String>,
}

impl Findings {
    pub(super) fn of(validation: &Validation) -> Findings {
        Findings {
            schema: validation.schema.iter().map(words::schema).collect(),
            sequences: validation.sequences.differences.iter().map(words::sequence).collect(),
            migrations: validation.missing_migrations.iter().map(words::missing_migration).collect(),
            baseline: baseline(validation).map(words::baseline).collect(),
            views: validation.views.differences.iter().map(words::view).collect(),
            defaults: validation.defaults.differences.iter().map(words::default).collect(),
            derived: validation.derived.differences.iter().map(words::derived).collect(),
            behaviour: validation.behaviour.differences.iter().map(words::constraint).collect(),
        }
    }

    /// The sentences in the order of the screen, except for those about derived data, which have their remedy there.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        let first = self.schema.iter().chain(&self.sequences).chain(&self.defaults);
        first.chain(&self.behaviour).chain(&self.views).chain(&self.migrations).chain(&self.baseline)
    }
}

/// What differs in the list of the app's own migrator.
fn baseline(validation: &Validation) -> impl Iterator<Item = &BaselineDifference> {
    validation.baseline.iter().flat_map(|list| &list.differences)
}

/// The parts that were not compared although another run could compare them, one line each.
pub(super) fn not_compared(validation: &Validation) -> Vec<String> {
    let all = [
        &validation.views.not_compared,
        &validation.defaults.not_compared,
        &validation.behaviour.not_compared,
    ];
    let incidental = all.into_iter().flatten().filter(|left| left.reason.is_incidental());
    // Whoever runs the app has to know which sequences and which derived data nobody has checked.
    let existing = validation.sequences.not_compared.iter().chain(&validation.derived.not_compared);
    existing
        .chain(incidental)
        .map(|left| format!("{}: {}", words::subject(&left.subject), words::reason(&left.reason)))
        .collect()
}

/// A validation as JSON: each finding as text in the fields of older versions, and as an object in `findings`.
pub(super) fn validation_json(validation: &Validation, plan: &Plan) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(validation)?;
    let found = Findings::of(validation);
    value["schema"] = json!(found.schema);
    value["sequences"] = json!(found.sequences);
    let unchecked: Vec<Value> = validation.sequences.not_compared.iter().map(left_out_json).collect();
    if !unchecked.is_empty() {
        value["sequences_left_out"] = json!(unchecked);
    }
    let names: Vec<&str> =
        validation.missing_migrations.iter().map(|migration| migration.name.as_str()).collect();
    value["missing_migrations"] = json!(names);
    if let Some(compared) = &validation.baseline {
        value["baseline"] = json!({ "list": compared.baseline.name(), "rows": compared.baseline.rows, "problems": found.baseline });
    }
    value["views"] = check_json(&validation.views, &found.views);
    value["defaults"] = check_json(&validation.defaults, &found.defaults);
    // Only an app has derived data in the target.
    if plan.is_into_existing() {
        value["derived"] = check_json(&validation.derived, &found.derived);
    }
    value["behaviour"] = check_json(&validation.behaviour, &found.behaviour);
    if let (Some(reason), Some(fields)) = (&validation.schema_not_compared, value.as_object_mut()) {
        fields.remove("schema_not_compared");
        fields.insert("schema_left_out".to_owned(), words::reason(reason).into());
    }
    value["integrity_check"] = json!(validation.integrity_state());
    value["findings"] = findings_json(validation, plan, &found)?;
    Ok(value)
}

fn check_json<D>(result: &CheckResult<D>, problems: &[String]) -> Value {
    let left_out: Vec<Value> = result.not_compared.iter().map(left_out_json).collect();
    json!({ "tried": result.compared, "problems": problems, "left_out": left_out })
}

fn left_out_json(left: &NotCompared) -> Value {
    json!({
        "what": words::subject(&left.subject),
        "reason": words::reason(&left.reason),
        "subject": left.subject,
        "cause": left.reason,
    })
}

/// All findings as objects: `check`, the finding's own fields, `words`, `next`, and `sql` if that repairs it.
fn findings_json(validation: &Validation, plan: &Plan, found: &Findings) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    let schema = remedy::schema(&validation.schema, plan);
    for ((finding, words), remedy) in validation.schema.iter().zip(&found.schema).zip(&schema) {
        all.push(finding_json("schema", finding, words, remedy)?);
    }
    for (finding, words) in validation.sequences.differences.iter().zip(&found.sequences) {
        all.push(finding_json("sequences", finding, words, &remedy::sequence(finding, plan))?);
    }
    for (finding, words) in validation.missing_migrations.iter().zip(&found.migrations) {
        all.push(finding_json("bookkeeping", finding, words, &remedy::missing_migration(finding))?);
    }
    for (finding, words) in baseline(validation).zip(&found.baseline) {
        all.push(finding_json("bookkeeping", finding, words, &remedy::baseline(finding))?);
    }
    for (finding, words) in validation.views.differences.iter().zip(&found.views) {
        let remedy = remedy::Remedy::SkipView(finding.view.clone());
        all.push(finding_json("views", finding, words, &remedy)?);
    }
    for (finding, words) in validation.defaults.differences.iter().zip(&found.defaults) {
        all.push(finding_json("defaults", finding, words, &remedy::default(finding, plan))?);
    }
    for (finding, words) in validation.derived.differences.iter().zip(&found.derived) {
        all.push(finding_json("derived", finding, words, &remedy::derived(finding, plan))?);
    }
    for (finding, words) in validation.behaviour.differences.iter().zip(&found.behaviour) {
        let remedy = remedy::constraint(finding, &validation.schema, plan);
        all.push(finding_json("behaviour", finding, words, &remedy)?);
    }
    Ok(Value::Array(all))
}

fn finding_json(
    check: &str,
    finding: &impl Serialize,
    words: &str,
    remedy: &remedy::Remedy,
) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(finding)?;
    value["check"] = check.into();
    value["words"] = words.into();
    value["next"] = remedy.to_string().into();
    if let Some(sql) = remedy.sql() {
        value["sql"] = sql.into();
    }
    Ok(value)
}

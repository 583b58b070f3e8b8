//! `cargo xtask validate --sqlite FILE`: compares a file with a PostgreSQL database that any tool may have filled.

use std::path::Path;

use anyhow::Context;
use migrate_core::comparison::Comparison;
use migrate_core::mapping::Mapping;
use postgres_client::TargetUrl;
use row_mover::comparison::{self, ComparisonRequest, ComparisonSource};
use row_mover::validate::CompareOptions;

use super::ValidateArgs;
use crate::commands::migrate;
use crate::exit::Exit;
use crate::run_context::RunContext;
use crate::{output, source_plan};

/// Compares `source` with the target, and prints the result.
pub(super) fn run(
    args: &ValidateArgs,
    context: RunContext<'_>,
    source: ComparisonSource<'_>,
    target: TargetUrl,
) -> anyhow::Result<Exit> {
    let request = ComparisonRequest {
        source,
        target,
        settings: context.settings,
        mapping: mapping(args.plan.as_deref(), &args.schema)?,
        options: CompareOptions {
            show_values: args.output.show_values,
            workers: migrate::workers(args.workers, context.settings.pool_max),
            read_only: true,
        },
    };
    let remedy = || "Nothing was changed. Run the same command again.".to_owned();
    let work = |screen: &crate::screen::Screen| comparison::compare(&request, screen);
    let compared = context.execute(&request.target, work, remedy)?;
    output::stdout(&text(&compared.comparison))?;
    context.end_suppressed_output();
    Ok(if compared.comparison.is_equal() { Exit::Done } else { Exit::Differences })
}

/// The decisions of the plan's folder, where one is named.
fn mapping(folder: Option<&Path>, schemas: &[String]) -> anyhow::Result<Mapping> {
    let mut mapping = match folder {
        Some(folder) => {
            let text = source_plan::mapping_text(folder, false).context(
                "the decisions for the comparison cannot be read; --plan names a folder with a mapping.toml",
            )?;
            source_plan::mapping(folder, &text)?
        }
        None => Mapping::default(),
    };
    if !schemas.is_empty() {
        mapping.schemas = schemas.to_vec();
    }
    Ok(mapping)
}

/// The result in plain lines.
fn text(comparison: &Comparison) -> String {
    let mut lines = Vec::new();
    for table in &comparison.tables {
        lines.push(format!(
            "{}: {} rows, {} in PostgreSQL; {} equal, {} missing, {} extra, {} duplicates, {} different",
            table.table,
            table.source_rows,
            table.target_rows,
            table.equal,
            table.missing,
            table.extra,
            table.duplicates,
            table.different
        ));
        for row in &table.rows {
            lines.push(format!("  {:?}: {} ({})", row.kind, row.key, row.rows));
        }
        for column in &table.columns {
            for form in &column.forms {
                lines.push(format!(
                    "  {}: {:?} in {} values: {}",
                    column.column,
                    form.form,
                    form.values,
                    form.first.join("; ")
                ));
            }
            for found in &column.differences {
                lines.push(format!(
                    "  {}: {:?} in {} values: {} {:?}",
                    column.column,
                    found.diagnosis,
                    found.values,
                    found.first.join("; "),
                    found.shown
                ));
            }
        }
    }
    lines.extend(comparison.gaps.iter().map(|gap| format!("{gap:?}")));
    lines.join("\n") + "\n"
}

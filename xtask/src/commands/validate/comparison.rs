//! `cargo xtask validate --sqlite FILE`: compares a file with a PostgreSQL database that any tool may have filled.

use std::path::Path;

use anyhow::Context;
use migrate_core::mapping::Mapping;
use postgres_client::TargetUrl;
use row_mover::comparison::{self, Compared, ComparisonRequest, ComparisonSource};
use row_mover::validate::CompareOptions;

use super::ValidateArgs;
use crate::commands::migrate;
use crate::exit::Exit;
use crate::run_context::RunContext;
use crate::{output, report, source_plan, workspace};

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
    // A ledger that this role cannot read is none of the comparison's.
    if source_plan::last(&request.target, &context.settings).is_ok_and(|plan| plan.is_some()) {
        context.remark("note      the target holds a migration of ours: `cargo xtask validate` without --sqlite compares it with its plan");
    }
    publish(args, context, &compared, &request.target)?;
    Ok(if report::is_same(&compared) { Exit::Done } else { Exit::Differences })
}

/// Prints the result and writes its files.
fn publish(
    args: &ValidateArgs,
    context: RunContext<'_>,
    compared: &Compared,
    target: &TargetUrl,
) -> anyhow::Result<()> {
    let sha256 = &compared.comparison.sealed.sha256;
    let folder = format!("comparison-{}", sha256.get(..12).unwrap_or(sha256));
    let words = report::comparison_report(compared, target);
    let files = [
        ("comparison.json", report::comparison_json(compared, target, None)?),
        (report::REPAIR_FILE, report::repair_file(&compared.structure)),
        ("comparison.md", words.markdown()),
    ];
    // A report that cannot be written does not keep the result from the screen.
    let written = args.output.report.write_files(folder.as_ref(), &files);
    let folder = written.as_ref().ok().and_then(|files| files.as_ref());
    let shown = folder.map(|files| workspace::shown(&files.folder));
    let mut text = match args.output.json {
        true => report::comparison_json(compared, target, shown.as_deref())?,
        false => report::comparison_text(compared, target, shown.as_deref()),
    };
    if let Some(files) = folder.filter(|_| !args.output.json) {
        text.push_str(&files.line());
    }
    output::stdout(&text)?;
    context.end_suppressed_output();
    written?;
    args.output.ci.write_comparison(&words, args.output.json)
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

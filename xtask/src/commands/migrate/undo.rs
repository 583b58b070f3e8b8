//! `migrate --undo`: puts the target back as it was before a migration that is not finished. The ledger has all that it takes.

use postgres_client::TargetUrl;
use row_mover::run::{self, UndoRequest};

use super::{MigrateArgs, resolve_target, workers};
use crate::exit::Exit;
use crate::run_context::RunContext;
use crate::{output, report, source};

/// Undoes the last migration into the target, or shows what that would do.
pub(super) fn undo(args: &MigrateArgs, context: RunContext<'_>) -> anyhow::Result<Exit> {
    // The path alone matters: it names the database where no target is named.
    let source = source::path(args.sqlite.as_deref());
    let (target, _) = resolve_target(args, &source, &context)?;
    let request = UndoRequest {
        workers: workers(args.workers, context.settings.pool_max),
        settings: context.settings,
        discard: args.discard,
        dry_run: args.dry_run,
        target,
    };
    let work = |screen: &crate::screen::Screen| run::undo(&request, screen);
    let undone = context.execute(&request.target, work, || how_to_resume(&request.target))?;
    output::stdout(&match args.output.json {
        true => report::undo_json(undone.as_ref(), &request.target, args.dry_run)?,
        false => report::undo_text(undone.as_ref(), &request.target, args.dry_run),
    })?;
    context.end_suppressed_output();
    Ok(Exit::Done)
}

fn how_to_resume(target: &TargetUrl) -> String {
    format!("{target} may be undone in part. Run the same command again: it resumes.")
}

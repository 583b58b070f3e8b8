//! An emergency in which PostgreSQL does not help: the app works with SQLite again, and everything else waits.

use anyhow::Context as _;
use row_mover::rollback::{OfflineRequest, open_source_offline};

use super::text::{self, Summary};
use super::work::RollbackContext;
use crate::exit::Exit;
use crate::output;

/// Opens SQLite and switches the app without PostgreSQL, which has failed with `error`.
pub(super) fn without_postgres(context: &RollbackContext<'_>, error: &anyhow::Error) -> anyhow::Result<Exit> {
    output::note("PostgreSQL cannot be asked, so the app comes first and the rest waits:");
    output::failure(error);
    let args = context.args;
    let sqlite = args.sqlite.clone().or_else(|| std::env::var_os("DATABASE_PATH").map(Into::into));
    let sqlite = sqlite.context(
        "without PostgreSQL it is not known which SQLite file the app had: name it with --sqlite or DATABASE_PATH",
    )?;
    let request = OfflineRequest {
        sqlite: sqlite.clone(),
        backup_dir: args.backup_dir.clone(),
        sealed_copy: args.sealed_copy.clone(),
        restore_copy: args.restore_copy,
        accept_damaged_indexes: args.accept_damaged_indexes,
        dry_run: args.dry_run,
        author: context.author(),
    };
    let reopened = context.engine(|| open_source_offline(&request, context.screen))?;
    let mut summary = Summary::offline(&sqlite, &reopened, context.url);
    if args.dry_run {
        summary.next_steps = Some(text::OFFLINE_STEPS.map(str::to_owned).to_vec());
    } else {
        let switch = context.switch_back(&sqlite)?;
        context.remark(&text::switched(&switch));
        summary.switch = Some(switch);
        context.check_app()?;
    }
    summary.seconds = context.started.elapsed().as_secs_f64();
    context.print(&summary)
}

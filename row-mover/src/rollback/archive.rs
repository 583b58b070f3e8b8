//! Archives what PostgreSQL contains: its schemas get other names, and the default schema is made again, empty, so that a later migration
//! into the same database begins afresh.
//!
//! Renaming takes no time, whatever the tables contain, and no statement of the app finds them afterwards. The ledger stays, with its
//! runs and events.

use migrate_core::cutover::{Archive, Event};
use migrate_core::identifier::{qualified_pg, quote_pg};
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;
use migrate_core::render;

use super::Author;
use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::target::bookkeeping;
use crate::target::migration::Migration;
use postgres_client::connection::{Connection, text_array};

/// The longest name of a schema, in bytes (manual, section 4.1.1).
const NAME_BYTES_MAX: usize = 63;

/// The error where it fails.
const FAILED: fn() -> &'static str = || "PostgreSQL's side cannot be archived";

/// The schemas of a run that are there: those of its plan, and that of the list which the app's own migrator keeps.
pub(super) fn schemas(target: &mut Connection, run: &Run) -> Result<Vec<String>> {
    let baseline = ledger::baseline(target)?.map(|written| written.baseline.schema);
    let mut names: Vec<String> = run.plan.schemas().into_iter().map(str::to_owned).collect();
    names.extend(baseline.filter(|schema| !run.plan.schemas().contains(&schema.as_str())));
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname = ANY ($1::text[]) ORDER BY array_position($1::text[], nspname::text)";
    target.load(sql, &[Some(&text_array(names.iter().map(Some)))]).context(FAILED)
}

/// Refuses where this role may not rename a schema or make one.
///
/// # Errors
/// The name of the schema and its owner.
pub(super) fn check(target: &mut Connection, run: &Run) -> Result<()> {
    let schemas = schemas(target, run)?;
    let sql = "SELECT nspname::text, nspowner::regrole::text, current_user::text FROM pg_namespace \
               WHERE nspname = ANY ($1::text[]) AND NOT pg_has_role(nspowner, 'USAGE') LIMIT 1";
    let foreign: Option<(String, String, String)> =
        target.first(sql, &[Some(&text_array(schemas.iter().map(Some)))]).context(FAILED)?;
    if let Some((schema, owner, user)) = foreign {
        return Err(Error::new(format!("{user} may not rename schema {schema}, which belongs to {owner}"))
            .with_remedy_text("run the same command as the owner of the database; nothing was changed"));
    }
    let may_create: bool =
        target.one("SELECT has_database_privilege(current_database(), 'CREATE')", &[]).context(FAILED)?;
    if may_create {
        return Ok(());
    }
    let (user, database): (String, String) =
        target.one("SELECT current_user::text, current_database()::text", &[]).context(FAILED)?;
    Err(Error::new(format!("{user} may not rename schemas in database {database}"))
        .with_remedy_text(format!("GRANT CREATE ON DATABASE {} TO {}", quote_pg(&database), quote_pg(&user))))
}

/// The name of a schema in the archive: its own, and when it was archived. Names after the first are for those that are taken: by another
/// rollback in the same second, or by another schema whose long name begins in the same way.
fn archived_names(schema: &str, stamp: &str) -> impl Iterator<Item = String> {
    (1..).map(move |number: u64| {
        let number = if number == 1 { String::new() } else { format!("_{number}") };
        let suffix = format!("_until_{stamp}{number}");
        let mut end = NAME_BYTES_MAX.saturating_sub(suffix.len()).min(schema.len());
        while !schema.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}{suffix}", schema.get(..end).unwrap_or_default())
    })
}

/// The first name for a schema in the archive that no schema has.
fn free_name(target: &mut Connection, schema: &str, stamp: &str) -> Result<String> {
    for name in archived_names(schema, stamp) {
        let sql = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        if !target.one::<bool>(sql, &[Some(&name)]).context(FAILED)? {
            return Ok(name);
        }
    }
    Err(Error::new(format!("no name is left for schema {schema} in the archive")))
}

/// Renames the schemas of a run, and records it, in one transaction.
///
/// # Errors
/// When PostgreSQL refuses. Nothing is renamed then.
pub(super) fn rename_schemas(target: &mut Connection, run: &Run, author: &Author) -> Result<Archive> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dt%H%M%Sz").to_string();
    target.transaction(|target| {
        let mut archived = Vec::new();
        for schema in schemas(target, run)? {
            let name = free_name(target, &schema, &stamp)?;
            rename(target, &schema, &name)?;
            archived.push(name);
        }
        forget_what_the_ledger_schema_holds(target, &run.plan, run, archived.first())?;
        let archive = Archive::Schemas(archived);
        record(target, run, &archive, author)?;
        Ok(archive)
    })
}

fn record(target: &mut Connection, run: &Run, archive: &Archive, author: &Author) -> Result<()> {
    let event = Event::TargetArchived { archive: archive.clone() };
    ledger::record_cutover_event(target, run.id, &event, &author.name, author.note.as_deref())
}

fn rename(target: &mut Connection, schema: &str, name: &str) -> Result<()> {
    let is_default = schema == DEFAULT_SCHEMA;
    let again = if is_default { Some(recreate_sql(target, schema)?) } else { None };
    let extensions = if is_default { extensions(target, schema)? } else { Vec::new() };
    target
        .script(&format!("ALTER SCHEMA {} RENAME TO {}", quote_pg(schema), quote_pg(name)))
        .context(|| format!("schema {schema} cannot be renamed"))?;
    if let Some(sql) = again {
        target.script(&sql).context(|| format!("schema {schema} cannot be made again"))?;
    }
    for extension in extensions {
        let sql = format!("ALTER EXTENSION {} SET SCHEMA {}", quote_pg(&extension), quote_pg(schema));
        target.script(&sql).context(|| format!("extension {extension} cannot be kept in schema {schema}"))?;
    }
    Ok(())
}

/// The statements that make a schema again, with its owner and its privileges.
fn recreate_sql(target: &mut Connection, schema: &str) -> Result<String> {
    let owner: String = target
        .one("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1", &[Some(schema)])
        .context(FAILED)?;
    let name = quote_pg(schema);
    // `regrole` quotes names where that is needed.
    let mut sql = format!("CREATE SCHEMA {name} AUTHORIZATION {owner}");
    let grants = "SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type, a.is_grantable \
                  FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a \
                  WHERE n.nspname = $1 AND a.grantee <> n.nspowner ORDER BY 1, 2";
    let grants: Vec<(String, String, bool)> = target.load(grants, &[Some(schema)]).context(FAILED)?;
    for (grantee, privilege, is_grantable) in grants {
        let option = if is_grantable { " WITH GRANT OPTION" } else { "" };
        sql.push_str(&format!("; GRANT {privilege} ON SCHEMA {name} TO {grantee}{option}"));
    }
    Ok(sql)
}

/// The extensions whose objects are in a schema and can be moved: the app that comes back finds them where they were.
fn extensions(target: &mut Connection, schema: &str) -> Result<Vec<String>> {
    let sql = "SELECT extname::text FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace \
               WHERE n.nspname = $1 AND extrelocatable AND pg_has_role(extowner, 'USAGE') ORDER BY 1";
    target.load(sql, &[Some(schema)]).context(FAILED)
}

/// Where an app had made the tables, the ledger's schema holds the rows that they had before and the list of the plan's migrations: the
/// rows go to the archive, and the list is emptied for the next run.
fn forget_what_the_ledger_schema_holds(
    target: &mut Connection,
    plan: &Plan,
    run: &Run,
    archive: Option<&String>,
) -> Result<()> {
    if let Some(archive) = archive {
        for saved in plan.tables.iter().filter_map(|table| table.saved()) {
            let name = qualified_pg(ledger::SCHEMA, &saved.target);
            let sql = format!("ALTER TABLE IF EXISTS {name} SET SCHEMA {}", quote_pg(archive));
            target.script(&sql).context(FAILED)?;
        }
    }
    if run.list_schema == ledger::SCHEMA {
        let versions: Vec<String> =
            render::migration_names(plan).map(|name| Migration::new(name).version()).to_vec();
        bookkeeping::forget(target, ledger::SCHEMA, &versions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archived_schema_has_a_name_that_postgresql_accepts() {
        let names = |schema: &str| archived_names(schema, "20260101t000000z").take(12).collect::<Vec<_>>();
        let of_public = names("public");
        assert_eq!(of_public[0], "public_until_20260101t000000z");
        assert_eq!(of_public[1], "public_until_20260101t000000z_2");
        for schema in ["x".repeat(63), "ü".repeat(31)] {
            let names = names(&schema);
            assert!(names.iter().all(|name| name.len() <= NAME_BYTES_MAX), "{names:?}");
            assert!(
                names[0].ends_with("_until_20260101t000000z") && names[11].ends_with("z_12"),
                "{names:?}"
            );
        }
    }
}

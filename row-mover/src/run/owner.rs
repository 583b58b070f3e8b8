//! Gives the objects that a run created to the role of the app: a superuser's run would otherwise leave tables that the app cannot use.
//!
//! Tables that an app created are not touched, and neither is the ledger. Indexes and the sequences of columns follow their tables.

use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;

use crate::error::{Context, Error, Result};
use crate::target::bookkeeping;
use crate::target::migrator_list::WrittenBaseline;
use postgres_client::connection::{Connection, text_array};
use postgres_client::watch::{Watch, check_stop};

/// From this version on, a membership may be without the right to become the role (manual, "GRANT").
const SET_OPTION_VERSION_MIN: i32 = 160_000;

/// The owner of the schema, if somebody chose one, or else that of the database. `public` is owned by whoever owns the database, unless
/// an older version created it.
const USUAL_OWNER_SQL: &str = "SELECT coalesce( \
    (SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner \
     WHERE n.nspname = $1 AND $1 <> $2 AND r.rolname NOT IN ('pg_database_owner', current_user)), \
    (SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = current_database()))::text";

/// Our own objects among those that have these names, as statements that give them away: `$1` and `$2` are the schemas and names of
/// relations, `$3` and `$4` those of functions, `$5` schemas that the run may have created, `$6` the role.
const HAND_OVER_SQL: &str = "WITH mine AS (SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user) \
    SELECT 1 AS rank, format('ALTER SCHEMA %I OWNER TO %I', n.nspname, $6::text) AS statement FROM pg_namespace n \
    WHERE n.nspname = ANY ($5::text[]) AND n.nspowner = (SELECT oid FROM mine) \
    AND (has_database_privilege($6::text, current_database(), 'CREATE') OR (SELECT rolsuper FROM mine)) \
    UNION ALL SELECT 2, format('ALTER %s %I.%I OWNER TO %I', \
        CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname, $6::text) \
    FROM unnest($1::text[], $2::text[]) AS named (s, n) JOIN pg_namespace n ON n.nspname = named.s \
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = named.n \
    WHERE c.relkind IN ('r', 'p', 'v', 'S') AND c.relowner = (SELECT oid FROM mine) \
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S' \
                    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) \
    UNION ALL SELECT 3, format('ALTER FUNCTION %I.%I() OWNER TO %I', n.nspname, p.proname, $6::text) \
    FROM unnest($3::text[], $4::text[]) AS named (s, n) JOIN pg_namespace n ON n.nspname = named.s \
    JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = named.n AND p.pronargs = 0 \
    WHERE p.proowner = (SELECT oid FROM mine) ORDER BY 1, 2";

/// Returns the role that the objects of a run are to belong to, where that is another one than ours: the one that is `named`, else the
/// usual one if we may hand objects over to it.
///
/// # Errors
/// When a named role does not exist, or this role may not become it.
pub(super) fn owner(target: &mut Connection, plan: &Plan, named: Option<&str>) -> Result<Option<String>> {
    let failed = || "the owner of the target cannot be read";
    let role = match named {
        Some(named) => named.to_owned(),
        None => {
            target.one(USUAL_OWNER_SQL, &[Some(&plan.target_schema), Some(DEFAULT_SCHEMA)]).context(failed)?
        }
    };
    let right = if target.server_version() >= SET_OPTION_VERSION_MIN { "SET" } else { "MEMBER" };
    // With rights of its own on what it handed over: rows and builds come after an interrupted run, too.
    let sql = format!(
        "SELECT current_user::text, r.rolname <> current_user, pg_has_role(r.oid, '{right}') AND pg_has_role(r.oid, 'USAGE'), \
         (SELECT s FROM unnest($2::text[]) AS s WHERE NOT coalesce(has_schema_privilege(r.oid, to_regnamespace(quote_ident(s))::oid, 'CREATE'), \
            has_database_privilege(r.oid, current_database(), 'CREATE')) AND NOT me.rolsuper LIMIT 1) \
         FROM pg_roles AS r, pg_roles AS me WHERE r.rolname = $1 AND me.rolname = current_user"
    );
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let found: Option<(String, bool, bool, Option<String>)> =
        target.first(&sql, &[Some(&role), Some(&schemas)]).context(failed)?;
    match (found, named) {
        (Some((_, false, ..)), _) => Ok(None),
        (Some((_, _, true, None)), _) => Ok(Some(role)),
        (_, None) => Ok(None),
        (None, Some(_)) => Err(Error::new(format!("the role {role} does not exist in the target"))
            .with_remedy_text(format!("CREATE ROLE {} LOGIN, or name another one", quote_pg(&role)))),
        (Some((user, _, false, _)), Some(_)) => {
            Err(Error::new(format!("{user} may not hand objects over to {role}, of which it is no member"))
                .with_remedy_text(format!("GRANT {} TO {}", quote_pg(&role), quote_pg(&user))))
        }
        (Some((.., Some(closed))), Some(_)) => {
            let create = match closed == DEFAULT_SCHEMA {
                true => format!("SCHEMA {}", quote_pg(&closed)),
                false => format!("DATABASE {}", quote_pg(&database(target)?)),
            };
            Err(Error::new(format!(
                "{role} may not create tables in schema {closed}, so that it cannot own any there"
            ))
            .with_remedy_text(format!("GRANT CREATE ON {create} TO {}", quote_pg(&role))))
        }
    }
}

fn database(target: &mut Connection) -> Result<String> {
    target.one("SELECT current_database()::text", &[]).context(|| "the owner of the target cannot be read")
}

/// Whether `role` can own the list of the app's migrator. A table's owner needs CREATE on its schema; a schema that we created goes to a
/// role that may create schemas. Any other role could not run the migrator, which creates that schema where it is missing.
fn can_own_list(target: &mut Connection, written: &WrittenBaseline, role: &str) -> Result<bool> {
    let sql = "SELECT rolsuper OR has_schema_privilege($1, $2, 'CREATE') \
               OR ($3::boolean AND has_database_privilege($1, current_database(), 'CREATE')) \
               FROM pg_roles WHERE rolname = current_user";
    let parameters = [
        Some(role),
        Some(&written.baseline.schema),
        Some(if written.made_schema { "true" } else { "false" }),
    ];
    target.one(sql, &parameters).context(|| "the owner of the target cannot be read")
}

/// Hands our objects of the plan over to `role`, and returns how many there were. One that was handed over before is no longer ours.
///
/// # Errors
/// When the target refuses, or the work is to stop.
pub(super) fn hand_over(
    target: &mut Connection,
    plan: &Plan,
    baseline: Option<&WrittenBaseline>,
    role: &str,
    watch: &dyn Watch,
) -> Result<usize> {
    let failed = || format!("what the run created cannot be handed over to {role}");
    let made = plan.tables.iter().filter(|table| table.existing.is_none());
    let sequences = made.clone().flat_map(|table| {
        table.columns.iter().filter_map(|column| Some((table.schema_name(), column.sequence.as_deref()?)))
    });
    let own = plan.target_schema.as_str();
    let views = plan.views.iter().map(|view| (own, view.target.as_str()));
    let list = (!plan.is_into_existing()).then_some((own, bookkeeping::TABLE));
    let baseline = baseline.filter(|written| written.made_table);
    let can_own_list =
        baseline.map(|written| can_own_list(target, written, role)).transpose()?.unwrap_or(false);
    let baseline = baseline.filter(|_| can_own_list);
    let app_list =
        baseline.map(|written| (written.baseline.schema.as_str(), written.baseline.table.as_str()));
    let relations = made.map(|table| (table.schema_name(), table.target.as_str()));
    let (schemas, names): (Vec<_>, Vec<_>) = relations
        .chain(sequences)
        .chain(views)
        .chain(list)
        .chain(app_list)
        .map(|(schema, name)| (Some(schema), Some(name)))
        .unzip();
    let functions: Vec<_> = plan.triggers.iter().map(|trigger| Some(trigger.function.as_str())).collect();
    let function_schemas = text_array(functions.iter().map(|_| Some(own)));
    let is_own = |schema: &&str| *schema != DEFAULT_SCHEMA && !plan.is_into_existing();
    let list_schema =
        baseline.filter(|written| written.made_schema).map(|written| written.baseline.schema.as_str());
    let made_schemas = text_array(plan.schemas().into_iter().filter(is_own).chain(list_schema).map(Some));
    let statements: Vec<(i32, String)> = target
        .load(
            HAND_OVER_SQL,
            &[
                Some(&text_array(schemas)),
                Some(&text_array(names)),
                Some(&function_schemas),
                Some(&text_array(functions)),
                Some(&made_schemas),
                Some(role),
            ],
        )
        .context(failed)?;
    for (_, statement) in &statements {
        check_stop(watch)?;
        target.script(statement).context(failed)?;
    }
    Ok(statements.len())
}

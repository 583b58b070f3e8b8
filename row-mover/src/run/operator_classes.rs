//! Whether the target can build the planned indexes with an operator class that only the target knows: one of an extension, or one for an
//! expression, whose type PostgreSQL decides.
//!
//! PostgreSQL is asked: each such index is created on an empty table in a scratch schema, in a transaction that is rolled back. The
//! catalog only explains a refusal.

use migrate_core::identifier::quote_pg;
use migrate_core::operator_class::{OperatorClass, supplied};
use migrate_core::plan::{Plan, PlannedIndex, PlannedIndexColumn, PlannedTable};
use migrate_core::render::{self, BuildKind};

use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use postgres_client::connection::Connection;

/// The schema of the trial.
const SCRATCH: &str = "migration_scratch_classes";

/// The schemas that have a class of the name $1 for the method $2, and whether this role may use its objects.
const SCHEMAS_SQL: &str = "SELECT n.nspname::text, has_schema_privilege(n.oid, 'USAGE') FROM pg_opclass o \
    JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod \
    WHERE o.opcname = $1 AND m.amname = $2 ORDER BY 1";

/// Refuses a plan with an index that the target cannot build.
///
/// # Errors
/// When it cannot, or does not answer.
pub(super) fn check(target: &mut Connection, tables: &[&PlannedTable]) -> Result<()> {
    for table in tables.iter().filter(|table| table.existing.is_none()) {
        for index in table.indexes.iter().filter(|index| index.columns.iter().any(is_unknown)) {
            let sql = trial_sql(table, index);
            let tried = target.undone_transaction(|target| target.script(&sql).map(drop));
            match tried {
                Ok(()) => {}
                Err(error) if error.is_transient() || error.is_stop() => return Err(error),
                Err(error) => return Err(refused(target, table, index, error)?),
            }
        }
    }
    Ok(())
}

/// Whether only the target knows if a key of an index can have its class.
fn is_unknown(key: &PlannedIndexColumn) -> bool {
    key.ops.as_ref().is_some_and(|class| class.schema().is_some() || key.expression.is_some())
}

/// The statements that create a table without rows and constraints, and one index of it.
fn trial_sql(table: &PlannedTable, index: &PlannedIndex) -> String {
    let table = PlannedTable {
        primary_key: None,
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        indexes: vec![index.clone()],
        ..table.clone()
    };
    let plan = Plan { tables: vec![table], ..Plan::empty(SCRATCH.to_owned()) };
    let plan = plan.relocated(&|_| SCRATCH.to_owned());
    let builds = render::builds(&plan);
    let is_index = |kind: &BuildKind| matches!(kind, BuildKind::Index(_) | BuildKind::PathIndex);
    let statements = builds.iter().filter(|build| is_index(&build.kind)).flat_map(|build| &build.statements);
    let statements: Vec<String> = statements.map(|sql| format!("{sql};\n")).collect();
    format!("{}{}", render::create_tables(&plan).up, statements.concat())
}

/// The error for an index that the server refused, with the reason as far as the catalog tells it.
fn refused(
    target: &mut Connection,
    table: &PlannedTable,
    index: &PlannedIndex,
    answer: Error,
) -> Result<Error> {
    let classes: Vec<&OperatorClass> =
        index.columns.iter().filter(|key| is_unknown(key)).filter_map(|key| key.ops.as_ref()).collect();
    let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
    let error = Error::new(format!(
        "the target cannot create index {} of {} with the operator class {}",
        index.name,
        table.source,
        names.join(", ")
    ));
    for class in classes {
        if let Some((cause, repair)) = unusable(target, class, index)? {
            let error = error.caused_by(cause);
            return Ok(match repair {
                Repair::Statement(sql) => error.with_remedy_text(sql),
                Repair::Plan(remedy) => error.with_remedy_value(remedy),
            });
        }
    }
    Ok(error.caused_by(answer).with_remedy_value(Remedy::OtherOperatorClass { index: index.name.clone() }))
}

/// What makes a class usable.
enum Repair {
    /// A statement in the target.
    Statement(String),
    /// Another plan, or what it takes besides.
    Plan(Remedy),
}

/// Why this role cannot use a class, and what to do; none where it can.
fn unusable(
    target: &mut Connection,
    class: &OperatorClass,
    index: &PlannedIndex,
) -> Result<Option<(String, Repair)>> {
    let failed = || "the operator classes of the target cannot be read";
    let method = index.method.sql();
    let found: Vec<(String, bool)> =
        target.load(SCHEMAS_SQL, &[Some(class.name()), Some(method)]).context(failed)?;
    let schema = class.schema().unwrap_or("pg_catalog");
    if let Some((_, may_use)) = found.iter().find(|(name, _)| name == schema) {
        let user: String = target.one("SELECT current_user::text", &[]).context(failed)?;
        let grant = format!("GRANT USAGE ON SCHEMA {} TO {}", quote_pg(schema), quote_pg(&user));
        let cause = format!("{user} may not use the schema {schema}");
        return Ok((!may_use).then_some((cause, Repair::Statement(grant))));
    }
    if let Some((other, _)) = found.first() {
        let class = OperatorClass::in_schema(other, class.name());
        let remedy = Remedy::NameOperatorClass { index: index.name.clone(), class: class.to_string() };
        return Ok(Some((format!("the target has it in the schema {other}"), Repair::Plan(remedy))));
    }
    let remedy = match supplied(index.method, class.name()) {
        Some(supplied) => {
            Repair::Statement(format!("CREATE EXTENSION {} SCHEMA {}", supplied.extension, quote_pg(schema)))
        }
        None => Repair::Plan(Remedy::CreateExtensionOrOtherClass { index: index.name.clone() }),
    };
    Ok(Some((format!("the target has no class of this name for the method {method}"), remedy)))
}

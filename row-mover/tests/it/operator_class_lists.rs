//! The planner's lists of operator classes are those of PostgreSQL and of the extensions that come with it.

use migrate_core::conversion::{Conversion, PgType};
use migrate_core::mapping::IndexMethod;
use migrate_core::operator_class::{fitting, has_default, supplied_fitting};

use crate::support::Case;

const METHODS: [IndexMethod; 3] = [IndexMethod::Btree, IndexMethod::Gin, IndexMethod::Hash];

/// The types of a plan.
fn types() -> Vec<PgType> {
    let mut types: Vec<PgType> = Conversion::all().iter().map(Conversion::target_type).collect();
    types.sort_unstable_by_key(|kind| kind.sql());
    types.dedup();
    types
}

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}

#[test]
fn the_lists_are_those_of_postgresql_and_of_its_extensions() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    case.execute("CREATE EXTENSION btree_gin; CREATE EXTENSION pg_trgm; CREATE EXTENSION intarray");
    // PostgreSQL takes these for text and integers, too.
    let left_out = "'bpchar_ops', 'bpchar_pattern_ops', 'oid_ops'";
    for method in METHODS {
        for kind in types() {
            let classes = |schema: &str| {
                let sql = format!(
                    "SELECT o.opcname FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod WHERE m.amname = '{}' \
                     AND o.opcnamespace = '{schema}'::regnamespace AND o.opcname NOT IN ({left_out}) \
                     AND (o.opcintype = '{kind}'::regtype OR (o.opcintype = 'anyarray'::regtype AND '{kind}' LIKE '%[]') \
                          OR EXISTS (SELECT FROM pg_cast c WHERE c.castsource = '{kind}'::regtype AND c.casttarget = o.opcintype \
                                     AND c.castmethod = 'b' AND c.castcontext = 'i')) \
                     ORDER BY 1",
                    method.sql()
                );
                case.ask(&sql)
            };
            assert_eq!(sorted(fitting(method, kind)), classes("pg_catalog"), "{kind} {}", method.sql());
            let supplied = supplied_fitting(method, kind).map(|class| class.name).collect();
            assert_eq!(sorted(supplied), classes("public"), "{kind} {}", method.sql());
        }
    }
}

#[test]
fn postgresql_needs_no_class_where_the_plan_needs_none() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let mut session = case.session();
    for method in METHODS {
        for kind in types() {
            let is_made = session.undone_transaction(|session| {
                session.script(&format!("CREATE TABLE public.tried (v {kind})"))?;
                session.script(&format!("CREATE INDEX ON public.tried USING {} (v)", method.sql())).map(drop)
            });
            assert_eq!(is_made.is_ok(), has_default(method, kind), "{kind} {}", method.sql());
        }
    }
}

#[test]
fn no_class_of_the_list_equates_more_values_than_the_default() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    for kind in types() {
        let classes = fitting(IndexMethod::Btree, kind);
        let Some(default) = classes.first() else { continue };
        for class in &classes {
            // The function of the operator `=` of a class, which decides what a unique index refuses.
            let equality = |class: &str| {
                case.ask(&format!(
                    "SELECT DISTINCT p.oprcode::text FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod \
                     JOIN pg_amop a ON a.amopfamily = o.opcfamily AND a.amoplefttype = o.opcintype AND a.amoprighttype = o.opcintype \
                     JOIN pg_operator p ON p.oid = a.amopopr WHERE m.amname = 'btree' AND a.amopstrategy = 3 \
                     AND o.opcname = '{class}' AND o.opcnamespace = 'pg_catalog'::regnamespace"
                ))
            };
            assert_eq!(equality(class).len(), 1, "{kind} {class}");
            assert_eq!(equality(class), equality(default), "{kind} {class}");
        }
    }
}

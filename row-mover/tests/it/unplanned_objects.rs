//! What nobody planned is named: in the plan's schemas stands what the plan has, and nothing else.

use crate::damage::check_each;
use crate::support::Case;

#[test]
fn unplanned_objects_are_named() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (1, 'a');
         CREATE TABLE elsewhere (id INTEGER PRIMARY KEY);
         CREATE VIEW w AS SELECT id FROM t;",
        "[tables.elsewhere]\nschema = \"other\"",
    );
    case.moved();
    case.execute("CREATE SCHEMA nobodys; CREATE TABLE nobodys.t (a int)");
    check_each(
        &case,
        &[
            (
                "CREATE TABLE stray (a serial PRIMARY KEY)",
                "DROP TABLE stray",
                vec!["table stray is not in the plan"],
            ),
            ("CREATE TABLE other.t (a int)", "DROP TABLE other.t", vec!["table other.t is not in the plan"]),
            ("CREATE VIEW v AS SELECT 1 AS a", "DROP VIEW v", vec!["view v is not in the plan"]),
            (
                "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
                "DROP MATERIALIZED VIEW m",
                vec!["materialized view m is not in the plan"],
            ),
            ("CREATE SEQUENCE s", "DROP SEQUENCE s", vec!["sequence s is not in the plan"]),
            ("CREATE TYPE mood AS ENUM ('x')", "DROP TYPE mood", vec!["type mood is not in the plan"]),
            ("CREATE TYPE pair AS (a int, b int)", "DROP TYPE pair", vec!["type pair is not in the plan"]),
            ("CREATE DOMAIN label AS text", "DROP DOMAIN label", vec!["domain label is not in the plan"]),
            (
                "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "DROP FUNCTION one()",
                vec!["function one is not in the plan"],
            ),
            (
                "CREATE PROCEDURE two() LANGUAGE sql AS 'SELECT 1'",
                "DROP PROCEDURE two()",
                vec!["procedure two is not in the plan"],
            ),
            (
                "CREATE FUNCTION brought() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION plpgsql ADD FUNCTION brought()",
                "ALTER EXTENSION plpgsql DROP FUNCTION brought(); DROP FUNCTION brought()",
                vec![],
            ),
        ],
    );
}

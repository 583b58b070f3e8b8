//! Damage to tables and columns: dropped or renamed, with different types or defaults.

use migrate_core::identifier::{quote_pg, quote_pg_literal};

use crate::demand::Demand;
use crate::draw::{Damage, Draw};
use crate::kinds::Kind;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("column widened", |draw| {
        typed(
            draw,
            &[
                ("smallint", "integer"),
                ("integer", "bigint"),
                ("real", "double precision"),
                ("bigint", "numeric"),
                ("varchar", "text"),
            ],
        )
    }),
    Kind::drawn("column narrowed", |draw| {
        typed(
            draw,
            &[
                ("bigint", "integer"),
                ("integer", "smallint"),
                ("text", "varchar(2000)"),
                ("numeric", "numeric(60,20)"),
                ("double precision", "real"),
            ],
        )
    }),
    Kind::drawn("column with fewer digits of seconds", |draw| {
        typed(
            draw,
            &[
                ("timestamp with time zone", "timestamptz(3)"),
                ("timestamp without time zone", "timestamp(0)"),
                ("time without time zone", "time(3)"),
            ],
        )
    }),
    Kind::drawn("column of another type", |draw| {
        typed(
            draw,
            &[
                ("json", "jsonb"),
                ("jsonb", "json"),
                ("text", "bytea"),
                ("timestamp with time zone", "timestamp"),
                ("timestamp without time zone", "timestamptz"),
                ("date", "timestamp"),
                ("uuid", "text"),
                ("boolean", "integer"),
                ("double precision", "numeric"),
                ("bytea", "text"),
                ("numeric", "double precision"),
            ],
        )
    }),
    Kind::drawn("column of padded characters", |draw| typed(draw, &[("text", "char(400)")])),
    Kind::drawn("column with another collation", |draw| typed(draw, &[("text", "text COLLATE \"POSIX\"")])),
    Kind::drawn("column with the database's collation", |draw| {
        typed(draw, &[("text", "text COLLATE \"default\"")])
    }),
    Kind::drawn("column gone", |draw| {
        let [short, table, column, _] = column(draw, "true")?;
        let sql = format!("ALTER TABLE {table} DROP COLUMN {} CASCADE", quote_pg(&column));
        Some(damage(vec![sql], &short, &column))
    }),
    Kind::drawn("column renamed", |draw| {
        let [short, table, column, _] = column(draw, "true")?;
        let sql = format!("ALTER TABLE {table} RENAME COLUMN {} TO renamed", quote_pg(&column));
        Some(damage(vec![sql], &short, &column))
    }),
    Kind::drawn("names of two columns exchanged", |draw| {
        const FREE: &str = "NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'p' AND a.attnum = ANY (k.conkey))";
        let [short, table, column, kind] = column(draw, FREE)?;
        let same = format!("{FREE} AND a.attrelid = {}::regclass", quote_pg_literal(&table));
        let [_, other_table, other, other_kind] = self::column(draw, &same)?;
        (table == other_table && column != other && kind == other_kind).then_some(())?;
        let [a, b] = [quote_pg(&column), quote_pg(&other)];
        let sql = [(&a, "swapping".to_owned()), (&b, a.clone()), (&"swapping".to_owned(), b.clone())]
            .map(|(from, to)| format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"));
        // If only their values distinguish the columns, the values differ.
        let demand = Demand { is_free_in_rows: true, is_any: true, ..Demand::default() };
        Some(Damage::new(sql.to_vec(), format!("{short}: {column}, {other}"), demand).of_schema())
    }),
    Kind::drawn("column where there was none", |draw| {
        let [short, table, ..] = column(draw, "true")?;
        let sql = format!("ALTER TABLE {table} ADD COLUMN one_more text DEFAULT 'x'");
        Some(damage(vec![sql], &short, "one_more"))
    }),
    Kind::drawn("default gone", |draw| {
        let [short, table, column, _] = column(draw, "a.atthasdef AND a.attgenerated = ''")?;
        let sql = format!("ALTER TABLE {table} ALTER {} DROP DEFAULT", quote_pg(&column));
        Some(damage(vec![sql], &short, &column))
    }),
    Kind::drawn("default altered", |draw| {
        let [short, table, column, kind] = column(draw, "a.atthasdef AND a.attgenerated = ''")?;
        let other = match kind.as_str() {
            "text" => "'other'",
            "boolean" => "NULL",
            "jsonb" | "json" => "'[1]'",
            "timestamp with time zone" | "timestamp without time zone" => "'2000-01-01'",
            _ => "7",
        };
        let sql = format!("ALTER TABLE {table} ALTER {} SET DEFAULT {other}", quote_pg(&column));
        Some(damage(vec![sql], &short, &column))
    }),
    Kind::drawn("default where there was none", |draw| {
        let [short, table, column, kind] = column(draw, "NOT a.atthasdef AND a.attidentity = ''")?;
        let value = if kind == "text" { "'x'" } else { "NULL" };
        let sql = format!("ALTER TABLE {table} ALTER {} SET DEFAULT {value}", quote_pg(&column));
        Some(damage(vec![sql], &short, &column))
    }),
    Kind::drawn("generated column with another expression", |draw| {
        let [short, table, column, kind] =
            column(draw, "a.attgenerated = 's' AND format_type(a.atttypid, -1) <> 'tsvector'")?;
        let name = quote_pg(&column);
        let expression = "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = adrelid AND a.attnum = adnum";
        let expression = draw.one_of(&format!(
            "{expression} WHERE adrelid = {}::regclass AND attname = {}",
            quote_pg_literal(&table),
            quote_pg_literal(&column)
        ))?;
        let sql = vec![
            format!("ALTER TABLE {table} DROP COLUMN {name}"),
            format!(
                "ALTER TABLE {table} ADD COLUMN {name} {kind} GENERATED ALWAYS AS (({}) + 0) STORED",
                expression[0]
            ),
        ];
        Some(damage(sql, &short, &column))
    }),
    Kind::drawn("generated column that keeps what is written", |draw| {
        let [short, table, column, _] = column(draw, "a.attgenerated = 's'")?;
        let sql = format!("ALTER TABLE {table} ALTER {} DROP EXPRESSION", quote_pg(&column));
        Some(damage(vec![sql], &short, &column))
    }),
    Kind::drawn("table gone", |draw| {
        let [short, table, ..] = column(draw, "true")?;
        Some(gone(vec![format!("DROP TABLE {table} CASCADE")], &short))
    }),
    Kind::drawn("table renamed", |draw| {
        let [short, table, ..] = column(draw, "true")?;
        Some(gone(vec![format!("ALTER TABLE {table} RENAME TO renamed")], &short))
    }),
    Kind::drawn("table in another schema", |draw| {
        let [short, table, ..] = column(draw, "true")?;
        let sql =
            vec!["CREATE SCHEMA elsewhere".to_owned(), format!("ALTER TABLE {table} SET SCHEMA elsewhere")];
        Some(gone(sql, &short))
    }),
    Kind::drawn("table where there was none", |draw| {
        let schema = made_schema(draw)?;
        unplanned(format!("CREATE TABLE {schema}.unplanned (id bigint)"))
    }),
    Kind::drawn("view where there was none", |draw| {
        let schema = made_schema(draw)?;
        unplanned(format!("CREATE VIEW {schema}.unplanned AS SELECT 1 AS one"))
    }),
    Kind::drawn("sequence where there was none", |draw| {
        let schema = made_schema(draw)?;
        unplanned(format!("CREATE SEQUENCE {schema}.unplanned"))
    }),
    Kind::drawn("function where there was none", |draw| {
        let schema = made_schema(draw)?;
        unplanned(format!("CREATE FUNCTION {schema}.unplanned() RETURNS int LANGUAGE sql AS 'SELECT 1'"))
    }),
];

/// Returns the schema of a plan that creates all of its objects. In an app's schema, further objects are allowed.
fn made_schema(draw: &Draw<'_>) -> Option<String> {
    let plan = &draw.subject.case.plan;
    (!plan.is_into_existing()).then(|| quote_pg(&plan.target_schema))
}

fn unplanned(sql: String) -> Option<Damage> {
    let demand = Demand { sequences: vec!["unplanned".to_owned()], ..Demand::default() };
    Some(Damage::new(vec![sql], "unplanned".to_owned(), demand).of_schema())
}

fn damage(sql: Vec<String>, table: &str, column: &str) -> Damage {
    let demand = Demand::schema(table, &format!("column {column}")).and_rows();
    Damage::new(sql, format!("{table}.{column}"), demand).of_schema()
}

fn gone(sql: Vec<String>, table: &str) -> Damage {
    let demand = Demand { schema: vec![format!("table {table} is gone")], ..Demand::default() };
    Damage::new(sql, table.to_owned(), demand).of_schema()
}

/// Draws a column that satisfies a condition: its table's name, the table's name in SQL, its own name and its type.
fn column(draw: &mut Draw<'_>, filter: &str) -> Option<[String; 4]> {
    let planned = draw.planned();
    let sql = format!(
        "SELECT c.relname, c.oid::regclass, a.attname, format_type(a.atttypid, -1) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.oid = ANY ({planned}) AND a.attnum > 0 AND NOT a.attisdropped AND {filter} ORDER BY 1, 3"
    );
    draw.one_of(&sql)?.try_into().ok()
}

/// Changes a column from one of two types to the other.
fn typed(draw: &mut Draw<'_>, changes: &[(&str, &str)]) -> Option<Damage> {
    let (from, to) = *draw.chance.pick(changes)?;
    let filter = match from {
        "varchar" => "a.atttypid = 'varchar'::regtype".to_owned(),
        _ => format!("format_type(a.atttypid, -1) = '{from}'"),
    };
    let [short, table, column, _] = column(draw, &filter)?;
    let name = quote_pg(&column);
    let using = match (from, to) {
        ("text", "bytea") => format!(" USING convert_to({name}, 'UTF8')"),
        ("bytea", "text") => format!(" USING encode({name}, 'hex')"),
        (_, "timestamp" | "timestamptz") if from.starts_with("timestamp") => {
            format!(" USING {name} AT TIME ZONE 'UTC'")
        }
        (_, to) => format!(" USING {name}::{}", to.split(" COLLATE").next()?),
    };
    let sql = format!("ALTER TABLE {table} ALTER {name} TYPE {to}{using}");
    Some(damage(vec![sql], &short, &column))
}

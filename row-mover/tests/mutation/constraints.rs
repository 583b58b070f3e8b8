//! Damage to NOT NULL, keys, CHECKs and foreign keys: changed or dropped.

use migrate_core::identifier::quote_pg;

use crate::demand::Demand;
use crate::draw::{Damage, Draw};
use crate::kinds::Kind;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("NOT NULL gone", |draw| {
        column(
            draw,
            "a.attnotnull AND a.attidentity = '' AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'p' \
               AND k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey))",
            "DROP NOT NULL",
        )
    }),
    Kind::drawn("NOT NULL where there was none", |draw| column(draw, "NOT a.attnotnull", "SET NOT NULL")),
    Kind::drawn("primary key gone", |draw| dropped(draw, "p")),
    Kind::drawn("primary key in another order", |draw| reordered(draw, "p")),
    Kind::drawn("UNIQUE gone", |draw| dropped(draw, "u")),
    Kind::drawn("UNIQUE in another order", |draw| reordered(draw, "u")),
    Kind::drawn("UNIQUE where there was none", |draw| {
        let column = any_column(draw)?;
        added(draw, &column[1], &format!("UNIQUE ({})", quote_pg(&column[2])), &column[0])
    }),
    Kind::drawn("UNIQUE that may be checked later", |draw| {
        again(draw, "u", |definition| Some(format!("{definition} DEFERRABLE INITIALLY DEFERRED")))
    }),
    Kind::drawn("CHECK gone", |draw| dropped(draw, "c")),
    Kind::drawn("CHECK loosened", |draw| {
        again(draw, "c", |definition| Some(format!("CHECK ({} OR true)", definition.strip_prefix("CHECK ")?)))
    }),
    Kind::drawn("CHECK that lets NULL's look-alike by", |draw| {
        again(draw, "c", |definition| {
            Some(format!("CHECK ({} IS NOT FALSE OR 1 = 0)", definition.strip_prefix("CHECK ")?))
        })
    }),
    Kind::drawn("CHECK NOT VALID", |draw| {
        again(draw, "c", |definition| Some(format!("{definition} NOT VALID")))
    }),
    Kind::drawn("CHECK where there was none", |draw| {
        let column = any_column(draw)?;
        added(draw, &column[1], &format!("CHECK ({} IS NULL OR true)", quote_pg(&column[2])), &column[0])
    }),
    Kind::drawn("foreign key gone", |draw| dropped(draw, "f")),
    Kind::drawn("foreign key NOT VALID", |draw| {
        again(draw, "f", |definition| Some(format!("{definition} NOT VALID")))
    }),
    Kind::drawn("foreign key with another ON DELETE", |draw| {
        again(draw, "f", |definition| {
            Some(match definition.split_once(" ON DELETE ") {
                Some((before, after)) => {
                    let rest = after.find(" DEFERRABLE").map_or("", |at| &after[at..]);
                    format!("{before} ON DELETE RESTRICT{rest}")
                }
                None => before_deferral(definition, " ON DELETE CASCADE"),
            })
        })
    }),
    Kind::drawn("foreign key with another ON UPDATE", |draw| {
        again(draw, "f", |definition| {
            (!definition.contains("ON UPDATE") && !definition.contains("ON DELETE"))
                .then(|| before_deferral(definition, " ON UPDATE CASCADE"))
        })
    }),
    Kind::drawn("foreign key with another deferrability", |draw| {
        again(draw, "f", |definition| {
            Some(match definition.split_once(" DEFERRABLE") {
                Some((before, _)) => before.to_owned(),
                None => format!("{definition} DEFERRABLE"),
            })
        })
    }),
    Kind::drawn("foreign key that waits by itself", |draw| {
        again(draw, "f", |definition| {
            (!definition.contains("INITIALLY")).then(|| format!("{definition} DEFERRABLE INITIALLY DEFERRED"))
        })
    }),
    Kind::drawn("foreign key MATCH FULL", |draw| {
        again(draw, "f", |definition| {
            let at = definition
                .find(") ON ")
                .or_else(|| definition.find(") DEF"))
                .map_or(definition.len(), |at| at + 1);
            Some(format!("{} MATCH FULL{}", &definition[..at], &definition[at..]))
        })
    }),
    Kind::drawn("foreign key to another column", foreign_key_elsewhere),
    Kind::drawn("foreign key of another name", |draw| {
        let [oid, table, name, _] = constraint(draw, "f")?;
        let sql = format!("ALTER TABLE {table} RENAME CONSTRAINT {} TO renamed", quote_pg(&name));
        Some(Damage::new(vec![sql], name.clone(), demand(&oid, &name)).of_schema())
    }),
    Kind::drawn("foreign keys switched off", |draw| {
        let planned = draw.planned();
        let sql = format!(
            "SELECT c.relname, c.oid::regclass FROM pg_class c WHERE c.oid = ANY ({planned}) AND EXISTS (SELECT FROM pg_trigger g \
             WHERE g.tgrelid = c.oid AND g.tgisinternal) ORDER BY 1"
        );
        let row = draw.one_of(&sql)?;
        let sql = format!("ALTER TABLE {} DISABLE TRIGGER ALL", row[1]);
        Some(
            Damage::new(vec![sql], row[0].clone(), Demand::schema(&row[0], "checking of constraints"))
                .of_schema(),
        )
    }),
    Kind::drawn("foreign key marked as checked though it was not", |draw| {
        // The catalog entry of the foreign key is unchanged, but its triggers are missing.
        let [_, table, name, _] = constraint(draw, "f")?;
        let sql = format!(
            "DELETE FROM pg_trigger WHERE tgconstraint = (SELECT oid FROM pg_constraint WHERE conname = {} AND conrelid = {}::regclass) \
             AND tgrelid = {}::regclass",
            migrate_core::identifier::quote_pg_literal(&name),
            migrate_core::identifier::quote_pg_literal(&table),
            migrate_core::identifier::quote_pg_literal(&table),
        );
        let short = short_name(draw, &table);
        Some(Damage::new(vec![sql], name, Demand::schema(&short, "checking of constraints")).of_schema())
    }),
];

/// Returns the name of a table without its schema.
fn short_name(draw: &mut Draw<'_>, table: &str) -> String {
    let literal = migrate_core::identifier::quote_pg_literal(table);
    draw.one_of(&format!("SELECT relname FROM pg_class WHERE oid = {literal}::regclass")).unwrap().remove(0)
}

/// Demands a difference in a constraint of a table.
fn demand(table: &str, name: &str) -> Demand {
    Demand::schema(table, &format!("constraint {name}"))
}

/// Draws a constraint of a type: the table's name, its name in SQL, the constraint's name and definition.
fn constraint(draw: &mut Draw<'_>, kind: &str) -> Option<[String; 4]> {
    let planned = draw.planned();
    let sql = format!(
        "SELECT c.relname, c.oid::regclass, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
         WHERE k.contype = '{kind}' AND c.oid = ANY ({planned}) ORDER BY 1, 3"
    );
    draw.one_of(&sql)?.try_into().ok()
}

fn dropped(draw: &mut Draw<'_>, kind: &str) -> Option<Damage> {
    let [short, table, name, _] = constraint(draw, kind)?;
    let sql = format!("ALTER TABLE {table} DROP CONSTRAINT {} CASCADE", quote_pg(&name));
    Some(Damage::new(vec![sql], format!("{short}.{name}"), demand(&short, &name)).of_schema())
}

/// Recreates a constraint with a different definition.
fn again(draw: &mut Draw<'_>, kind: &str, other: impl Fn(&str) -> Option<String>) -> Option<Damage> {
    let [short, table, name, definition] = constraint(draw, kind)?;
    let other = other(&definition)?;
    let quoted = quote_pg(&name);
    let sql = vec![
        format!("ALTER TABLE {table} DROP CONSTRAINT {quoted} CASCADE"),
        format!("ALTER TABLE {table} ADD CONSTRAINT {quoted} {other}"),
    ];
    Some(Damage::new(sql, format!("{short}.{name}"), demand(&short, &name)).of_schema())
}

fn before_deferral(definition: &str, more: &str) -> String {
    let at = definition.find(" DEFERRABLE").unwrap_or(definition.len());
    format!("{}{more}{}", &definition[..at], &definition[at..])
}

fn reordered(draw: &mut Draw<'_>, kind: &str) -> Option<Damage> {
    again(draw, kind, |definition| {
        let (before, rest) = definition.split_once('(')?;
        let (columns, behind) = rest.split_once(')')?;
        let mut columns: Vec<&str> = columns.split(", ").collect();
        (columns.len() > 1).then(|| columns.reverse())?;
        Some(format!("{before}({}){behind}", columns.join(", ")))
    })
}

/// Draws a column that satisfies a condition on `pg_attribute`.
fn column(draw: &mut Draw<'_>, filter: &str, change: &str) -> Option<Damage> {
    let planned = draw.planned();
    let sql = format!(
        "SELECT c.relname, c.oid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.oid = ANY ({planned}) AND a.attnum > 0 AND NOT a.attisdropped AND {filter} ORDER BY 1, 3"
    );
    let row = draw.one_of(&sql)?;
    let sql = format!("ALTER TABLE {} ALTER {} {change}", row[1], quote_pg(&row[2]));
    let demand = Demand::schema(&row[0], &format!("column {}", row[2]));
    Some(Damage::new(vec![sql], format!("{}.{}", row[0], row[2]), demand).of_schema())
}

/// Draws any column: its table's name, the table's name in SQL, its own name.
fn any_column(draw: &mut Draw<'_>) -> Option<Vec<String>> {
    let planned = draw.planned();
    draw.one_of(&format!(
        "SELECT c.relname, c.oid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.oid = ANY ({planned}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 3"
    ))
}

fn added(_: &mut Draw<'_>, table: &str, definition: &str, short: &str) -> Option<Damage> {
    let sql = format!("ALTER TABLE {table} ADD CONSTRAINT one_more {definition}");
    Some(Damage::new(vec![sql], short.to_owned(), demand(short, "one_more")).of_schema())
}

/// Points a foreign key to another unique column of the same parent.
fn foreign_key_elsewhere(draw: &mut Draw<'_>) -> Option<Damage> {
    let planned = draw.planned();
    let sql = format!(
        "SELECT c.relname, c.oid::regclass, k.conname, k.confrelid::regclass, ca.attname, pa.attname AS parent, \
         (SELECT string_agg(quote_ident(x.attname), ',') FROM pg_attribute x WHERE x.attrelid = k.confrelid AND x.attnum > 0 AND x.atttypid = pa.atttypid \
          AND x.attnum <> pa.attnum AND x.attgenerated = '' AND NOT x.attisdropped) AS others \
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = k.conkey[1] \
         JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = k.confkey[1] \
         WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND c.oid = ANY ({planned}) ORDER BY 1, 3"
    );
    let [short, table, name, parent, column, _, others]: [String; 7] = draw.one_of(&sql)?.try_into().ok()?;
    let others: Vec<&str> = others.split(',').filter(|other| !other.is_empty()).collect();
    let other = (*draw.chance.pick(&others)?).to_owned();
    let quoted = quote_pg(&name);
    let sql = vec![
        format!("ALTER TABLE {table} DROP CONSTRAINT {quoted}"),
        format!("CREATE UNIQUE INDEX another_parent ON {parent} ({other})"),
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {quoted} FOREIGN KEY ({}) REFERENCES {parent} ({other}) NOT VALID",
            quote_pg(&column)
        ),
    ];
    Some(Damage::new(sql, format!("{short}.{name}"), demand(&short, &name)).of_schema())
}

//! Damage to indexes: dropped, changed or added.

use migrate_core::identifier::quote_pg;

use crate::demand::Demand;
use crate::draw::{Damage, Draw};
use crate::kinds::Kind;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("index gone", |draw| {
        let index = index(draw)?;
        Some(index.damage(vec![format!("DROP INDEX {}", index.qualified)]))
    }),
    Kind::drawn("index with columns in another order", |draw| {
        again(draw, |index| {
            (index.parts.len() > 1).then(|| index.parts.reverse())?;
            Some(())
        })
    }),
    Kind::drawn("index with another direction", |draw| {
        again(draw, |index| {
            let part = index.parts.first_mut()?;
            *part = match part.strip_suffix(" DESC") {
                Some(ascending) => ascending.to_owned(),
                None => format!("{part} DESC"),
            };
            Some(())
        })
    }),
    Kind::drawn("index with NULLs at the other end", |draw| {
        again(draw, |index| {
            let part = index.parts.last_mut()?;
            let end = if part.ends_with(" DESC") { "LAST" } else { "FIRST" };
            part.push_str(&format!(" NULLS {end}"));
            Some(())
        })
    }),
    Kind::drawn("index with one column less", |draw| {
        again(draw, |index| {
            (index.parts.len() > 1).then(|| index.parts.pop())?;
            Some(())
        })
    }),
    Kind::drawn("index without its predicate", |draw| {
        again(draw, |index| index.predicate.take().map(|_| ()))
    }),
    Kind::drawn("index with a predicate", |draw| {
        again(draw, |index| {
            let first = index.parts.first()?.trim_end_matches(" DESC").to_owned();
            index.predicate.is_none().then(|| index.predicate = Some(format!("{first} IS NOT NULL")))
        })
    }),
    Kind::drawn("index with another predicate", |draw| {
        again(draw, |index| {
            let predicate = index.predicate.take()?;
            index.predicate = Some(format!(
                "({predicate}) AND true IS NOT NULL AND 1 < 2 IS NOT DISTINCT FROM true AND {} IS NOT NULL",
                index.parts.first()?.trim_end_matches(" DESC")
            ));
            Some(())
        })
    }),
    Kind::drawn("unique index that is none any more", |draw| {
        again(draw, |index| index.is_unique.then(|| index.is_unique = false))
    }),
    Kind::drawn("index that is unique now", |draw| {
        again(draw, |index| (!index.is_unique).then(|| index.is_unique = true))
    }),
    Kind::drawn("unique index in which NULLs are alike", |draw| {
        again(draw, |index| index.is_unique.then(|| index.options = " NULLS NOT DISTINCT"))
    }),
    Kind::drawn("index by another method", |draw| {
        again(draw, |index| {
            (index.parts.len() == 1 && !index.is_unique).then(|| index.method = "hash")?;
            let part = index.parts.first_mut()?;
            *part = part.trim_end_matches(" DESC").to_owned();
            Some(())
        })
    }),
    Kind::drawn("index with another collation", |draw| {
        again(draw, |index| {
            let part = index.parts.first_mut()?;
            *part = part.strip_suffix(" DESC").map_or_else(
                || format!("{part} COLLATE \"POSIX\""),
                |rest| format!("{rest} COLLATE \"POSIX\" DESC"),
            );
            Some(())
        })
    }),
    Kind::drawn("index with another operator class", |draw| {
        again(draw, |index| {
            let part = index.parts.first_mut()?;
            index.is_of_text.then(|| {
                *part = part.strip_suffix(" DESC").map_or_else(
                    || format!("{part} text_pattern_ops"),
                    |rest| format!("{rest} text_pattern_ops DESC"),
                );
            })
        })
    }),
    Kind::drawn("index that is not valid", |draw| {
        let index = index(draw)?;
        let name = migrate_core::identifier::quote_pg_literal(&index.qualified);
        Some(index.damage(vec![format!(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = {name}::regclass"
        )]))
    }),
    Kind::drawn("index of another name", |draw| {
        let index = index(draw)?;
        Some(index.damage(vec![format!("ALTER INDEX {} RENAME TO renamed", index.qualified)]))
    }),
    Kind::drawn("index where there was none", |draw| {
        let index = index(draw)?;
        let sql = format!("CREATE INDEX one_more ON {} ({})", index.table, index.parts.join(", "));
        let demand = Demand::schema(&index.short, "index one_more");
        Some(Damage::new(vec![sql], index.short, demand).of_schema())
    }),
];

/// An index that does not belong to a constraint.
struct Index {
    short: String,
    /// The table's name in SQL.
    table: String,
    qualified: String,
    name: String,
    is_unique: bool,
    method: &'static str,
    parts: Vec<String>,
    options: &'static str,
    predicate: Option<String>,
    /// Whether its first key is of type `text`.
    is_of_text: bool,
}

impl Index {
    fn damage(&self, sql: Vec<String>) -> Damage {
        let demand = Demand::schema(&self.short, &format!("index {}", self.name));
        Damage::new(sql, format!("{}.{}", self.short, self.name), demand).of_schema()
    }

    fn create(&self) -> String {
        format!(
            "CREATE {}INDEX {} ON {} USING {} ({}){}{}",
            if self.is_unique { "UNIQUE " } else { "" },
            quote_pg(&self.name),
            self.table,
            self.method,
            self.parts.join(", "),
            self.options,
            self.predicate.as_ref().map_or_else(String::new, |predicate| format!(" WHERE {predicate}"))
        )
    }
}

fn index(draw: &mut Draw<'_>) -> Option<Index> {
    let planned = draw.planned();
    let sql = format!(
        "SELECT c.relname, c.oid::regclass, i.oid::regclass, i.relname, x.indisunique, coalesce(pg_get_expr(x.indpred, x.indrelid), ''), \
         (SELECT string_agg(pg_get_indexdef(x.indexrelid, n, false) || CASE WHEN x.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END, '~' ORDER BY n) \
          FROM generate_series(1, x.indnkeyatts) AS n), \
         (SELECT a.atttypid = 'text'::regtype FROM pg_attribute a WHERE a.attrelid = i.oid AND a.attnum = 1) \
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam \
         WHERE c.oid = ANY ({planned}) AND m.amname = 'btree' AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid) ORDER BY 1, 4"
    );
    let [short, table, qualified, name, unique, predicate, parts, is_of_text]: [String; 8] =
        draw.one_of(&sql)?.try_into().ok()?;
    Some(Index {
        short,
        table,
        qualified,
        name,
        is_unique: unique == "t",
        method: "btree",
        parts: parts.split('~').map(str::to_owned).collect(),
        options: "",
        predicate: (!predicate.is_empty()).then_some(predicate),
        is_of_text: is_of_text == "t",
    })
}

/// Recreates an index with a different definition.
fn again(draw: &mut Draw<'_>, change: impl Fn(&mut Index) -> Option<()>) -> Option<Damage> {
    let mut index = index(draw)?;
    change(&mut index)?;
    Some(index.damage(vec![format!("DROP INDEX {}", index.qualified), index.create()]))
}

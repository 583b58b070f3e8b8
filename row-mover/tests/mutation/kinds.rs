//! The kinds of damage, and the replacement of one value by another.

use migrate_core::conversion::PgType;
use migrate_core::identifier::{quote_pg, quote_pg_literal};

use crate::chance::Chance;
use crate::demand::{Demand, Different, TableDemand};
use crate::draw::{Damage, Draw, computed};
use crate::subject::is_keyed;

/// A kind of damage.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Its name in the results table.
    pub name: &'static str,
    pub how: How,
}

/// How a kind of damage is applied.
#[derive(Clone, Copy)]
pub enum How {
    /// Replaces a value of one of these types.
    Value {
        types: &'static [PgType],
        /// A condition on the values; `{}` stands for the column.
        filter: &'static str,
        change: fn(&mut Chance, &str) -> Option<To>,
    },
    /// Anything else; none if the subject has nothing to damage in this way.
    Drawn(fn(&mut Draw<'_>) -> Option<Damage>),
}

/// The replacement of a value.
pub enum To {
    Text(String),
    /// A different time, computed by PostgreSQL.
    Sum {
        text: String,
        interval: String,
    },
    Null,
}

/// A replacement value.
pub fn to(text: impl Into<String>) -> Option<To> {
    Some(To::Text(text.into()))
}

impl Kind {
    pub const fn drawn(name: &'static str, draw: fn(&mut Draw<'_>) -> Option<Damage>) -> Kind {
        Kind { name, how: How::Drawn(draw) }
    }

    pub const fn value(
        name: &'static str,
        types: &'static [PgType],
        filter: &'static str,
        change: fn(&mut Chance, &str) -> Option<To>,
    ) -> Kind {
        Kind { name, how: How::Value { types, filter, change } }
    }

    /// Draws a damage of this kind.
    pub fn draw(&self, draw: &mut Draw<'_>) -> Option<Damage> {
        match self.how {
            How::Value { types, filter, change } => draw_value(draw, types, filter, change),
            How::Drawn(drawn) => drawn(draw),
        }
    }
}

/// All kinds.
pub fn all() -> Vec<Kind> {
    [
        crate::values::KINDS,
        crate::text::KINDS,
        crate::json::KINDS,
        crate::rows::KINDS,
        crate::schema::KINDS,
        crate::constraints::KINDS,
        crate::indexes::KINDS,
        crate::surroundings::KINDS,
        crate::sequences::KINDS,
        crate::sealed::KINDS,
    ]
    .concat()
}

fn draw_value(
    draw: &mut Draw<'_>,
    types: &[PgType],
    filter: &str,
    change: fn(&mut Chance, &str) -> Option<To>,
) -> Option<Damage> {
    let (table, at) = draw.column(|column| types.contains(&column.target_type))?;
    let column = &table.columns[at];
    let name = quote_pg(&column.target);
    let row = draw.row(&table, &name, &filter.replace("{}", &name))?;
    let before = row.text.as_deref();
    let after = match change(draw.chance, before.unwrap_or_default())? {
        To::Text(text) => format!("{}::{}", quote_pg_literal(&text), column.target_type),
        To::Sum { text, interval } => {
            let (text, interval) = (quote_pg_literal(&text), quote_pg_literal(&interval));
            format!("({text}::{kind} + {interval}::interval)::{kind}", kind = column.target_type)
        }
        To::Null => "NULL".to_owned(),
    };
    let sql =
        format!("UPDATE {} SET {name} = {after} WHERE ctid = '{}'", table.qualified(&table.target), row.ctid);
    let what = format!("{}.{} at {}, was {}", table.source, column.source, row.key, short(before));
    let mut demand = TableDemand::new(&table.source, is_keyed(&table));
    demand.different.push(Different {
        key: row.key,
        must: vec![column.source.clone()],
        may: computed(&table),
    });
    Some(Damage::new(vec![sql], what, Demand::table(demand)).of_rows([&table]))
}

/// Formats a value for a failure message.
pub fn short(text: Option<&str>) -> String {
    match text {
        None => "NULL".to_owned(),
        Some(text) if text.chars().count() > 200 => {
            format!("{:?}…", text.chars().take(200).collect::<String>())
        }
        Some(text) => format!("{text:?}"),
    }
}

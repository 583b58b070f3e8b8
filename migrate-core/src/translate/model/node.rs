//! A translated subexpression: its SQL, and what is known of its value.

use super::{Collation, Constant, Result, Volatility, untranslatable};
use crate::affinity::Affinity;

/// What SQLite's value of an expression is, where it is not NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Always NULL.
    Null,
    /// An integer.
    Integer,
    /// A float.
    Real,
    /// A number of either class, exact as `numeric`.
    Number,
    /// Text.
    Text,
    /// A blob.
    Blob,
    /// A condition: 0 or 1 in SQLite, and `boolean` in PostgreSQL.
    Truth,
    /// A part of a JSON document, of whatever class: `jsonb` in PostgreSQL.
    Json,
    /// The text of a JSON document: `jsonb` in PostgreSQL, where its spacing is not kept.
    Document,
    /// Something whose class the conversion did not keep, or whose exact text is not known any more.
    Unknown,
}

/// The types in which PostgreSQL has a value in another form than SQLite; values of one family compare as they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `boolean` for 0 and 1.
    Boolean,
    /// `timestamptz` for milliseconds since 1970.
    EpochMilliseconds,
    /// `timestamptz` for seconds since 1970.
    EpochSeconds,
    /// `timestamptz` for microseconds since 1970.
    EpochMicroseconds,
    /// `timestamptz` for Julian days.
    JulianDay,
    /// `timestamptz` for text.
    Instant,
    /// `timestamp` for text.
    Wall,
    /// `date` for text.
    Date,
    /// `time` for text.
    Time,
    /// `uuid` for text in small letters.
    Uuid,
}

/// A value in PostgreSQL's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Native {
    /// Which form.
    pub(crate) family: Family,
    /// Its SQL.
    pub(crate) sql: String,
}

/// How far from 0 an integer of SQLite can be.
pub(crate) const INTEGER_BOUND: i128 = 1 << 63;

/// A translated subexpression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// SQL whose value is SQLite's, in the type of its kind: `bigint`, `double precision`, `numeric`, `text`, `bytea`, `boolean`.
    pub(crate) sql: String,
    /// Whether `sql` can stand beside any operator without brackets.
    pub(crate) is_atom: bool,
    pub(crate) kind: Kind,
    pub(crate) constant: Option<Constant>,
    /// The value in another form, where the target has one.
    pub(crate) native: Option<Native>,
    /// The affinity, where it is a column's (SQLite manual, "Datatypes In SQLite", section 3.2).
    pub(crate) affinity: Option<Affinity>,
    pub(crate) collation: Option<Collation>,
    /// Whether the collation was named by COLLATE.
    pub(crate) is_collation_named: bool,
    /// Whether text in it derives from a column, so that PostgreSQL compares it by the column's collation.
    pub(crate) is_from_column: bool,
    pub(crate) is_not_null: bool,
    /// Whether its text is digits that a cast to a number takes whole.
    pub(crate) is_digits: bool,
    /// Whether the last digit of a number may differ.
    pub(crate) is_approximate: bool,
    /// Whether text is read as a JSON document: SQLite reads JSON5, and PostgreSQL fails there.
    pub(crate) is_text_document: bool,
    /// Whether it is of a text that was taken out of a JSON document.
    pub(crate) is_from_document: bool,
    /// Whether a number in a JSON document was asked for its class.
    pub(crate) is_class_of_document: bool,
    /// Whether a point in time was moved, beyond the year 9999 perhaps.
    pub(crate) is_moved: bool,
    /// Whether a value of SQLite may be an integer where `sql` is a float: 3 / 2 is 1 there.
    pub(crate) may_be_integer: bool,
    /// Whether a calculation with integers in it may leave 64 bits behind: PostgreSQL fails there, and SQLite goes on with floats.
    pub(crate) may_overflow: bool,
    /// Whether a calculation with floats in it may be too large or too small for one.
    pub(crate) may_leave_floats: bool,
    /// How far from 0 an integer can be.
    pub(crate) bound: i128,
    pub(crate) volatility: Volatility,
}

impl Node {
    /// A node that needs no brackets: a name, a literal, a call.
    pub(crate) fn atom(kind: Kind, sql: impl Into<String>) -> Node {
        Node {
            sql: sql.into(),
            is_atom: true,
            kind,
            constant: None,
            native: None,
            affinity: None,
            collation: None,
            is_collation_named: false,
            is_from_column: false,
            is_not_null: false,
            is_digits: false,
            is_approximate: false,
            is_text_document: false,
            is_from_document: false,
            is_class_of_document: false,
            is_moved: false,
            may_be_integer: false,
            may_overflow: false,
            may_leave_floats: false,
            bound: INTEGER_BOUND,
            volatility: Volatility::Immutable,
        }
    }

    /// The same, of an expression with operators.
    pub(crate) fn compound(kind: Kind, sql: impl Into<String>) -> Node {
        Node { is_atom: false, ..Node::atom(kind, sql) }
    }

    /// Takes on what follows from the parts that a node is made of.
    pub(crate) fn made_of(mut self, parts: &[&Node]) -> Node {
        for part in parts {
            self.volatility = self.volatility.max(part.volatility);
            self.is_from_column |= part.is_from_column;
            self.is_approximate |= part.is_approximate;
            // COLLATE within a part holds for the whole (the flag EP_Collate of SQLite's parser).
            if part.is_collation_named && !self.is_collation_named {
                (self.collation, self.is_collation_named) = (part.collation.clone(), true);
            }
            self.may_overflow |= part.may_overflow;
            self.may_leave_floats |= part.may_leave_floats;
            self.may_be_integer |= part.may_be_integer;
            self.is_text_document |= part.is_text_document;
            self.is_from_document |= part.is_from_document;
            self.is_class_of_document |= part.is_class_of_document;
            self.is_moved |= part.is_moved;
        }
        self
    }

    /// What a reviewer should know of the values.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        [
            (self.may_overflow, "beyond 64 bits PostgreSQL fails, where SQLite goes on with floats"),
            (
                self.may_leave_floats,
                "what is too large or too small for a float fails in PostgreSQL, where SQLite goes on with infinity, 0 or NULL",
            ),
            (
                self.is_text_document,
                "text that only SQLite reads as JSON, such as JSON5, fails in PostgreSQL",
            ),
            (
                self.is_from_document,
                "floats, objects and arrays of a document are written as jsonb writes them",
            ),
            (self.is_class_of_document, "a number that was written with an exponent is an integer in jsonb"),
            (self.is_moved, "outside the years 1 to 9999 times are not the same in the two databases"),
        ]
        .into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, note)| note.to_owned())
    }

    /// The SQL, in brackets where it needs them beside an operator.
    pub(crate) fn operand(&self) -> String {
        if self.is_atom { self.sql.clone() } else { format!("({})", self.sql) }
    }

    /// The node as a condition, by SQLite's rule that a number holds where it is not 0.
    pub(crate) fn condition(&self) -> Result<String> {
        if let Some(Native { family: Family::Boolean, sql }) = &self.native {
            return Ok(sql.clone());
        }
        match (&self.constant, self.kind) {
            (Some(Constant::Integer(integer)), _) => Ok((*integer != 0).to_string()),
            (_, Kind::Null) => Ok("NULL::boolean".to_owned()),
            (_, Kind::Truth) => Ok(self.sql.clone()),
            (_, Kind::Integer | Kind::Real | Kind::Number) => Ok(format!("{} <> 0", self.operand())),
            _ => untranslatable("a condition that is no number"),
        }
    }

    /// The condition in brackets, unless it is a name, a literal or a call.
    pub(crate) fn condition_operand(&self) -> Result<String> {
        let sql = self.condition()?;
        let is_atom =
            self.is_atom && (self.kind == Kind::Truth || self.native.is_some() || self.constant.is_some());
        Ok(if is_atom { sql } else { format!("({sql})") })
    }

    /// The value as a number, or the reason why it is none.
    pub(crate) fn number(&self) -> Result<Node> {
        match self.kind {
            Kind::Truth => {
                let mut number = Node::atom(Kind::Integer, format!("({})::int", self.sql)).made_of(&[self]);
                (number.is_not_null, number.bound) = (self.is_not_null, 1);
                Ok(number)
            }
            Kind::Null | Kind::Integer | Kind::Real | Kind::Number => Ok(self.clone()),
            _ => untranslatable("a calculation with what is no number"),
        }
    }

    /// The value as text, as SQLite prints it.
    pub(crate) fn text(&self) -> Result<Node> {
        match self.kind {
            Kind::Text | Kind::Null => Ok(self.clone()),
            Kind::Truth | Kind::Integer => {
                if let Some(Constant::Integer(integer)) = self.constant {
                    return Ok(Node::of_text(&integer.to_string()));
                }
                let number = self.number()?;
                let mut text = Node::atom(Kind::Text, format!("{}::text", number.operand())).made_of(&[self]);
                // The digits have no collation of a column.
                text.is_from_column = false;
                text.is_digits = true;
                text.is_not_null = self.is_not_null;
                Ok(text)
            }
            Kind::Real | Kind::Number => {
                untranslatable("a float as text, which the two databases print differently")
            }
            Kind::Blob => untranslatable("a blob as text"),
            Kind::Json => {
                // A truth value is 0 or 1 to SQLite.
                let sql = format!(
                    "(CASE jsonb_typeof({0}) WHEN 'boolean' THEN {0}::boolean::int::text ELSE {0} #>> '{{}}' END)",
                    self.operand()
                );
                Ok(Node { is_from_document: true, ..Node::atom(Kind::Text, sql).made_of(&[self]) })
            }
            Kind::Document => {
                untranslatable("the text of a JSON document, whose spacing jsonb does not keep")
            }
            Kind::Unknown => untranslatable("text whose exact form PostgreSQL's type does not keep"),
        }
    }

    /// What an index stands on so that it orders and compares as SQLite's did.
    pub(crate) fn key_sql(&self) -> Result<String> {
        // A collation is about the text itself.
        let is_folded =
            self.kind == Kind::Text && self.collation.as_ref().is_some_and(|by| *by != Collation::Binary);
        let sql = match (&self.native, self.kind) {
            (Some(native), _) if !is_folded => native.sql.clone(),
            (_, Kind::Unknown | Kind::Document) => {
                return untranslatable("a key whose exact form PostgreSQL's type does not keep");
            }
            (_, Kind::Json) => self.text()?.sql,
            _ => self.sql.clone(),
        };
        Ok(match self.collation {
            Some(Collation::Nocase) if self.kind == Kind::Text => format!("lower({sql})"),
            Some(Collation::Rtrim) if self.kind == Kind::Text => format!("rtrim({sql}, ' ')"),
            Some(Collation::Other(_)) => return untranslatable("a collation that only the app knows"),
            _ => sql,
        })
    }
}

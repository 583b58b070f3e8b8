//! A translated subexpression: its SQL, and what is known of its value.

use std::collections::BTreeSet;

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

/// The collation by which SQLite compares a text, by its precedence (SQLite manual, "Datatypes In SQLite", section 7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Collated {
    /// None is given: byte by byte.
    #[default]
    ByDefault,
    /// That of the column.
    ByColumn(Collation),
    /// One that COLLATE names.
    ByName(Collation),
}

/// Where a text comes from, which decides its collation in PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is computed, from literals and calls.
    #[default]
    Computed,
    /// It derives from a column, so that PostgreSQL compares it by the column's collation.
    Column,
    /// It is the digits of an integer, which a cast to a number accepts.
    Digits,
}

/// Something that is true of a value and of all values that derive from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caveat {
    /// The last digit of a number may differ.
    Approximate,
    /// It may be an integer in SQLite and is a float in PostgreSQL: 3 / 2 is 1 in SQLite.
    MaybeInteger,
    /// A calculation with integers may exceed 64 bits: PostgreSQL fails, and SQLite continues with floats.
    IntegerOverflow,
    /// A calculation with floats may exceed their range.
    FloatRange,
    /// Text is read as a JSON document: SQLite accepts JSON5, and PostgreSQL fails.
    ParsedDocument,
    /// Text was extracted from a JSON document.
    DocumentText,
    /// A number in a JSON document was asked for its class.
    DocumentClass,
    /// A point in time was moved, possibly beyond the year 9999.
    MovedMoment,
}

impl Caveat {
    /// Returns what a reviewer should know of it.
    fn note(self) -> Option<&'static str> {
        Some(match self {
            Caveat::Approximate | Caveat::MaybeInteger => return None,
            Caveat::IntegerOverflow => "beyond 64 bits PostgreSQL fails, where SQLite goes on with floats",
            Caveat::FloatRange => {
                "what is too large or too small for a float fails in PostgreSQL, where SQLite goes on with infinity, 0 or NULL"
            }
            Caveat::ParsedDocument => {
                "text that only SQLite reads as JSON, such as JSON5, fails in PostgreSQL"
            }
            Caveat::DocumentText => {
                "floats, objects and arrays of a document are written as jsonb writes them"
            }
            Caveat::DocumentClass => "a number that was written with an exponent is an integer in jsonb",
            Caveat::MovedMoment => "outside the years 1 to 9999 times are not the same in the two databases",
        })
    }
}

/// A translated subexpression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// SQL whose value is SQLite's, in the type of its kind: `bigint`, `double precision`, `numeric`, `text`, `bytea`, `boolean`.
    pub(crate) sql: String,
    /// Whether `sql` needs no brackets beside an operator.
    pub(crate) is_atom: bool,
    pub(crate) kind: Kind,
    pub(crate) constant: Option<Constant>,
    /// The value in another form, where the target has one.
    pub(crate) native: Option<Native>,
    /// The affinity, where it is a column's (SQLite manual, "Datatypes In SQLite", section 3.2).
    pub(crate) affinity: Option<Affinity>,
    pub(crate) collation: Collated,
    pub(crate) origin: Origin,
    pub(crate) is_not_null: bool,
    pub(crate) caveats: BTreeSet<Caveat>,
    /// The largest distance of an integer from 0.
    pub(crate) bound: i128,
    pub(crate) volatility: Volatility,
}

impl Node {
    /// Creates a node that needs no brackets: a name, a literal, a call.
    pub(crate) fn atom(kind: Kind, sql: impl Into<String>) -> Node {
        Node {
            sql: sql.into(),
            is_atom: true,
            kind,
            constant: None,
            native: None,
            affinity: None,
            collation: Collated::ByDefault,
            origin: Origin::Computed,
            is_not_null: false,
            caveats: BTreeSet::new(),
            bound: INTEGER_BOUND,
            volatility: Volatility::Immutable,
        }
    }

    /// Creates a node of an expression with operators.
    pub(crate) fn compound(kind: Kind, sql: impl Into<String>) -> Node {
        Node { is_atom: false, ..Node::atom(kind, sql) }
    }

    /// Adds what follows from the parts of the expression.
    pub(crate) fn made_of<'n>(mut self, parts: impl IntoIterator<Item = &'n Node>) -> Node {
        for part in parts {
            self.volatility = self.volatility.max(part.volatility);
            if self.origin == Origin::Computed && part.origin == Origin::Column {
                self.origin = Origin::Column;
            }
            // COLLATE within a part holds for the whole expression (the flag EP_Collate of SQLite's parser).
            if matches!(part.collation, Collated::ByName(_)) && !matches!(self.collation, Collated::ByName(_))
            {
                self.collation = part.collation.clone();
            }
            self.caveats.extend(&part.caveats);
        }
        self
    }

    /// Adds what follows from the parts of an expression that is NULL exactly where one of its parts is.
    pub(crate) fn strict<'n>(mut self, parts: impl IntoIterator<Item = &'n Node>) -> Node {
        self.is_not_null = true;
        for part in parts {
            self.is_not_null &= part.is_not_null;
            self = self.made_of([part]);
        }
        self
    }

    pub(crate) fn not_null(self) -> Node {
        Node { is_not_null: true, ..self }
    }

    pub(crate) fn with(mut self, caveat: Caveat) -> Node {
        self.caveats.insert(caveat);
        self
    }

    pub(crate) fn has(&self, caveat: Caveat) -> bool {
        self.caveats.contains(&caveat)
    }

    /// Sets the origin of a text that is always one of `choices`.
    pub(crate) fn chosen_from<'n>(self, choices: impl IntoIterator<Item = &'n Node>) -> Node {
        let is_from_column = choices.into_iter().any(|choice| choice.origin == Origin::Column);
        Node { origin: if is_from_column { Origin::Column } else { Origin::Computed }, ..self }
    }

    /// Returns the collation by which SQLite compares it.
    pub(crate) fn collation(&self) -> &Collation {
        match &self.collation {
            Collated::ByDefault => &Collation::Binary,
            Collated::ByColumn(collation) | Collated::ByName(collation) => collation,
        }
    }

    /// Whether it is text that SQLite does not compare byte by byte.
    pub(crate) fn is_collated_text(&self) -> bool {
        self.kind == Kind::Text && *self.collation() != Collation::Binary
    }

    /// Returns what a reviewer should know of the values.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        self.caveats.iter().filter_map(|caveat| caveat.note()).map(str::to_owned)
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
                let number = Node::atom(Kind::Integer, format!("({})::int", self.sql)).strict([self]);
                Ok(Node { bound: 1, ..number })
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
                let text = Node::atom(Kind::Text, format!("{}::text", number.operand())).strict([self]);
                Ok(Node { origin: Origin::Digits, ..text })
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
                Ok(Node::atom(Kind::Text, sql).made_of([self]).with(Caveat::DocumentText))
            }
            Kind::Document => {
                untranslatable("the text of a JSON document, whose spacing jsonb does not keep")
            }
            Kind::Unknown => untranslatable("text whose exact form PostgreSQL's type does not keep"),
        }
    }

    /// What an index stands on so that it orders and compares as SQLite's did.
    pub(crate) fn key_sql(&self) -> Result<String> {
        let sql = match (&self.native, self.kind) {
            (Some(native), _) if !self.is_collated_text() => native.sql.clone(),
            (_, Kind::Unknown | Kind::Document) => {
                return untranslatable("a key whose exact form PostgreSQL's type does not keep");
            }
            (_, Kind::Json) => self.text()?.sql,
            _ => self.sql.clone(),
        };
        Ok(match self.collation() {
            Collation::Nocase if self.kind == Kind::Text => format!("lower({sql})"),
            Collation::Rtrim if self.kind == Kind::Text => format!("rtrim({sql}, ' ')"),
            Collation::Other(_) => return untranslatable("a collation that only the app knows"),
            _ => sql,
        })
    }
}

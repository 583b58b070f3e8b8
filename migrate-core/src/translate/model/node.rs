//! A translated subexpression: its SQL, and the facts about its value.

use std::collections::BTreeSet;

use super::{BlobContents, Collation, Constant, Note, Result, Untranslatable, Volatility};
use crate::affinity::Affinity;
use crate::conversion::{Conversion, NaiveZone};

/// The class of an expression's value in SQLite, unless it is NULL.
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
    /// A part of a JSON document, of any class: `jsonb` in PostgreSQL.
    Json,
    /// The text of a JSON document: `jsonb` in PostgreSQL, where its spacing is not kept.
    Document,
    /// A value whose class or exact text the conversion did not keep.
    Unknown,
}

/// A type in which PostgreSQL has another form of a value than SQLite; values of one family compare as in SQLite.
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

impl Family {
    /// Returns the conversion whose values have this form.
    pub(crate) fn conversion(self) -> Conversion {
        match self {
            Family::Boolean => Conversion::Boolean,
            Family::EpochMilliseconds => Conversion::TimestamptzFromEpochMs,
            Family::EpochSeconds => Conversion::TimestamptzFromEpochS,
            Family::EpochMicroseconds => Conversion::TimestamptzFromEpochUs,
            Family::JulianDay => Conversion::TimestamptzFromJulianDay,
            Family::Instant => Conversion::TimestamptzFromIso8601(NaiveZone::default()),
            Family::Wall => Conversion::TimestampFromIso8601,
            Family::Date => Conversion::Date,
            Family::Time => Conversion::Time,
            Family::Uuid => Conversion::Uuid,
        }
    }
}

/// A value in PostgreSQL's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Native {
    /// Which form.
    pub(crate) family: Family,
    /// Its SQL.
    pub(crate) sql: String,
}

/// The largest distance of a SQLite integer from 0.
pub(crate) const INTEGER_BOUND: i128 = 1 << 63;

/// The collation by which SQLite compares a text, by its precedence (SQLite manual, "Datatypes In SQLite", section 7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Collated {
    /// None is given: byte by byte.
    #[default]
    Unset,
    /// That of the column.
    OfColumn(Collation),
    /// One that COLLATE names.
    Named(Collation),
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
    /// Bytes are decoded as UTF-8, by a function that PostgreSQL does not declare immutable.
    DecodedBytes,
    /// The same, for a JSON document.
    DecodedDocument,
    /// A point in time was moved, possibly beyond the year 9999.
    MovedMoment,
}

impl Caveat {
    /// Returns what a reviewer should know of it.
    fn note(self) -> Option<Note> {
        match self {
            Caveat::Approximate | Caveat::MaybeInteger => None,
            Caveat::IntegerOverflow => Some(Note::IntegerOverflow),
            Caveat::FloatRange => Some(Note::FloatRange),
            Caveat::ParsedDocument => Some(Note::ParsedDocument),
            Caveat::DocumentText => Some(Note::DocumentText),
            Caveat::DocumentClass => Some(Note::DocumentClass),
            Caveat::DecodedBytes => Some(Note::DecodedBytes),
            Caveat::DecodedDocument => Some(Note::DecodedDocument),
            Caveat::MovedMoment => Some(Note::MovedMoment),
        }
    }
}

/// A translated subexpression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// SQL whose value is SQLite's, in the type of its kind: `bigint`, `double precision`, `numeric`, `text`, `bytea`, `boolean`.
    pub(crate) sql: String,
    /// Whether `sql` needs no brackets as an operand.
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
    /// What a blob holds.
    pub(crate) contents: BlobContents,
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
            collation: Collated::Unset,
            origin: Origin::Computed,
            is_not_null: false,
            caveats: BTreeSet::new(),
            bound: INTEGER_BOUND,
            volatility: Volatility::Immutable,
            contents: BlobContents::default(),
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
            if matches!(part.collation, Collated::Named(_)) && !matches!(self.collation, Collated::Named(_)) {
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
            Collated::Unset => &Collation::Binary,
            Collated::OfColumn(collation) | Collated::Named(collation) => collation,
        }
    }

    /// Whether it is text that SQLite does not compare byte by byte.
    pub(crate) fn is_collated_text(&self) -> bool {
        self.kind == Kind::Text && *self.collation() != Collation::Binary
    }

    /// Returns what a reviewer should know of the values.
    pub(crate) fn notes(&self) -> impl Iterator<Item = Note> {
        self.caveats.iter().filter_map(|caveat| caveat.note())
    }

    /// Returns the SQL as an operand, in brackets where it needs them.
    pub(crate) fn operand(&self) -> String {
        if self.is_atom { self.sql.clone() } else { format!("({})", self.sql) }
    }

    /// Returns the SQL as a condition: in SQLite a number is true unless it is 0.
    pub(crate) fn condition(&self) -> Result<String> {
        if let Some(Native { family: Family::Boolean, sql }) = &self.native {
            return Ok(sql.clone());
        }
        match (&self.constant, self.kind) {
            (Some(Constant::Integer(integer)), _) => Ok((*integer != 0).to_string()),
            (_, Kind::Null) => Ok("NULL::boolean".to_owned()),
            (_, Kind::Truth) => Ok(self.sql.clone()),
            (_, Kind::Integer | Kind::Real | Kind::Number) => Ok(format!("{} <> 0", self.operand())),
            _ => Err(Untranslatable::NotACondition),
        }
    }

    /// Returns the condition as an operand, in brackets unless it is a name, a literal or a call.
    pub(crate) fn condition_operand(&self) -> Result<String> {
        let sql = self.condition()?;
        let is_atom =
            self.is_atom && (self.kind == Kind::Truth || self.native.is_some() || self.constant.is_some());
        Ok(if is_atom { sql } else { format!("({sql})") })
    }

    /// Returns the value as a number.
    pub(crate) fn number(&self) -> Result<Node> {
        match self.kind {
            Kind::Truth => {
                let number = Node::atom(Kind::Integer, format!("({})::int", self.sql)).strict([self]);
                Ok(Node { bound: 1, ..number })
            }
            Kind::Null | Kind::Integer | Kind::Real | Kind::Number => Ok(self.clone()),
            _ => Err(Untranslatable::NotANumber),
        }
    }

    /// Returns the value as text, as SQLite prints it.
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
            Kind::Real | Kind::Number => Err(Untranslatable::FloatAsText),
            Kind::Blob => Err(Untranslatable::BlobAsText),
            Kind::Json => {
                // A truth value is 0 or 1 to SQLite.
                let sql = format!(
                    "(CASE jsonb_typeof({0}) WHEN 'boolean' THEN {0}::boolean::int::text ELSE {0} #>> '{{}}' END)",
                    self.operand()
                );
                Ok(Node::atom(Kind::Text, sql).made_of([self]).with(Caveat::DocumentText))
            }
            Kind::Document => Err(Untranslatable::DocumentAsText),
            Kind::Unknown => Err(Untranslatable::Inexact),
        }
    }

    /// Returns the text in a blob, which is known to be UTF-8.
    pub(crate) fn decoded(&self, caveat: Caveat) -> Node {
        let text = Node::atom(Kind::Text, format!("convert_from({}, 'UTF8')", self.sql)).strict([self]);
        Node {
            // A blob has no collation in PostgreSQL.
            origin: Origin::Computed,
            collation: self.collation.clone(),
            volatility: text.volatility.max(Volatility::Stable),
            ..text.with(caveat)
        }
    }

    /// Returns the key of an index that orders and compares like SQLite's.
    pub(crate) fn key_sql(&self) -> Result<String> {
        let sql = match (&self.native, self.kind) {
            (Some(native), _) if !self.is_collated_text() => native.sql.clone(),
            (_, Kind::Unknown | Kind::Document) => return Err(Untranslatable::Inexact),
            (_, Kind::Json) => self.text()?.sql,
            _ => self.sql.clone(),
        };
        if self.kind == Kind::Text { self.collation().folded(sql) } else { Ok(sql) }
    }
}

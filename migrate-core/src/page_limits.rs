//! What the pages of PostgreSQL limit: how wide a row may be once its long values are stored elsewhere, and how long the keys of an
//! index may be.
//!
//! Both depend on how well a value can be compressed, which only PostgreSQL knows. What is computed here are bounds: a row or a key
//! within the upper one fits, a row beyond the lower one does not, and of what lies between PostgreSQL is asked.

use crate::conversion::PgType;
use crate::identifier::quote_pg;
use crate::mapping::IndexMethod;
use crate::plan::{PlannedIndex, PlannedKey, PlannedTable};

/// The longest row, in bytes, that a page of 8 kB holds (`MaxHeapTupleSize`).
pub const ROW_BYTES_MAX: u64 = 8160;

/// The longest key, in bytes, that a B-tree takes: a third of a page (`BTMaxItemSize`).
pub const KEY_BYTES_MAX: u64 = 2704;

/// The most bytes of words and positions in a `tsvector` (`MAXSTRPOS`).
pub const SEARCH_BYTES_MAX: u64 = 1_048_575;

/// Text of no more bytes than this never gives more than [`SEARCH_BYTES_MAX`]: a word of one letter takes six bytes at most.
const SEARCHED_BYTES_SAFE: u64 = SEARCH_BYTES_MAX / 8;

/// A value of more bytes than this, its length among them, is compressed or stored elsewhere where its row is too wide. What it
/// leaves in the row is a pointer of 18 bytes, or what it is compressed to where that is no more than this.
const INLINE_BYTES_MAX: u64 = 24;

/// The least that a compressed value takes.
const COMPRESSED_BYTES_MIN: u64 = 12;

/// Between which bounds the bytes of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowBytes {
    /// No fewer than this.
    pub least: u64,
    /// No more than this.
    pub most: u64,
}

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limited {
    /// The key of an index.
    Key {
        /// The name of the index or constraint.
        name: String,
        /// What the index stands on, as SQL: its method, keys and condition.
        definition: String,
    },
    /// The words of a full-text column.
    Search {
        /// The column, by target name.
        column: String,
    },
}

/// A limit that rows of a table may exceed, and what of a row it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// What is limited.
    pub limited: Limited,
    /// The places of the planned columns that it follows from.
    pub inputs: Vec<usize>,
    /// Whether the inputs are the key itself, so that their bytes are the key's.
    pub is_plain: bool,
}

impl RowBytes {
    /// Those of a row of `table`; `field` gives the bytes of each planned column's field in COPY's binary form, none for NULL. Columns
    /// that PostgreSQL computes count by the least and the most that they can take.
    pub fn of(table: &PlannedTable, field: impl Fn(usize) -> Option<u64>) -> RowBytes {
        let columns = (table.columns.iter().enumerate()).map(|(position, column)| match &column.generated {
            None => field(position).map(|bytes| Stored::of(column.target_type, bytes)),
            Some(_) => Some(Stored { least: 0, ..Stored::of(column.target_type, INLINE_BYTES_MAX) }),
        });
        let searches = table.searches.iter().map(|_| Some(Stored { least: 1, ..Stored::LONG }));
        let mut bytes = Offsets::default();
        for stored in columns.chain(searches) {
            bytes.add(stored);
        }
        bytes.finish(table.columns.len() + table.searches.len())
    }

    /// The most that any row of `table` takes.
    pub fn most_of_any(table: &PlannedTable) -> u64 {
        // A field that is NULL takes nothing, and a bit that says so.
        let nulls = (table.columns.len() + table.searches.len()).div_ceil(8) as u64;
        RowBytes::of(table, |_| Some(u64::from(u32::MAX))).most + nulls
    }
}

/// How many bytes a value takes in its row, and how they are aligned.
#[derive(Clone, Copy)]
struct Stored {
    least: u64,
    most: u64,
    align: u64,
}

impl Stored {
    const LONG: Stored = Stored { least: COMPRESSED_BYTES_MIN, most: INLINE_BYTES_MAX, align: 4 };

    fn of(kind: PgType, bytes: u64) -> Stored {
        let fixed = |bytes, align| Stored { least: bytes, most: bytes, align };
        match kind {
            PgType::Boolean => fixed(1, 1),
            PgType::Smallint => fixed(2, 2),
            PgType::Integer | PgType::Real | PgType::Date => fixed(4, 4),
            PgType::Bigint
            | PgType::DoublePrecision
            | PgType::Timestamptz
            | PgType::Timestamp
            | PgType::Time => fixed(8, 8),
            PgType::Uuid => fixed(16, 1),
            // Eight bytes of the field are four or two of the value.
            PgType::Numeric => Stored::variable(bytes.min(3), bytes.saturating_sub(4)),
            // Text of JSON may grow when it is taken apart.
            PgType::Jsonb => Stored::variable(bytes.min(3), bytes.saturating_mul(16)),
            PgType::Text | PgType::Bytea | PgType::Json => Stored::variable(bytes, bytes),
        }
    }

    /// A value whose bytes, without their length, lie between two bounds.
    fn variable(least: u64, most: u64) -> Stored {
        // Up to 126 bytes a length takes one byte, and the value is not aligned.
        if most < INLINE_BYTES_MAX {
            Stored { least: least + 1, most: most + 1, align: 1 }
        } else {
            Stored { least: (least + 1).min(COMPRESSED_BYTES_MIN), ..Stored::LONG }
        }
    }
}

/// Where the next value of a row may begin.
#[derive(Default)]
struct Offsets {
    least: u64,
    most: u64,
    has_null: bool,
}

impl Offsets {
    fn add(&mut self, stored: Option<Stored>) {
        let Some(Stored { least, most, align }) = stored else {
            self.has_null = true;
            return;
        };
        if self.least == self.most && least == most {
            self.least = self.least.next_multiple_of(align) + least;
            self.most = self.least;
            return;
        }
        // Where a value begins is not known any more, and so how much is between two is not.
        self.least += least;
        self.most += most + (align - 1);
    }

    fn finish(&self, columns: usize) -> RowBytes {
        /// The header of a row, before the bits that say which values are NULL.
        const HEADER_BYTES: u64 = 23;
        let bits = if self.has_null { columns.div_ceil(8) as u64 } else { 0 };
        let header = (HEADER_BYTES + bits).next_multiple_of(8);
        let whole = |bytes: u64| (header + bytes).next_multiple_of(8);
        RowBytes { least: whole(self.least), most: whole(self.most) }
    }
}

impl PageLimit {
    /// All limits of a table that is made or, where an app made it, those of its indexes.
    pub fn all(table: &PlannedTable) -> Vec<PageLimit> {
        if table.existing.is_some() {
            return PageLimit::of_existing(table);
        }
        let keys = table.primary_key.iter().chain(&table.unique).map(|key| PageLimit::of_key(table, key));
        // The keys of GIN are hashes where they are long, and words of at most 2 kB.
        let indexes = table.indexes.iter().filter(|index| index.method == IndexMethod::Btree);
        let indexes = indexes.map(|index| PageLimit::of_index(table, index));
        let searches = table.searches.iter().map(|search| PageLimit {
            limited: Limited::Search { column: search.target.clone() },
            inputs: inputs(table, &search.expression),
            is_plain: false,
        });
        keys.chain(indexes).chain(searches).filter(|limit| !limit.inputs.is_empty()).collect()
    }

    fn of_key(table: &PlannedTable, key: &PlannedKey) -> PageLimit {
        let columns: Vec<String> = key.columns.iter().map(|column| quote_pg(column)).collect();
        let definition = format!("btree ({})", columns.join(", "));
        PageLimit::of_columns(table, &key.name, definition, &key.columns, true)
    }

    fn of_index(table: &PlannedTable, index: &PlannedIndex) -> PageLimit {
        let keys: Vec<String> = index.columns.iter().map(|key| key.sql()).collect();
        let condition =
            index.predicate.as_ref().map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let definition = format!("{} ({}){condition}", index.method.sql(), keys.join(", "));
        if index.predicate.is_none() && index.columns.iter().all(|key| key.expression.is_none()) {
            let columns: Vec<String> = index.columns.iter().map(|key| key.column.clone()).collect();
            return PageLimit::of_columns(table, &index.name, definition, &columns, true);
        }
        let inputs = inputs(table, &definition);
        PageLimit { limited: Limited::Key { name: index.name.clone(), definition }, inputs, is_plain: false }
    }

    /// The limit of an index on columns; one that PostgreSQL computes stands for what it is computed from.
    fn of_columns(
        table: &PlannedTable,
        name: &str,
        definition: String,
        columns: &[String],
        is_plain: bool,
    ) -> PageLimit {
        let generated = |name: &String| {
            table.target_column(name).is_none_or(|column| column.generated.is_some())
        };
        let is_plain = is_plain && !columns.iter().any(generated);
        let inputs = match is_plain {
            true => columns
                .iter()
                .filter_map(|name| table.columns.iter().position(|column| column.target == *name))
                .collect(),
            false => inputs(table, &definition),
        };
        PageLimit { limited: Limited::Key { name: name.to_owned(), definition }, inputs, is_plain }
    }

    /// The limits of the indexes of a table that an app made. An index that may call a function of the app's is left out.
    fn of_existing(table: &PlannedTable) -> Vec<PageLimit> {
        let facts = table.existing.iter().flat_map(|existing| &existing.table.facts);
        let limits = facts.filter_map(|fact| {
            let name = fact.item.strip_prefix("index ")?;
            let (_, definition) = fact.definition.split_once(" USING ")?;
            let is_bounded = !definition.starts_with("hash ") && !definition.starts_with("gin ");
            let is_own = !definition.contains('.');
            (is_bounded && is_own).then(|| PageLimit {
                limited: Limited::Key { name: name.to_owned(), definition: definition.to_owned() },
                inputs: inputs(table, definition),
                is_plain: false,
            })
        });
        limits.filter(|limit| !limit.inputs.is_empty()).collect()
    }

    /// Whether a row with fields of these lengths may go beyond the limit; `field` is as in [`RowBytes::of`].
    pub fn may_exceed(&self, table: &PlannedTable, field: impl Fn(usize) -> Option<u64>) -> bool {
        /// What an index adds to the bytes of its keys, and each key to its own.
        const HEADERS_BYTES: u64 = 24;
        const KEY_HEADER_BYTES: u64 = 11;
        /// How many times as long as its text a `jsonb` may be.
        const JSONB_GROWTH: u64 = 8;
        let of_input = |&position: &usize| {
            let bytes = field(position).unwrap_or(0);
            let is_json = table.columns.get(position).is_some_and(|column| column.target_type == PgType::Jsonb);
            (bytes, if is_json { bytes.saturating_mul(JSONB_GROWTH) } else { bytes })
        };
        let (bytes, grown) = self.inputs.iter().map(of_input).fold((0_u64, 0_u64), |sum, next| {
            (sum.0.saturating_add(next.0), sum.1.saturating_add(next.1))
        });
        match self.limited {
            Limited::Search { .. } => bytes > SEARCHED_BYTES_SAFE,
            Limited::Key { ref definition, .. } => {
                let grown = grown.saturating_mul(if self.is_plain { 1 } else { growth(definition) });
                grown + HEADERS_BYTES + KEY_HEADER_BYTES * self.inputs.len() as u64 > KEY_BYTES_MAX
            }
        }
    }
}

/// How many times longer than its input an expression may be: a letter may grow when its case is changed, and some functions make
/// more of text.
fn growth(expression: &str) -> u64 {
    let grows = ["||", "replace", "concat", "format", "repeat", "pad(", "encode", "to_char", "join", "agg"];
    if grows.iter().any(|part| expression.contains(part)) { 8 } else { 2 }
}

/// The places of the columns that an expression of PostgreSQL may name, those among them that a generated column is computed from.
fn inputs(table: &PlannedTable, expression: &str) -> Vec<usize> {
    let names = |expression: &str, name: &str| expression.contains(&name.replace('"', "\"\""));
    let generated: Vec<&str> = (table.columns.iter())
        .filter(|column| names(expression, &column.target))
        .filter_map(|column| column.generated.as_ref().map(|generated| generated.expression.as_str()))
        .collect();
    (table.columns.iter().enumerate())
        .filter(|(_, column)| column.generated.is_none())
        .filter(|(_, column)| {
            names(expression, &column.target)
                || generated.iter().any(|expression| names(expression, &column.target))
        })
        .map(|(position, _)| position)
        .collect()
}

//! The limits of PostgreSQL's pages: the width of a row after its long values are stored out of line, and the length of index keys.
//!
//! Both depend on how well a value compresses, which only PostgreSQL knows. This module computes bounds: a row or a key within the upper
//! bound fits, one beyond the lower bound does not, and PostgreSQL is asked about those in between.

use crate::conversion::PgType;
use crate::identifier::quote_pg;
use crate::operator_class::has_short_keys;
use crate::plan::{PlannedColumn, PlannedIndex, PlannedIndexColumn, PlannedKey, PlannedTable};
use crate::target_schema::TargetFact;
use crate::terms::IndexMethod;

/// The longest row, in bytes, that a page of 8 kB holds (`MaxHeapTupleSize`).
pub const ROW_BYTES_MAX: u64 = 8160;

/// The longest key, in bytes, that a B-tree accepts: a third of a page (`BTMaxItemSize`).
pub const KEY_BYTES_MAX: u64 = 2704;

/// A value of more bytes than this, including its length, is compressed or stored out of line if its row is too wide. In the row it then
/// occupies a pointer of 18 bytes, or its compressed size if that is no more than this.
const INLINE_BYTES_MAX: u64 = 24;

/// The minimum size of a compressed value.
const COMPRESSED_BYTES_MIN: u64 = 12;

/// Between which bounds the bytes of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowBytes {
    /// No fewer than this.
    pub least: u64,
    /// No more than this.
    pub most: u64,
}

/// The key of an index that rows of a table may exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLimit {
    /// The name of the index or constraint.
    pub name: String,
    /// The definition of the index, as SQL: its method, keys and condition.
    pub definition: String,
    /// The places of the planned columns that the key and the condition follow from.
    pub inputs: Vec<usize>,
    /// Whether the inputs are the key itself, so that their bytes are the key's.
    pub is_plain: bool,
}

impl RowBytes {
    /// The bounds of a row of `table`; `field` returns the bytes of each planned column's field in COPY's binary form, none for NULL.
    /// Columns that PostgreSQL computes count with their minimum and maximum size.
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

    /// The maximum size of any row of `table`.
    pub fn most_of_any(table: &PlannedTable) -> u64 {
        // A field that is NULL occupies only a bit of the null bitmap.
        let nulls = (table.columns.len() + table.searches.len()).div_ceil(8) as u64;
        RowBytes::of(table, |_| Some(u64::from(u32::MAX))).most + nulls
    }
}

/// The size of a value in its row, and its alignment.
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
            PgType::Macaddr => fixed(6, 4),
            PgType::Macaddr8 => fixed(8, 4),
            PgType::Interval => fixed(16, 8),
            PgType::Money => fixed(8, 8),
            // Of four bytes before the address two are kept.
            PgType::Inet | PgType::Cidr => Stored::variable(bytes.saturating_sub(2), bytes),
            // A header of 16 to 24 bytes; an element has no length, or one that is aligned.
            PgType::TextArray
            | PgType::SmallintArray
            | PgType::IntegerArray
            | PgType::BigintArray
            | PgType::BooleanArray
            | PgType::DoublePrecisionArray
            | PgType::NumericArray
            | PgType::UuidArray => Stored::variable(bytes.min(3), bytes.saturating_mul(2).saturating_add(24)),
            // Eight bytes of the field are four or two of the value.
            PgType::Numeric => Stored::variable(bytes.min(3), bytes.saturating_sub(4)),
            // Text of JSON may grow when it is taken apart.
            PgType::Jsonb => Stored::variable(bytes.min(3), bytes.saturating_mul(16)),
            PgType::Text | PgType::Bytea | PgType::Json => Stored::variable(bytes, bytes),
        }
    }

    /// A value whose bytes, without their length, lie between two bounds.
    fn variable(least: u64, most: u64) -> Stored {
        // Up to 126 bytes the length is one byte, and the value is not aligned.
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
        /// The header of a row, before the null bitmap.
        const HEADER_BYTES: u64 = 23;
        let bits = if self.has_null { columns.div_ceil(8) as u64 } else { 0 };
        let header = (HEADER_BYTES + bits).next_multiple_of(8);
        let whole = |bytes: u64| (header + bytes).next_multiple_of(8);
        RowBytes { least: whole(self.least), most: whole(self.most) }
    }
}

impl KeyLimit {
    /// Those of the keys and indexes of a table.
    pub fn all(table: &PlannedTable) -> Vec<KeyLimit> {
        let mut limits: Vec<KeyLimit> = match &table.existing {
            Some(existing) => {
                let facts = existing.table.facts.iter();
                facts.filter_map(|fact| KeyLimit::of_fact(table, fact)).collect()
            }
            None => {
                let keys =
                    table.primary_key.iter().chain(&table.unique).map(|key| KeyLimit::of_key(table, key));
                let indexes = table.indexes.iter().filter(|index| has_long_keys(table, index));
                keys.chain(indexes.map(|index| KeyLimit::of_index(table, index))).collect()
            }
        };
        limits.retain(|limit| !limit.inputs.is_empty());
        limits
    }

    fn of_key(table: &PlannedTable, key: &PlannedKey) -> KeyLimit {
        let columns: Vec<String> = key.columns.iter().map(|column| quote_pg(column)).collect();
        let definition = format!("btree ({})", columns.join(", "));
        KeyLimit::of_columns(table, &key.name, definition, &key.columns)
    }

    fn of_index(table: &PlannedTable, index: &PlannedIndex) -> KeyLimit {
        let keys: Vec<String> = index.columns.iter().map(PlannedIndexColumn::definition).collect();
        let condition =
            index.predicate.as_ref().map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let definition = format!("{} ({}){condition}", index.method.sql(), keys.join(", "));
        if index.predicate.is_none() && index.columns.iter().all(|key| key.expression.is_none()) {
            let columns: Vec<String> = index.columns.iter().map(|key| key.column.clone()).collect();
            return KeyLimit::of_columns(table, &index.name, definition, &columns);
        }
        let inputs = inputs(table, &definition);
        KeyLimit { name: index.name.clone(), definition, inputs, is_plain: false }
    }

    /// The limit of an index on columns; a generated column counts with the columns that it is computed from.
    fn of_columns(table: &PlannedTable, name: &str, definition: String, columns: &[String]) -> KeyLimit {
        let place = |name: &String| {
            let is_it = |column: &PlannedColumn| column.target == *name && column.generated.is_none();
            table.columns.iter().position(is_it)
        };
        let plain: Option<Vec<usize>> = columns.iter().map(place).collect();
        let is_plain = plain.is_some();
        let inputs = plain.unwrap_or_else(|| inputs(table, &definition));
        KeyLimit { name: name.to_owned(), definition, inputs, is_plain }
    }

    /// The limit of an index of a table that an app made. None if the index is not valid, because it may hold no rows at all, or if it
    /// names an object of a schema, such as a function of the app. Names that the app's search path finds have no schema here: the search
    /// path of the session that creates the index must contain only PostgreSQL's own objects.
    fn of_fact(table: &PlannedTable, fact: &TargetFact) -> Option<KeyLimit> {
        let name = fact.item.strip_prefix("index ")?;
        let definition = definition_of_index(&fact.definition)?;
        let inputs = inputs(table, definition);
        let types = || inputs.iter().filter_map(|&position| Some(table.columns.get(position)?.target_type));
        let is_short = match definition.split(' ').next() {
            Some("hash") => true,
            Some("gin") => types().all(|kind| !matches!(kind, PgType::TextArray | PgType::NumericArray)),
            _ => false,
        };
        let is_left_out = is_short || definition.contains('.') || definition.ends_with(" (not valid)");
        (!is_left_out).then(|| KeyLimit {
            name: name.to_owned(),
            definition: definition.to_owned(),
            inputs,
            is_plain: false,
        })
    }

    /// Whether the key of a row with fields of these lengths may be too long; `field` is as in [`RowBytes::of`].
    pub fn may_exceed(&self, table: &PlannedTable, field: impl Fn(usize) -> Option<u64>) -> bool {
        let Some(growth) = self.growth(table) else { return true };
        let bytes =
            |position: &usize| field(*position).unwrap_or(0).saturating_mul(growth.of(table, *position));
        self.inputs.iter().map(bytes).fold(growth.more, u64::saturating_add) > self.room()
    }

    /// A row of no more bytes than this has no key that is too long.
    pub fn harmless_bytes(&self, table: &PlannedTable) -> u64 {
        let Some(growth) = self.growth(table) else { return 0 };
        let times = self.inputs.iter().map(|&position| growth.of(table, position)).max();
        self.room().saturating_sub(growth.more) / times.unwrap_or(1)
    }

    /// How many bytes the values of a key may have whatever they are.
    fn room(&self) -> u64 {
        /// The bytes that an index adds to those of its keys, and that each key adds.
        const HEADERS_BYTES: u64 = 24;
        const KEY_HEADER_BYTES: u64 = 11;
        KEY_BYTES_MAX.saturating_sub(HEADERS_BYTES + KEY_HEADER_BYTES * self.inputs.len() as u64)
    }

    /// By how much the key may be longer than its inputs, by its definition and by what the generated columns that it names are computed
    /// from; none if no bound is known.
    fn growth(&self, table: &PlannedTable) -> Option<Growth> {
        if self.is_plain {
            return Some(Growth { times: 1, more: 0 });
        }
        let generated = generated_in(table, &self.definition).map(Growth::of_expression);
        generated.chain([Growth::of_expression(&self.definition)]).reduce(|inner, outer| {
            let (inner, outer) = (inner?, outer?);
            let times = inner.times.saturating_mul(outer.times);
            Some(Growth { times, more: inner.more.saturating_mul(outer.times).saturating_add(outer.more) })
        })?
    }
}

/// Whether a long value can be a long key of an index. The words of a text search have at most 2 kB.
fn has_long_keys(table: &PlannedTable, index: &PlannedIndex) -> bool {
    let has_long = |key: &PlannedIndexColumn| match table.target_column(&key.column) {
        Some(column) => !has_short_keys(index.method, column.target_type, key.ops.as_ref()),
        None => index.method == IndexMethod::Btree,
    };
    index.columns.iter().any(has_long)
}

/// A bound of the length of an expression's result: a factor of the bytes of its inputs, and a constant.
#[derive(Clone, Copy)]
struct Growth {
    times: u64,
    more: u64,
}

impl Growth {
    /// That of an expression; none where it may make text of any length.
    fn of_expression(expression: &str) -> Option<Growth> {
        /// A letter may take three times as many bytes when its case is changed.
        const OF_CASE: u64 = 3;
        const OF_ENCODING: u64 = 8;
        let lower = expression.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        if has(&["repeat", "pad(", "format", "replace", "to_char", "join", "agg", "normalize"]) {
            return None;
        }
        let times = if has(&["concat", "encode", "json", "quote"]) { OF_ENCODING } else { OF_CASE };
        // Each operand of `||` may be all of the inputs, or text in the expression.
        let parts = (lower.matches("||").count() + 1) as u64;
        let is_joined = parts > 1 || lower.contains("concat");
        let more = if is_joined { lower.len() as u64 } else { 0 };
        let parts = if lower.contains("concat") { parts + lower.matches(',').count() as u64 } else { parts };
        Some(Growth { times: times.saturating_mul(parts), more })
    }

    /// How many times as long as its field a column's part of the key may be.
    fn of(self, table: &PlannedTable, position: usize) -> u64 {
        /// How many times as long as its text a `jsonb` may be.
        const JSONB_GROWTH: u64 = 8;
        let is_json = table.columns.get(position).is_some_and(|column| column.target_type == PgType::Jsonb);
        self.times.saturating_mul(if is_json { JSONB_GROWTH } else { 1 })
    }
}

/// The text after USING in the statement that creates an index, as PostgreSQL prints it.
fn definition_of_index(statement: &str) -> Option<&str> {
    let rest = statement.strip_prefix("CREATE ")?;
    let rest = rest.strip_prefix("UNIQUE ").unwrap_or(rest).strip_prefix("INDEX ")?;
    let rest = after_name(rest)?.strip_prefix(" ON ")?;
    let mut rest = after_name(rest.strip_prefix("ONLY ").unwrap_or(rest))?;
    if let Some(name) = rest.strip_prefix('.') {
        rest = after_name(name)?;
    }
    rest.strip_prefix(" USING ")
}

/// The text after the name, quoted or not, at the beginning of `sql`.
fn after_name(sql: &str) -> Option<&str> {
    let Some(mut quoted) = sql.strip_prefix('"') else {
        return sql.find([' ', '.']).and_then(|end| sql.get(end..));
    };
    loop {
        let (_, behind) = quoted.split_once('"')?;
        // Two quotes are one of the name.
        match behind.strip_prefix('"') {
            Some(more) => quoted = more,
            None => return Some(behind),
        }
    }
}

/// Whether an expression of PostgreSQL may name a column.
fn may_name(expression: &str, column: &PlannedColumn) -> bool {
    has_word(expression, &column.target.replace('"', "\"\""))
}

/// The inputs of the generated columns that an expression may name.
fn generated_in<'a>(table: &'a PlannedTable, expression: &'a str) -> impl Iterator<Item = &'a str> {
    (table.columns.iter())
        .filter(move |column| may_name(expression, column))
        .filter_map(|column| column.generated.as_ref().map(|generated| generated.expression.as_str()))
}

/// The places of the columns that an expression of PostgreSQL may name, those among them that a generated column is computed from.
fn inputs(table: &PlannedTable, expression: &str) -> Vec<usize> {
    let generated: Vec<&str> = generated_in(table, expression).collect();
    let is_input = |column: &PlannedColumn| {
        may_name(expression, column) || generated.iter().any(|expression| may_name(expression, column))
    };
    let columns = table.columns.iter().enumerate();
    let inputs = columns.filter(|(_, column)| column.generated.is_none() && is_input(column));
    inputs.map(|(position, _)| position).collect()
}

/// Whether `word` occurs in `text` with no letter, digit or underscore before or after it.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(from, _)| {
        let before = text.get(..from).and_then(|before| before.chars().next_back());
        let behind = text.get(from + word.len()..).and_then(|behind| behind.chars().next());
        !before.is_some_and(is_part) && !behind.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_whole_word() {
        for (text, word, is_there) in [
            ("btree (v text_pattern_ops)", "x", false),
            ("btree (v text_pattern_ops)", "v", true),
            ("lower(\"a b\")", "a b", true),
            ("lower(name_2)", "name", false),
            ("x", "x", true),
            ("größe", "gr", false),
        ] {
            assert_eq!(has_word(text, word), is_there, "{text} {word}");
        }
    }

    #[test]
    fn the_definition_of_an_index_is_found_whatever_it_is_called() {
        for (statement, definition) in [
            ("CREATE INDEX a ON public.t USING btree (v)", Some("btree (v)")),
            ("CREATE UNIQUE INDEX a ON ONLY t USING gist (v)", Some("gist (v)")),
            (
                "CREATE INDEX \"a USING btree (x); \"\" DROP\" ON \"p\".\"t USING\" USING btree (v)",
                Some("btree (v)"),
            ),
            ("CREATE INDEX \"a", None),
            ("ALTER TABLE t", None),
        ] {
            assert_eq!(definition_of_index(statement), definition, "{statement}");
        }
    }

    #[test]
    fn an_expression_without_a_bound_is_known() {
        let bound =
            |expression: &str| Growth::of_expression(expression).map(|bound| (bound.times, bound.more));
        for expression in ["repeat(v, 9)", "rpad(v, 9000)", "LPAD(v, 9000)", "format('%900s', v)"] {
            assert_eq!(bound(expression), None, "{expression}");
        }
        assert_eq!(bound("lower(v)"), Some((3, 0)));
        assert_eq!(bound("v || v || 'abc'"), Some((9, 15)));
    }

    #[test]
    fn bounds_of_rows_of_one_type() {
        let bytes = |kind: PgType, length: u64, count: usize| {
            let mut bytes = Offsets::default();
            (0..count).for_each(|_| bytes.add(Some(Stored::of(kind, length))));
            let RowBytes { least, most } = bytes.finish(count);
            (least, most)
        };
        assert_eq!(bytes(PgType::Bigint, 8, 1020), (8184, 8184));
        assert_eq!(bytes(PgType::Bigint, 8, 1017), (8160, 8160));
        assert_eq!(bytes(PgType::Text, 6, 1500), (10528, 10528));
        // Up to 24 bytes with its length a value stays as it is.
        assert_eq!(bytes(PgType::Text, 23, 10), (264, 264));
        let (least, most) = bytes(PgType::Text, 24, 10);
        assert!(least < 24 + 10 * 18 && most >= 24 + 10 * 18, "{least} {most}");
        let mut nulls = Offsets::default();
        nulls.add(None);
        assert_eq!(nulls.finish(1600), RowBytes { least: 224, most: 224 });
    }
}

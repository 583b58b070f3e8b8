//! Full-text search: a generated `tsvector` column with a GIN index, on the table that holds the text.
//!
//! Words are separated as SQLite's tokenizers do, as far as a built-in configuration of PostgreSQL can (manual, chapter 12): `simple`
//! is nearest to unicode61 and ascii, `english` to porter. PostgreSQL's parser treats `example.com`, `and/or` and `a-b` as one token
//! each, SQLite's as two words, so ASCII punctuation is replaced with spaces first. The notes list the differences.

use crate::affinity::Affinity;
use crate::conversion::{Conversion, PgType};
use crate::identifier::{fit_pg, hashed_pg, quote_pg, quote_pg_literal};
use crate::mapping::IndexMethod;
use crate::plan::{PlannedIndex, PlannedIndexColumn, PlannedSearch, PlannedTable};
use crate::planner::{PlanningError, generated};
use crate::source_schema::SourceTable;
use crate::source_sql::{FullTextFacts, table_facts};
use crate::translate;

/// The ASCII punctuation that separates words.
const SIGNS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// How many characters of a row are searched. A tsvector holds less than 1 MB (PostgreSQL manual, section 12.11), and a text of which
/// more is taken would keep its row out. No text of this length needs more: two characters take 8 bytes at most.
const SEARCHED_CHARS_MAX: u32 = 200_000;

/// A full-text index of the source.
pub(super) struct Wanted<'a> {
    /// The virtual table.
    pub(super) name: &'a str,
    /// Its stored SQL.
    pub(super) sql: &'a str,
    /// The arguments of the virtual table.
    pub(super) facts: &'a FullTextFacts,
}

/// The result.
pub(super) enum Outcome {
    /// There is a column for it.
    Added {
        /// Its name in PostgreSQL.
        column: String,
        /// How a query is written now.
        words: String,
    },
    /// There is none, and why.
    Refused(String),
}

/// Adds the replacement of a full-text index to `planned`, the plan of `source`.
///
/// # Errors
/// [`PlanningError`] where the stored SQL of the table cannot be read.
pub(super) fn add(
    source: &SourceTable,
    planned: &mut PlannedTable,
    wanted: &Wanted<'_>,
) -> Result<Outcome, PlanningError> {
    let facts = wanted.facts;
    if facts.tokenizer.first().is_some_and(|tokenizer| tokenizer == "trigram") {
        return Ok(Outcome::Refused(trigram(planned, facts)));
    }
    let is_searched = |name: &&String| !facts.unindexed.iter().any(|other| other.eq_ignore_ascii_case(name));
    let mut notes = Vec::new();
    let mut texts = Vec::new();
    for name in facts.columns.iter().filter(is_searched) {
        match text(source, planned, name)? {
            Ok(text) => texts.push(format!("coalesce({text}, '')")),
            Err(reason) => notes.push(format!("its column {name} is not searched: {reason}")),
        }
    }
    if texts.is_empty() {
        let reasons = if notes.is_empty() { "it searches no column".to_owned() } else { notes.join("; ") };
        return Ok(Outcome::Refused(reasons));
    }
    let configuration = configuration(facts);
    let expression = format!(
        "to_tsvector({}, translate(left({}, {SEARCHED_CHARS_MAX}), {}, {}))",
        quote_pg_literal(configuration),
        texts.join(" || ' ' || "),
        quote_pg_literal(SIGNS),
        quote_pg_literal(&" ".repeat(SIGNS.len()))
    );
    let column = free_name(planned, wanted.name);
    let words = in_words(&column, configuration, wanted);
    notes.insert(0, words.clone());
    notes.extend(differences(facts, configuration));
    planned.indexes.push(PlannedIndex {
        source: None,
        name: fit_pg(&format!("{}_{column}_idx", planned.target)),
        method: IndexMethod::Gin,
        unique: false,
        columns: vec![PlannedIndexColumn::of_column(column.clone())],
        predicate: None,
        source_sql: None,
        added_because: None,
        notes,
    });
    planned.searches.push(PlannedSearch {
        target: column.clone(),
        expression,
        instead_of: wanted.name.to_owned(),
        source_sql: wanted.sql.to_owned(),
    });
    Ok(Outcome::Added { column, words })
}

/// The text of a column in PostgreSQL's SQL, or why there is none.
fn text(
    source: &SourceTable,
    planned: &PlannedTable,
    name: &str,
) -> Result<Result<String, String>, PlanningError> {
    let Some(column) = planned.columns.iter().find(|column| column.source.eq_ignore_ascii_case(name)) else {
        return Ok(Err(format!("no such column of {} moves", source.name)));
    };
    if column.target_type == PgType::Text && column.generated.is_none() {
        return Ok(Ok(quote_pg(&column.target)));
    }
    let facts = table_facts(&source.name, &source.sql)?;
    let scope = generated::known_columns(source, &facts, &planned.columns);
    let sql = format!("CAST({} AS TEXT)", crate::identifier::quote_sqlite(&column.source));
    let translated = translate::generated(&sql, &scope, &Conversion::Text, Affinity::Text);
    Ok(translated.map(|translated| translated.sql).map_err(|error| error.to_string()))
}

/// The configuration of PostgreSQL that is nearest to a tokenizer.
fn configuration(facts: &FullTextFacts) -> &'static str {
    if facts.tokenizer.first().is_some_and(|tokenizer| tokenizer == "porter") { "english" } else { "simple" }
}

/// The name of the virtual table with the suffix `_tsvector`, or a form of that with a hash if a column has it.
fn free_name(planned: &PlannedTable, virtual_table: &str) -> String {
    let name = fit_pg(&format!("{virtual_table}_tsvector"));
    let is_taken = |name: &str| {
        planned.columns.iter().any(|column| column.target == name)
            || planned.searches.iter().any(|search| search.target == name)
    };
    let (mut free, mut salt) = (name.clone(), name.clone());
    while is_taken(&free) {
        free = hashed_pg(&name, &salt);
        salt.push('+');
    }
    free
}

/// How a query is written now.
fn in_words(column: &str, configuration: &str, wanted: &Wanted<'_>) -> String {
    let query = quote_pg_literal(configuration);
    format!(
        "say {} @@ websearch_to_tsquery({query}, $1) in place of {} MATCH ?; rank is ts_rank(), snippet() and highlight() are \
         ts_headline()",
        quote_pg(column),
        quote_pg(wanted.name)
    )
}

/// Notes for a reviewer where PostgreSQL's matches differ.
fn differences(facts: &FullTextFacts, configuration: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if configuration == "english" {
        notes.push(
            "english takes words to their stems nearly as porter does, and does not find words such as 'the' and 'of'".to_owned(),
        );
    } else if facts
        .tokenizer
        .first()
        .is_some_and(|name| !matches!(name.as_str(), "unicode61" | "ascii" | "simple"))
    {
        notes.push(format!(
            "the tokenizer {} has no counterpart: words are told apart by signs and blanks",
            facts.tokenizer.join(" ")
        ));
    } else if facts.tokenizer.len() > 1 {
        notes.push(format!(
            "the options of the tokenizer ({}) have no counterpart",
            facts.tokenizer.join(" ")
        ));
    }
    notes.push(format!(
        "accents count, unlike in unicode61 (the extension unaccent takes them off); words with signs in them are several, in a query \
         too: \"example com\" in quotes; of a row the first {SEARCHED_CHARS_MAX} characters are searched"
    ));
    if let Some(prefix) = &facts.prefix {
        notes.push(format!(
            "prefix={prefix} needs nothing here: to_tsquery({}, 'word:*') finds what begins so",
            quote_pg_literal(configuration)
        ));
    }
    if !facts.unindexed.is_empty() {
        notes.push(format!("{} is not searched, as in SQLite", facts.unindexed.join(", ")));
    }
    notes
}

fn trigram(planned: &PlannedTable, facts: &FullTextFacts) -> String {
    let columns = facts.columns.iter().filter_map(|name| {
        planned
            .columns
            .iter()
            .find(|column| column.source.eq_ignore_ascii_case(name))
            .map(|column| &column.target)
    });
    let keys: Vec<String> = columns.map(|column| format!("{} gin_trgm_ops", quote_pg(column))).collect();
    format!(
        "its tokenizer trigram finds any part of a text, which tsvector cannot; CREATE EXTENSION pg_trgm; CREATE INDEX ON {} USING gin \
         ({}) serves ILIKE '%part%' in place of MATCH",
        quote_pg(&planned.target),
        keys.join(", ")
    )
}

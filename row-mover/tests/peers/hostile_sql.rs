//! Mutated SQL: real statements, cut, spliced and changed, executed as far as SQLite accepts them, or written into the stored schema. The
//! same check is a fuzz target (docs/fuzzing.md). `PEERS_SQL=5000` sets the number of inputs.

use fixtures::frameworks::FRAMEWORKS;

use crate::random::prng::Prng;

#[path = "../../../fuzz/src/hostile_sql.rs"]
mod hostile;

/// Number of inputs of an ordinary run.
const TRIED: u64 = 300;

/// Tokens with a meaning for the parser, for SQLite's schema, or for code that splits names.
const TOKENS: &[&str] = &[
    "(",
    ")",
    ",",
    ";",
    "'",
    "\"",
    "`",
    "[",
    "]",
    "--",
    "/*",
    "*/",
    "NULL",
    "NOT",
    "DEFAULT",
    "CHECK",
    "COLLATE NOCASE",
    "COLLATE x",
    "UNIQUE",
    "PRIMARY KEY",
    "AUTOINCREMENT",
    "REFERENCES",
    "ON DELETE CASCADE",
    "ON CONFLICT REPLACE",
    "DEFERRABLE INITIALLY DEFERRED",
    "GENERATED ALWAYS AS",
    "STORED",
    "VIRTUAL",
    "WITHOUT ROWID",
    "STRICT",
    "WHERE",
    "AS",
    "SELECT",
    "FROM",
    "UNION ALL",
    "GROUP BY",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "CAST(",
    "x'00ff'",
    "'it''s'",
    "9e999",
    "-9223372036854775808",
    "0x10",
    "1e400",
    "CURRENT_TIMESTAMP",
    "random()",
    "strftime('%s', 'now')",
    "json_valid(",
    "length(",
    "substr(",
    "||",
    "->>",
    "GLOB",
    "LIKE",
    "BETWEEN",
    "IN (",
    "IS NOT",
    "~",
    "%",
    "<<",
    "\u{1f600}",
    "täg",
    "\u{0}",
    "pg_catalog",
    "ctid",
    "$$",
    "\\",
    "{}",
    "rowid",
    "RAISE(ABORT, 'x')",
    "NEW.id",
    "OVER ()",
    "FILTER (WHERE",
    "INTEGER",
    "TEXT",
    "DATETIME",
    "DECIMAL(10, 2)",
    "ANY",
    "BOOLEAN",
    "JSON",
    "EXISTS (",
    "WITH RECURSIVE",
    "?1",
    ":a",
    "@b",
    "1.5",
    "''",
];

/// Splits a text into words, blanks, and single other characters.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end =
            if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Generates a mutated source with a few more statements.
fn changed(prng: &mut Prng, sources: &[String], statements: &[String]) -> String {
    let mut text = sources[prng.below(sources.len() as u64) as usize].clone() + ";\n";
    for _ in 0..prng.below(4) {
        text.push_str(&statements[prng.below(statements.len() as u64) as usize]);
    }
    let other = statements[prng.below(statements.len() as u64) as usize].clone();
    let (mut pieces, donor) = (pieces(&text), pieces(&other));
    for _ in 0..=prng.below(5) {
        let at = prng.below(pieces.len() as u64) as usize;
        match prng.below(6) {
            0 => pieces.insert(at, prng.pick(TOKENS)),
            1 => pieces[at] = prng.pick(TOKENS),
            2 if pieces.len() > 1 => drop(pieces.remove(at)),
            3 => pieces.insert(at, donor[prng.below(donor.len() as u64) as usize]),
            4 => {
                let end = (at + prng.below(20) as usize).min(pieces.len());
                let copied: Vec<&str> = pieces[at..end].to_vec();
                pieces.splice(at..at, copied);
            }
            _ if prng.one_in(4) => pieces.truncate(at.max(1)),
            _ => {}
        }
    }
    pieces.concat()
}

#[test]
fn hostile_statements_are_planned_or_refused() {
    let of_frameworks =
        FRAMEWORKS.iter().flat_map(|framework| framework.sql.split_inclusive(";\n")).map(str::to_owned);
    let statements: Vec<String> = of_frameworks.collect();
    let of_cases = crate::all_cases().into_iter().map(|case| case.sql);
    let sources: Vec<String> = of_cases.filter(|sql| sql.len() < 4000).collect();
    let tried = std::env::var("PEERS_SQL").ok().and_then(|text| text.parse().ok()).unwrap_or(TRIED);
    for seed in 0..tried {
        let mut prng = Prng::new(seed ^ 0x5917_e5e1);
        let mut data = vec![prng.below(256) as u8];
        data.extend_from_slice(changed(&mut prng, &sources, &statements).as_bytes());
        let found = std::panic::catch_unwind(|| hostile::check(&data));
        assert!(found.is_ok(), "seed {seed}: mode {} of {}", data[0], String::from_utf8_lossy(&data[1..]));
    }
}

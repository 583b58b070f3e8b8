//! Random expressions, each from a seed: every translation must compute the same as SQLite.

use super::prng::Prng;
use super::with_judge;

/// The number of expressions of an ordinary run.
const COUNT: u64 = 300;

/// The first seed.
const FIRST_SEED: u64 = 1;

/// The nesting depth of expressions.
const DEPTH: u32 = 3;

const INTEGERS: &[&str] = &[
    "k",
    "n",
    "w",
    "h",
    "b",
    "f",
    "0",
    "1",
    "-1",
    "2",
    "7",
    "NULL",
    "length(s)",
    "ms / 1000",
    "0x10",
    "instr(s, 'a')",
    "unixepoch(wall)",
    "CAST(s AS INTEGER)",
    "CAST(q AS INTEGER)",
    "i",
];
const FLOATS: &[&str] =
    &["q", "r", "0.5", "-1.5", "1e3", "CAST(k AS REAL)", "julianday(day)", "round(q)", "NULL"];
const TEXTS: &[&str] = &[
    "s",
    "t",
    "c",
    "p",
    "'abc'",
    "'B'",
    "''",
    "'a%'",
    "NULL",
    "u",
    "date(day)",
    "strftime('%Y', wall)",
    "CAST(k AS TEXT)",
    "hex(x)",
];
const CONDITIONS: &[&str] = &[
    "b",
    "f",
    "NOT b",
    "s IS NULL",
    "ms > 0",
    "day = '2024-02-29'",
    "k IN (1, 2, NULL)",
    "j ->> 'b' = 'x'",
    "json_valid(j)",
    "x > x'00'",
    "t LIKE 'a%'",
    "s GLOB '[a-c]*'",
    "u = '0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'",
    "wall < day || ' 00:00:00'",
];

struct Grammar {
    prng: Prng,
}

impl Grammar {
    fn integer(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.prng.pick(INTEGERS).to_owned();
        }
        let depth = depth - 1;
        match self.prng.below(12) {
            0..=3 => {
                let operator = self.prng.pick(&["+", "-", "*", "/", "%", "&", "|", "<<", ">>"]);
                format!("({} {operator} {})", self.integer(depth), self.integer(depth))
            }
            4 => format!("(-{})", self.integer(depth)),
            5 => format!("(~{})", self.integer(depth)),
            6 => format!("coalesce({}, {})", self.integer(depth), self.integer(depth)),
            7 => format!("nullif({}, {})", self.integer(depth), self.integer(depth)),
            8 => format!("max({}, {})", self.integer(depth), self.integer(depth)),
            9 => format!("iif({}, {}, {})", self.condition(depth), self.integer(depth), self.integer(depth)),
            10 => format!("length({})", self.text(depth)),
            _ => format!("({})", self.condition(depth)),
        }
    }

    fn float(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.prng.pick(FLOATS).to_owned();
        }
        let depth = depth - 1;
        match self.prng.below(6) {
            0 | 1 => {
                let operator = self.prng.pick(&["+", "-", "*", "/", "%"]);
                format!("({} {operator} {})", self.float(depth), self.number(depth))
            }
            2 => format!("abs({})", self.float(depth)),
            3 => format!("coalesce({}, {})", self.float(depth), self.number(0)),
            4 => format!("(-{})", self.float(depth)),
            _ => format!("iif({}, {}, {})", self.condition(depth), self.float(depth), self.float(depth)),
        }
    }

    fn number(&mut self, depth: u32) -> String {
        if self.prng.one_in(3) { self.float(depth) } else { self.integer(depth) }
    }

    fn text(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.prng.pick(TEXTS).to_owned();
        }
        let depth = depth - 1;
        match self.prng.below(9) {
            0 => format!("({} || {})", self.text(depth), self.text(depth)),
            1 => format!(
                "{}({})",
                self.prng.pick(&["upper", "lower", "trim", "rtrim", "ltrim"]),
                self.text(depth)
            ),
            2 => format!("substr({}, {}, {})", self.text(depth), self.integer(0), self.integer(0)),
            3 => format!("replace({}, {}, {})", self.text(depth), self.text(0), self.text(0)),
            4 => format!("coalesce({}, {})", self.text(depth), self.text(depth)),
            5 => format!("nullif({}, {})", self.text(depth), self.text(depth)),
            6 => format!("CASE WHEN {} THEN {} END", self.condition(depth), self.text(depth)),
            7 => format!("printf('%s-%05d', {}, {})", self.text(depth), self.integer(depth)),
            _ => format!("({} COLLATE {})", self.text(0), self.prng.pick(&["NOCASE", "RTRIM", "BINARY"])),
        }
    }

    fn condition(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.prng.pick(CONDITIONS).to_owned();
        }
        let depth = depth - 1;
        let operator =
            self.prng.pick(&["=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT", "==", "IS DISTINCT FROM"]);
        match self.prng.below(9) {
            0 => format!("({} {operator} {})", self.integer(depth), self.integer(depth)),
            1 => format!("({} {operator} {})", self.number(depth), self.number(depth)),
            2 => format!("({} {operator} {})", self.text(depth), self.text(depth)),
            3 => format!("({} AND {})", self.condition(depth), self.condition(depth)),
            4 => format!("({} OR {})", self.condition(depth), self.condition(depth)),
            5 => format!("(NOT {})", self.condition(depth)),
            6 => format!("({} BETWEEN {} AND {})", self.integer(depth), self.integer(0), self.integer(0)),
            7 => format!("({} IN ({}, {}))", self.text(depth), self.text(0), self.text(0)),
            _ => format!("({} IS NULL)", self.text(depth)),
        }
    }

    fn expression(&mut self) -> String {
        match self.prng.below(4) {
            0 => self.integer(DEPTH),
            1 => self.float(DEPTH),
            2 => self.text(DEPTH),
            _ => self.condition(DEPTH),
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

#[test]
fn random_expressions_compute_the_same() {
    let first = number("EXPRESSIONS_SEED").unwrap_or(FIRST_SEED);
    let count = number("EXPRESSIONS").unwrap_or(COUNT);
    with_judge(|judge| {
        let (mut wrong, mut translated) = (Vec::new(), 0);
        for seed in first..first + count {
            let expression = Grammar { prng: Prng::new(seed) }.expression();
            let found = judge.judge(&expression);
            translated += u64::from(!found.translations.is_empty());
            wrong.extend(found.differences.iter().map(|wrong| format!("EXPRESSIONS_SEED={seed}: {wrong}")));
        }
        assert!(translated * 3 > count, "only {translated} of {count} are translated");
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    });
}

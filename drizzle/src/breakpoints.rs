//! SQL without the text at which Drizzle's migrator splits a file, wherever that text stands: in comments, strings and names of the plan.

/// Where the migrator splits.
const BREAKPOINT: &str = "--> statement-breakpoint";

/// Returns SQL of the same meaning that the migrator does not split.
pub(crate) fn without_breakpoints(sql: &str) -> String {
    if !sql.contains(BREAKPOINT) {
        return sql.to_owned();
    }
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, out.ends_with(['E', 'e']));
        let (token, behind) = rest.split_at(length);
        match first {
            _ if !token.contains(BREAKPOINT) => out.push_str(token),
            '\'' if out.ends_with(['E', 'e']) => out.push_str(&escaped(token, r"\x3e")),
            '\'' => out.push_str(&format!("E{}", escaped(&token.replace('\\', r"\\"), r"\x3e"))),
            '"' => out.push_str(&format!("U&{}", escaped(&token.replace('\\', r"\\"), r"\003e"))),
            '$' => {
                let quote = token.get(..dollar_quote(token).unwrap_or(0)).unwrap_or_default();
                let body = token.strip_prefix(quote).and_then(|body| body.strip_suffix(quote));
                out.push_str(&format!("{quote}{}{quote}", without_breakpoints(body.unwrap_or_default())));
            }
            _ => out.push_str(&token.replace(BREAKPOINT, "-- > statement-breakpoint")),
        }
        rest = behind;
    }
    out
}

fn escaped(token: &str, greater: &str) -> String {
    token.replace(BREAKPOINT, &BREAKPOINT.replace('>', greater))
}

/// The length of the comment, the string, the quoted name or the single character that `sql` begins with.
fn token_length(sql: &str, has_escapes: bool) -> usize {
    match sql.chars().next() {
        Some('-') if sql.starts_with("--") => sql.find('\n').unwrap_or(sql.len()),
        Some(quote @ ('\'' | '"')) => quoted_length(sql, quote, has_escapes && quote == '\''),
        Some('$') => dollar_quote(sql).map_or(1, |length| {
            let (quote, body) = sql.split_at(length);
            body.find(quote).map_or(sql.len(), |end| end + 2 * length)
        }),
        Some(letter) => letter.len_utf8(),
        None => 0,
    }
}

/// The length of what is quoted; a doubled quote is a part of it, and so is an escaped one in a string with escapes.
fn quoted_length(sql: &str, quote: char, has_escapes: bool) -> usize {
    let (mut is_open, mut is_escaped) = (false, false);
    for (place, letter) in sql.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if letter == '\\' && has_escapes && is_open {
            is_escaped = true;
        } else if letter == quote {
            is_open = !is_open;
        } else if !is_open {
            return place;
        }
    }
    sql.len()
}

/// The length of a dollar quote.
fn dollar_quote(sql: &str) -> Option<usize> {
    let behind = sql.strip_prefix('$')?;
    let end = behind.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    let is_parameter = behind.starts_with(|first: char| first.is_ascii_digit());
    (behind.get(end..)?.starts_with('$') && !is_parameter).then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_split_and_nothing_changes_its_meaning() {
        for (sql, expected) in [
            ("SELECT 1; -- plain\n", "SELECT 1; -- plain\n"),
            ("-- a --> statement-breakpoint b\nSELECT 1", "-- a -- > statement-breakpoint b\nSELECT 1"),
            ("SELECT 'it''s --> statement-breakpoint \\'", r"SELECT E'it''s --\x3e statement-breakpoint \\'"),
            (r"SELECT E'\' --> statement-breakpoint'", r"SELECT E'\' --\x3e statement-breakpoint'"),
            ("SELECT \"--> statement-breakpoint\\\"", r#"SELECT U&"--\003e statement-breakpoint\\""#),
            (
                "AS $trigger$ BEGIN; -- --> statement-breakpoint\nEND $trigger$; SELECT '-'",
                "AS $trigger$ BEGIN; -- -- > statement-breakpoint\nEND $trigger$; SELECT '-'",
            ),
            ("SELECT $1, 'x'; ---> statement-breakpoint", "SELECT $1, 'x'; --- > statement-breakpoint"),
        ] {
            let found = without_breakpoints(sql);
            assert_eq!(found, expected);
            assert!(!found.contains(BREAKPOINT));
        }
    }
}

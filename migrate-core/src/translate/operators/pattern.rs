//! LIKE and GLOB. SQLite's LIKE ignores the case of ASCII letters and has no default escape; its GLOB is case-sensitive,
//! and has sets of characters.

use sqlite3_parser::ast::LikeOperator;

use super::compare::in_c;
use crate::identifier::quote_pg_literal;
use crate::translate::model::{Constant, Kind, Node, Result, Untranslatable};

pub(crate) fn matched(
    operator: LikeOperator,
    value: &Node,
    wanted: &Node,
    escape: Option<&Node>,
) -> Result<Node> {
    let value = value.text()?;
    let sql = match operator {
        LikeOperator::Like => like(&value, &wanted.text()?, escape)?,
        LikeOperator::Glob => glob(&value, wanted)?,
        LikeOperator::Match => return Err(Untranslatable::Match),
        LikeOperator::Regexp => return Err(Untranslatable::Regexp),
    };
    Ok(Node::compound(Kind::Truth, sql).strict([&value, wanted]))
}

fn like(value: &Node, wanted: &Node, escape: Option<&Node>) -> Result<String> {
    if let (Some(Constant::Text(pattern)), Some(Some(Constant::Text(escape)))) =
        (&wanted.constant, escape.map(|escape| &escape.constant))
    {
        return like_literal(value, pattern, escape);
    }
    let escape = match escape.map(|escape| &escape.constant) {
        None => "''".to_owned(),
        // PostgreSQL fails if a pattern ends with its escape.
        Some(_) => return Err(Untranslatable::EscapedPattern),
    };
    let pattern = match &wanted.constant {
        Some(Constant::Text(text)) => quote_pg_literal(&text.to_ascii_lowercase()),
        _ => format!("lower({})", in_c(wanted)),
    };
    let has_letters = !matches!(&wanted.constant, Some(Constant::Text(text)) if !text.contains(|letter: char| letter.is_ascii_alphabetic()));
    let value = if has_letters { format!("lower({})", in_c(value)) } else { value.operand() };
    // A pattern without a backslash needs no ESCAPE.
    let needs_escape =
        escape != "''" || !matches!(&wanted.constant, Some(Constant::Text(text)) if !text.contains('\\'));
    let escape = if needs_escape { format!(" ESCAPE {escape}") } else { String::new() };
    Ok(format!("{value} LIKE {pattern}{escape}"))
}

/// Translates LIKE with a literal pattern and a literal escape.
fn like_literal(value: &Node, pattern: &str, escape: &str) -> Result<String> {
    let mut letters = escape.chars();
    let (Some(escape), None) = (letters.next(), letters.next()) else {
        return Err(Untranslatable::LongEscape);
    };
    // A letter would be folded with the pattern, so that it needs another escape.
    let new = if escape.is_alphabetic() || escape == '%' || escape == '_' { '\\' } else { escape };
    let mut written = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let (letter, is_plain) = if letter == escape {
            match letters.next() {
                Some(letter) => (letter, true),
                None => return Err(Untranslatable::TrailingEscape),
            }
        } else {
            (letter, letter == new)
        };
        if is_plain {
            written.push(new);
        }
        written.push(letter.to_ascii_lowercase());
    }
    let value = format!("lower({})", in_c(value));
    let escape = quote_pg_literal(&new.to_string());
    Ok(format!("{value} LIKE {} ESCAPE {escape}", quote_pg_literal(&written)))
}

fn glob(value: &Node, wanted: &Node) -> Result<String> {
    let Some(Constant::Text(pattern)) = &wanted.constant else {
        return Err(Untranslatable::GlobPattern);
    };
    let regular = regular_expression(pattern)?;
    Ok(format!("{} ~ {}", value.operand(), quote_pg_literal(&regular)))
}

/// Returns the regular expression (PostgreSQL manual, section 9.7.3) that is equivalent to a pattern of GLOB.
fn regular_expression(pattern: &str) -> Result<String> {
    let mut out = "^".to_owned();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                let mut set = String::new();
                // The first character is literal, even if it is the one that closes a set.
                set.extend(rest.next());
                let mut is_closed = false;
                for letter in rest.by_ref() {
                    if letter == ']' {
                        is_closed = true;
                        break;
                    }
                    set.push(letter);
                }
                if !is_closed || set.is_empty() {
                    return Err(Untranslatable::GlobSet);
                }
                if set.get(1..).is_some_and(|rest| rest.starts_with('-'))
                    && set.starts_with([']', '[', '\\', '^'])
                {
                    return Err(Untranslatable::GlobSet);
                }
                for letter in set.chars() {
                    if ['[', ']', '\\', '^'].contains(&letter) {
                        out.push('\\');
                    }
                    out.push(letter);
                }
                out.push(']');
            }
            letter => {
                if !letter.is_alphanumeric() && letter.is_ascii() && letter != ' ' && letter != '_' {
                    out.push('\\');
                }
                out.push(letter);
            }
        }
    }
    out.push('$');
    Ok(out)
}

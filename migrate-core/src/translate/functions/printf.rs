//! `printf`, with the directives that both databases format alike: `%s`, `%d`, `%x`, with a width, and `%%`.

use crate::translate::model::{Kind, Node, Result, Untranslatable};

/// A directive.
struct Directive {
    letter: char,
    is_left: bool,
    is_zeroed: bool,
    width: usize,
    decimals: Option<usize>,
}

pub(super) fn formatted(format: &str, arguments: &[Node]) -> Result<Node> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut left = arguments.iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let Some((directive, after)) = read(after) else {
            return Err(Untranslatable::PrintfDirective);
        };
        rest = after;
        if directive.letter == '%' {
            plain.push('%');
            continue;
        }
        if !plain.is_empty() {
            pieces.push(Node::of_text(&std::mem::take(&mut plain)).sql);
        }
        let Some(argument) = left.next() else { return Err(Untranslatable::PrintfArguments) };
        pieces.push(written(&directive, argument)?);
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Node::of_text(&plain).sql);
    }
    let node = Node::atom(Kind::Text, pieces.join(" || ")).made_of(arguments).not_null();
    Ok(Node { is_atom: pieces.len() == 1, ..node })
}

/// Parses the directive at the beginning of `text`, and returns the rest.
fn read(text: &str) -> Option<(Directive, &str)> {
    let after_flags = text.trim_start_matches(['-', '0']);
    let flags = text.strip_suffix(after_flags)?;
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (width, mut rest) = after_flags.split_at_checked(digits(after_flags))?;
    let mut decimals = None;
    if let Some(after) = rest.strip_prefix('.') {
        let (number, after) = after.split_at_checked(digits(after))?;
        decimals = Some(number.parse().ok()?);
        rest = after;
    }
    let letter = rest.chars().next().filter(|letter| "dsixXf%".contains(*letter))?;
    let width = if width.is_empty() { 0 } else { width.parse().ok().filter(|width| *width <= 1000)? };
    let directive = Directive {
        letter: if letter == 'i' { 'd' } else { letter },
        is_left: flags.contains('-'),
        is_zeroed: flags.contains('0') && !flags.contains('-'),
        width,
        decimals,
    };
    Some((directive, &rest[letter.len_utf8()..]))
}

/// Returns the SQL of an argument as the directive formats it.
fn written(directive: &Directive, argument: &Node) -> Result<String> {
    let Directive { letter, is_left, is_zeroed, width, decimals } = directive;
    let number = || -> Result<String> {
        match argument.kind {
            Kind::Integer | Kind::Truth => Ok(or_zero(&argument.number()?)),
            Kind::Null => Ok("0".to_owned()),
            _ => Err(Untranslatable::PrintfInteger { letter: *letter }),
        }
    };
    let (digits, is_negative) = match (letter, decimals) {
        // SQLite measures the width of text in bytes.
        ('s', None) if *width == 0 => {
            let text = argument.text()?;
            let sql = if text.is_not_null { text.operand() } else { format!("coalesce({}, '')", text.sql) };
            return Ok(sql);
        }
        ('d', None) => {
            let number = number()?;
            if *width == 0 {
                return Ok(format!("{number}::text"));
            }
            (format!("abs({number}::numeric)::text"), Some(format!("{number} < 0")))
        }
        ('x', None) => (format!("to_hex({}::bigint)", number()?), None),
        ('X', None) => (format!("upper(to_hex({}::bigint))", number()?), None),
        ('f', decimals) => {
            let number = number()?;
            let zeros = match decimals.unwrap_or(6) {
                0 => String::new(),
                decimals @ 1..=20 => format!(".{}", "0".repeat(decimals)),
                _ => return Err(Untranslatable::PrintfDecimals),
            };
            // SQLite prints larger numbers with the digits of a float.
            if argument.bound > 1 << 50 {
                return Err(Untranslatable::PrintfLargeInteger);
            }
            (format!("abs({number}::bigint)::text || '{zeros}'"), Some(format!("{number} < 0")))
        }
        _ => return Err(Untranslatable::PrintfWidth { letter: *letter }),
    };
    Ok(padded(&digits, is_negative.as_deref(), *width, *is_left, *is_zeroed))
}

fn or_zero(number: &Node) -> String {
    if number.is_not_null { number.operand() } else { format!("coalesce({}, 0)", number.sql) }
}

/// Returns digits with their sign, padded to a width but never cut.
fn padded(digits: &str, is_negative: Option<&str>, width: usize, is_left: bool, is_zeroed: bool) -> String {
    let fill = |text: &str, width: &str, function: &str, with: &str| {
        format!("{function}({text}, greatest({width}, length({text})), '{with}')")
    };
    let signed = match is_negative {
        None => format!("({digits})"),
        Some(is_negative) => format!("(CASE WHEN {is_negative} THEN '-' ELSE '' END || {digits})"),
    };
    if width == 0 {
        return signed;
    }
    match (is_zeroed, is_negative) {
        (true, Some(is_negative)) => format!(
            "(CASE WHEN {is_negative} THEN '-' || {} ELSE {} END)",
            fill(&format!("({digits})"), &(width - 1).to_string(), "lpad", "0"),
            fill(&format!("({digits})"), &width.to_string(), "lpad", "0")
        ),
        (true, None) => fill(&signed, &width.to_string(), "lpad", "0"),
        (false, _) => fill(&signed, &width.to_string(), if is_left { "rpad" } else { "lpad" }, " "),
    }
}

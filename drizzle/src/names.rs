//! Names and literals of TypeScript: camelCase, unique names, strings and template literals.

use std::collections::BTreeSet;

use unicode_ident::{is_xid_continue, is_xid_start};

/// The parameter of a table's constraints.
pub(crate) const TABLE_PARAMETER: &str = "table";

/// Words that cannot be the name of a constant in a module (ECMAScript 2024, section 12.7.2), and names that a constant would hide from
/// the generated code.
const NOT_CONSTANTS: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "Buffer",
    "Date",
    "NaN",
    "Infinity",
    TABLE_PARAMETER,
];

/// Properties that a table of Drizzle has itself, or that an object literal does not define.
const NOT_PROPERTIES: &[&str] = &[
    "$inferInsert",
    "$inferSelect",
    "_",
    "__proto__",
    "constructor",
    "enableRLS",
    "getSQL",
    "shouldOmitSQLParens",
];

/// Names in use in one scope.
pub(crate) struct Names {
    reserved: BTreeSet<String>,
    taken: BTreeSet<String>,
    /// What is added to a name that is reserved.
    suffix: &'static str,
}

impl Names {
    /// The exported constants of a module, in which `imported` names have another meaning.
    pub(crate) fn constants<'a>(imported: impl IntoIterator<Item = &'a str>) -> Names {
        let reserved = NOT_CONSTANTS.iter().copied().chain(imported).map(str::to_owned).collect();
        Names { reserved, taken: BTreeSet::new(), suffix: "Table" }
    }

    /// Keeps a name for something else.
    pub(crate) fn reserve(&mut self, name: &str) {
        self.reserved.insert(name.to_owned());
    }

    /// The properties of a table.
    pub(crate) fn properties() -> Names {
        let reserved = NOT_PROPERTIES.iter().map(|name| (*name).to_owned()).collect();
        Names { reserved, taken: BTreeSet::new(), suffix: "Column" }
    }

    /// Returns a free name for something of this name in the database: its camelCase form, with a word added where that is reserved, and
    /// with a number where it is taken.
    pub(crate) fn add(&mut self, name: &str) -> String {
        let mut plain = camel_case(name);
        if self.reserved.contains(&plain) {
            plain.push_str(self.suffix);
        }
        let mut free = plain.clone();
        let mut number = 1_u32;
        while self.reserved.contains(&free) || !self.taken.insert(free.clone()) {
            number += 1;
            free = format!("{plain}{number}");
        }
        free
    }
}

/// Returns a name in camelCase: `user_id`, `UserID` and `user id` become `userId`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut out = String::new();
    for word in words(name) {
        let lower = word.to_lowercase();
        let mut letters = lower.chars();
        match letters.next() {
            Some(first) if !out.is_empty() => {
                out.extend(first.to_uppercase());
                out.push_str(letters.as_str());
            }
            _ => out.push_str(&lower),
        }
    }
    match out.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if is_xid_start(first) => out,
        Some(_) => format!("_{out}"),
    }
}

/// The words of a name: they end before a character that is neither letter nor digit, before an uppercase letter after a lowercase one, and
/// before the last of several uppercase letters that a lowercase one follows.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (place, &letter) in letters.iter().enumerate() {
        if !is_part(letter) {
            words.push(String::new());
            continue;
        }
        let before = place.checked_sub(1).and_then(|before| letters.get(before));
        let follows_lower = before.is_some_and(|before| !before.is_uppercase() && is_part(*before));
        let ends_capitals = before.is_some_and(|before| before.is_uppercase())
            && letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (follows_lower || ends_capitals) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a character may be in an identifier (ECMAScript 2024, section 12.7; Unicode's annex 31), and joins no words. Not every
/// alphabetic character may.
fn is_part(letter: char) -> bool {
    is_xid_continue(letter) && letter != '_'
}

/// Returns `text` as a string literal.
pub(crate) fn string(text: &str) -> String {
    let mut out = "'".to_owned();
    for letter in text.chars() {
        match letter {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_invisible(letter) => out.push_str(&escape(letter)),
            _ => out.push(letter),
        }
    }
    out.push('\'');
    out
}

/// Returns SQL as a template literal of Drizzle's `sql`.
pub(crate) fn sql(text: &str) -> String {
    let mut out = "sql`".to_owned();
    for letter in text.chars() {
        match letter {
            '`' => out.push_str("\\`"),
            '\\' => out.push_str("\\\\"),
            '$' => out.push_str("\\$"),
            // JavaScript reads a carriage return in a template as a line feed.
            '\r' => out.push_str("\\r"),
            '\n' => out.push('\n'),
            _ if is_invisible(letter) => out.push_str(&escape(letter)),
            _ => out.push(letter),
        }
    }
    out.push('`');
    out
}

/// Returns `text` for a comment of one line.
pub(crate) fn comment(text: &str) -> String {
    let shown = |letter: char| if letter.is_whitespace() || is_invisible(letter) { ' ' } else { letter };
    text.chars().map(shown).collect()
}

/// Whether a character is better seen as an escape: controls, other line ends, and marks of direction.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(letter, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escape(letter: char) -> String {
    format!("\\u{{{:x}}}", u32::from(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_camel_case() {
        for (name, expected) in [
            ("user_id", "userId"),
            ("userId", "userId"),
            ("UserID", "userId"),
            ("URLPath", "urlPath"),
            ("ID", "id"),
            ("order details", "orderDetails"),
            ("__proto__", "proto"),
            ("2fa_codes", "_2faCodes"),
            ("oauth2_token", "oauth2Token"),
            ("a-b.c", "aBC"),
            ("größe_cm", "größeCm"),
            ("ΟΔΟΣ", "οδος"),
            ("таблица", "таблица"),
            ("ⓐbc", "bc"),
            ("\u{902}", "_\u{902}"),
            ("a\u{902}", "a\u{902}"),
            ("e\u{301}tat", "e\u{301}tat"),
            ("price €", "price"),
            ("ⓐ", "unnamed"),
            ("٣x", "_٣x"),
            ("", "unnamed"),
            ("'; --", "unnamed"),
        ] {
            assert_eq!(camel_case(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_given_once_and_hides_nothing() {
        let mut constants = Names::constants(["text", "sql"]);
        for (name, expected) in [
            ("users", "users"),
            ("Users", "users2"),
            ("text", "textTable"),
            ("class", "classTable"),
            ("CLASS", "classTable2"),
            ("text_table", "textTable2"),
            ("table", "tableTable"),
        ] {
            assert_eq!(constants.add(name), expected, "{name}");
        }
        let mut properties = Names::properties();
        for (name, expected) in [
            ("class", "class"),
            ("constructor", "constructorColumn"),
            ("__proto__", "proto"),
            ("enableRLS", "enableRls"),
            ("", "unnamed"),
        ] {
            assert_eq!(properties.add(name), expected, "{name}");
        }
    }

    #[test]
    fn literals_keep_every_character() {
        assert_eq!(string("it's \\ a\n\u{202e}"), "'it\\'s \\\\ a\\n\\u{202e}'");
        assert_eq!(sql("a `b` ${c} \\ \r\n"), "sql`a \\`b\\` \\${c} \\\\ \\r\n`");
    }
}

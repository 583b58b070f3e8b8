//! Damage to texts: a text becomes a similar one.

use migrate_core::conversion::PgType;

use crate::chance::Chance;
use crate::kinds::{Kind, To, to};

const TEXT: &[PgType] = &[PgType::Text];
const THERE: &str = "{} IS NOT NULL";
const SOME: &str = "{} <> ''";

/// Pairs of letters that look the same.
const ALIKE: &[(char, &str)] = &[
    ('a', "а"),
    ('e', "е"),
    ('o', "о"),
    ('c', "с"),
    ('p', "р"),
    ('x', "х"),
    ('A', "Α"),
    ('B', "В"),
    ('E', "Е"),
    ('1', "l"),
    ('0', "O"),
    ('-', "‐"),
    ('\'', "’"),
];

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::value("text: a space behind", TEXT, THERE, |_, text| to(format!("{text} "))),
    Kind::value("text: a space before", TEXT, THERE, |_, text| to(format!(" {text}"))),
    Kind::value(
        "text: spaces at its ends gone",
        TEXT,
        "{} ~ '(^ | $)'",
        |_, text| to(text.trim_matches(' ')),
    ),
    Kind::value("text: the case of a letter", TEXT, "{} ~ '[a-zA-Z]'", |chance, text| {
        at_letter(
            chance,
            text,
            |letter| letter.is_ascii_alphabetic(),
            |letter| {
                let is_capital = letter.is_ascii_uppercase();
                let other =
                    if is_capital { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
                other.to_string()
            },
        )
    }),
    Kind::value("text: another letter", TEXT, SOME, |chance, text| {
        at_letter(
            chance,
            text,
            |_| true,
            |letter| if letter == 'x' { "y".to_owned() } else { "x".to_owned() },
        )
    }),
    Kind::value("text: two letters exchanged", TEXT, "length({}) > 1", |chance, text| {
        let mut letters: Vec<char> = text.chars().collect();
        let place = chance.below(letters.len() - 1);
        letters.swap(place, place + 1);
        to(letters.into_iter().collect::<String>())
    }),
    Kind::value(
        "text: composed or decomposed (NFC, NFD)",
        TEXT,
        "{} ~ '[éäöüßÉ]|\u{301}'",
        |_, text| {
            let other = if text.contains('\u{301}') {
                text.replace("e\u{301}", "é")
            } else {
                let pairs = [
                    ("é", "e\u{301}"),
                    ("É", "E\u{301}"),
                    ("ä", "a\u{308}"),
                    ("ö", "o\u{308}"),
                    ("ü", "u\u{308}"),
                ];
                pairs.iter().fold(text.to_owned(), |text, (one, two)| text.replace(one, two))
            };
            to(other)
        },
    ),
    Kind::value("text: a letter that looks alike", TEXT, "{} ~ '[aeocpxABE10-]'", |chance, text| {
        let is_one = |letter: char| ALIKE.iter().any(|(other, _)| *other == letter);
        at_letter(chance, text, is_one, |letter| {
            ALIKE.iter().find(|(other, _)| *other == letter).map_or("?", |(_, alike)| alike).to_owned()
        })
    }),
    Kind::value("text: something without width", TEXT, THERE, |chance, text| {
        let letters: Vec<char> = text.chars().collect();
        let place = chance.below(letters.len() + 1);
        let hidden = *chance.pick(&['\u{200b}', '\u{200d}', '\u{feff}', '\u{ad}', '\u{2060}', '\u{202c}'])?;
        to(letters[..place].iter().chain([&hidden]).chain(&letters[place..]).collect::<String>())
    }),
    Kind::value("text: cut at its end", TEXT, SOME, |_, text| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.pop();
        to(letters.into_iter().collect::<String>())
    }),
    Kind::value("text: cut in the middle of many", TEXT, "length({}) > 20", |chance, text| {
        to(text.chars().take(10 + chance.below(10)).collect::<String>())
    }),
    Kind::value("text: NULL for the empty one", TEXT, "{} = ''", |_, _| Some(To::Null)),
    Kind::value("text: the empty one for NULL", TEXT, "{} IS NULL", |_, _| to("")),
    Kind::value("text: the word NULL for NULL", TEXT, "{} IS NULL", |_, _| to("NULL")),
    Kind::value("text: a tab for a space", TEXT, "{} ~ ' '", |_, text| to(text.replacen(' ', "\t", 1))),
    Kind::value("text: a hard space for a space", TEXT, "{} ~ ' '", |_, text| {
        to(text.replacen(' ', "\u{a0}", 1))
    }),
    Kind::value("text: CR LF for LF", TEXT, "{} LIKE E'%\\n%'", |_, text| to(text.replacen('\n', "\r\n", 1))),
    Kind::value("text: a line's end behind", TEXT, THERE, |_, text| to(format!("{text}\n"))),
    Kind::value("text: read as another encoding", TEXT, "octet_length({}) > length({})", |_, text| {
        to(text.bytes().map(char::from).filter(|letter| *letter != '\0').collect::<String>())
    }),
    Kind::value(
        "text: a question mark for a letter",
        TEXT,
        "octet_length({}) > length({})",
        |chance, text| at_letter(chance, text, |letter| !letter.is_ascii(), |_| "?".to_owned()),
    ),
    Kind::value("text: quotes doubled", TEXT, "{} ~ '[''\"]'", |_, text| {
        to(text.replace('\'', "''").replace('"', "\"\""))
    }),
    Kind::value("text: a backslash doubled", TEXT, "position('\\' in {}) > 0", |_, text| {
        to(text.replacen('\\', "\\\\", 1))
    }),
];

/// Replaces one of the letters that satisfy a condition.
fn at_letter(
    chance: &mut Chance,
    text: &str,
    fits: impl Fn(char) -> bool,
    other: impl Fn(char) -> String,
) -> Option<To> {
    let places: Vec<(usize, char)> = text.char_indices().filter(|(_, letter)| fits(*letter)).collect();
    let (place, letter) = *chance.pick(&places)?;
    to(format!("{}{}{}", &text[..place], other(letter), &text[place + letter.len_utf8()..]))
}

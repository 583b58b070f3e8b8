//! What the text of a trigger function in PL/pgSQL says about the row that it is called for. Its words decide: nothing is run.

/// The columns of the new row that a function assigns to; none where the row may be replaced.
pub(super) fn assigned_columns(function: &str) -> Option<Vec<String>> {
    let words = words(function);
    let mut columns = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let next = |offset: usize| words.get(place + offset).map(String::as_str).unwrap_or_default();
        if word != "new" {
            continue;
        }
        let before = place.checked_sub(1).and_then(|place| words.get(place)).map(String::as_str);
        let begins =
            before.is_none_or(|word| [";", "begin", "then", "else", "loop", "into", ","].contains(&word));
        match (next(1), next(3)) {
            // `NEW := …` and `SELECT … INTO NEW`.
            (":=" | "=", _) if begins => return None,
            (".", ":=") => columns.push(next(2).to_owned()),
            (".", "=") if begins && before != Some(",") => columns.push(next(2).to_owned()),
            (".", _) if before == Some("into") => columns.push(next(2).to_owned()),
            (_, _) if before == Some("into") => return None,
            _ => {}
        }
    }
    Some(columns)
}

/// Whether a function may return no row, another row than the new one, or an error.
pub(super) fn drops_or_refuses(function: &str) -> bool {
    let words = words(function);
    let follows = |word: &str, allowed: &dyn Fn(&str) -> bool| {
        words.iter().zip(words.iter().skip(1)).any(|(one, next)| one == word && allowed(next))
    };
    let notes = ["notice", "info", "log", "debug", "warning"];
    follows("return", &|next| !matches!(next, "new" | "old"))
        || follows("raise", &|next| !notes.contains(&next))
        || words.iter().any(|word| word == "execute")
        || !words.iter().any(|word| word == "return")
}

/// The words and signs of a text in lower case, without comments and literals.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if letter == '\'' {
            words.push("''".to_owned());
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else if letter == '"' {
            let end = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
            words.push(rest[..end].trim_matches('"').to_owned());
            end
        } else if is_word(letter) {
            let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            words.push(rest[..end].to_lowercase());
            end
        } else if rest.starts_with(":=") {
            words.push(":=".to_owned());
            2
        } else {
            if !letter.is_whitespace() {
                words.push(letter.to_string());
            }
            letter.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read() {
        let function = "BEGIN -- NEW.x := 1\n IF NEW.a = OLD.a THEN NEW.b := 2; NEW.\"C\" = 'NEW.d := 3'; END IF; RETURN NEW; END";
        assert_eq!(assigned_columns(function), Some(vec!["b".to_owned(), "C".to_owned()]));
        assert!(!drops_or_refuses(function));
        assert_eq!(
            assigned_columns("BEGIN SELECT 1 INTO NEW.a; RETURN NEW; END"),
            Some(vec!["a".to_owned()])
        );
        assert_eq!(assigned_columns("BEGIN NEW := OLD; RETURN NEW; END"), None);
    }

    #[test]
    fn refusals_are_read() {
        for function in [
            "begin return null; end",
            "BEGIN RAISE EXCEPTION 'no'; END",
            "BEGIN IF x THEN RETURN NULL; END IF; RETURN NEW; END",
        ] {
            assert!(drops_or_refuses(function), "{function}");
        }
        assert!(!drops_or_refuses("BEGIN RAISE NOTICE 'seen'; RETURN NEW; END"));
    }
}

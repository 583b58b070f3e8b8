//! Forms of a name under which two spellings of it are the same: `snake_case`, without separators, without number. Decides nothing about which
//! names belong together.

/// `userId`, `UserID` and `user id` are all `user_id`.
pub(super) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (place, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            continue;
        }
        let before = place.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(place + 1);
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins_word && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// A name without its separators: `userid` and `user_id` are the same.
pub(super) fn joined(name: &str) -> String {
    snake_case(name).replace('_', "")
}

/// A name in `snake_case` whose last word has the same form in singular and plural: `UserCategories` and `user_category` are the same.
pub(super) fn without_number(name: &str) -> String {
    let snake = snake_case(name);
    let (lead, last) = snake.rsplit_once('_').map_or(("", snake.as_str()), |(lead, last)| (lead, last));
    let last = word_without_number(last);
    if lead.is_empty() { last } else { format!("{lead}_{last}") }
}

/// Nouns whose plural no rule forms.
const IRREGULAR: [(&str, &str); 5] =
    [("people", "person"), ("children", "child"), ("men", "man"), ("women", "woman"), ("indices", "index")];

/// A form that is no word: `caches` and `cache` are both `cach`, as `branches` and `branch` are both `branch`.
fn word_without_number(word: &str) -> String {
    if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    let is_plural = |rest: &&str| rest.len() > 1 && !["s", "u", "i"].iter().any(|end| rest.ends_with(end));
    let ends_in_ie = |word: &&str| word.len() > 2 && word.ends_with("ie");
    let one = word.strip_suffix('s').filter(|rest| is_plural(rest) || ends_in_ie(rest)).unwrap_or(word);
    if let Some(rest) = one.strip_suffix("ie").filter(|rest| rest.len() > 1) {
        return format!("{rest}y");
    }
    let takes_es = |rest: &&str| ["s", "x", "z", "ch", "sh"].iter().any(|end| rest.ends_with(end));
    one.strip_suffix('e').filter(takes_es).unwrap_or(one).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_names() {
        for (name, snake) in [
            ("userId", "user_id"),
            ("UserID", "user_id"),
            ("HTTPServer2Name", "http_server2_name"),
            ("created at", "created_at"),
            ("created_at", "created_at"),
            ("_id", "id"),
            ("ÄrgerÜber", "ärger_über"),
            ("", ""),
        ] {
            assert_eq!(snake_case(name), snake, "{name}");
        }
    }

    #[test]
    fn plural_and_singular_are_the_same() {
        for (many, one) in [
            ("users", "user"),
            ("UserCategories", "user_category"),
            ("boxes", "box"),
            ("branches", "branch"),
            ("caches", "cache"),
            ("sizes", "size"),
            ("cases", "case"),
            ("addresses", "address"),
            ("statuses", "status"),
            ("movies", "movie"),
            ("people", "person"),
            ("is", "is"),
            ("s", "s"),
            ("", ""),
        ] {
            assert_eq!(without_number(many), without_number(one), "{many}");
        }
        for (one, other) in
            [("status", "stat"), ("address", "addres"), ("user", "use"), ("a", "as"), ("post", "posting")]
        {
            assert_ne!(without_number(one), without_number(other), "{one}");
        }
    }
}

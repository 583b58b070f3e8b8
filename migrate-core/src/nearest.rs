//! The nearest name for a misspelt one.

/// The name that is fewest edits away from `name`, if it is near enough to be meant.
pub(crate) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let ranked = names.into_iter().map(|candidate| (edit_distance(name, candidate), candidate));
    let (distance, candidate) = ranked.min()?;
    (distance <= 1 + name.chars().count() / 3).then_some(candidate)
}

/// Levenshtein's distance, without regard to ASCII case.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().map(|letter| letter.to_ascii_lowercase()).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (place, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_could_be_meant() {
        for (name, names, expected) in [
            ("prioritty", ["priority", "payload"], Some("priority")),
            ("ass", ["as", "rename"], Some("as")),
            ("USERID", ["userId", "user"], Some("userId")),
            ("x", ["payload", "priority"], None),
            ("", ["a", "bcd"], Some("a")),
        ] {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
        assert_eq!(nearest("a", []), None);
    }
}

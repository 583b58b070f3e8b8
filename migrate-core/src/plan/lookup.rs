//! Finds an item of a plan by its name. It keeps no index: plans are lists that anyone may change.

/// Returns the item of this name. The items of a plan are ordered by their source names, and nearly always by their target names, too,
/// so that the search takes logarithmic time; where they are not, all of them are compared.
pub(super) fn by_name<'a, T>(items: &'a [T], name: &str, name_of: impl Fn(&T) -> &String) -> Option<&'a T> {
    match items.binary_search_by(|item| name_of(item).as_str().cmp(name)) {
        Ok(position) => items.get(position),
        Err(_) => items.iter().find(|item| name_of(item) == name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_whatever_their_order_is() {
        for names in [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"], ["c", "b", "a"]] {
            let items: Vec<String> = names.map(str::to_owned).to_vec();
            for name in names {
                assert_eq!(by_name(&items, name, |item| item).map(String::as_str), Some(name), "{names:?}");
            }
            assert_eq!(by_name(&items, "d", |item| item), None);
        }
    }

    #[test]
    fn an_item_of_an_ordered_list_is_found_by_few_comparisons() {
        let items: Vec<String> = (0..10_000).map(|number| format!("table_{number:05}")).collect();
        let compared = std::cell::Cell::new(0);
        for item in &items {
            assert_eq!(by_name(&items, item, |item| count(&compared, item)), Some(item));
        }
        assert!(compared.get() < 20 * items.len(), "{} comparisons", compared.get());
    }

    fn count<'a>(compared: &std::cell::Cell<usize>, item: &'a String) -> &'a String {
        compared.set(compared.get() + 1);
        item
    }
}

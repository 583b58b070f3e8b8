//! The cases that do not pass yet, each with the reason. A case that passes must be removed from this list, or its test fails.

/// The reason, and the cases.
pub const PENDING: &[(&str, &[&str])] = &[];

/// Returns why a case is pending, or none if it must pass.
pub fn pending(id: &str) -> Option<&'static str> {
    PENDING.iter().find(|(_, ids)| ids.contains(&id)).map(|(why, _)| *why)
}

#[test]
fn each_pending_case_is_listed_once_and_exists() {
    let mut known: Vec<&str> = crate::all_cases().iter().map(|case| case.id).collect();
    known.sort_unstable();
    let twice: Vec<_> = known.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "two cases have one id: {twice:?}");
    let mut ids: Vec<&str> = PENDING.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let unknown: Vec<_> = ids.iter().filter(|id| !known.contains(id)).collect();
    assert!(unknown.is_empty(), "no such cases: {unknown:?}");
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "a case is pending twice: {ids:?}");
}

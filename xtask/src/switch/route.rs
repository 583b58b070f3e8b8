//! The weights of an HTTPRoute: which share of requests reaches which Service. It edits the rules as values and asks no cluster.

use serde_json::{Value, json};

/// The two Services between which requests are divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backends {
    /// The Service of the app on PostgreSQL.
    pub(crate) postgres: String,
    /// The Service of the app on SQLite.
    pub(crate) sqlite: String,
}

/// Which requests are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    /// All of them.
    All,
    /// Those that read, GET and HEAD; all others reach SQLite.
    Reading,
}

/// Why a route cannot divide the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsuited {
    /// No rule names both Services.
    NoRule,
    /// No rule that names both is for reading requests alone.
    NoReadingRule,
}

/// Returns the rules with `share_percent` of the requests for PostgreSQL. All other fields stay.
pub(crate) fn divided(
    route: &Value,
    backends: &Backends,
    requests: Requests,
    share_percent: u8,
) -> Result<Value, Unsuited> {
    let mut rules = route.pointer("/spec/rules").cloned().unwrap_or_else(|| json!([]));
    let (mut edited, mut edited_reading) = (0, 0);
    for rule in rules.as_array_mut().into_iter().flatten() {
        let is_reading = is_reading(rule);
        let share = match requests {
            Requests::All => share_percent,
            Requests::Reading if is_reading => share_percent,
            Requests::Reading => 0,
        };
        let Some(references) = rule.get_mut("backendRefs").and_then(Value::as_array_mut) else { continue };
        let has = |name: &str| references.iter().any(|reference| names(reference, name));
        if !has(&backends.postgres) || !has(&backends.sqlite) {
            continue;
        }
        for reference in references {
            let weight = if names(reference, &backends.postgres) {
                share
            } else if names(reference, &backends.sqlite) {
                100_u8.saturating_sub(share)
            } else {
                continue;
            };
            reference["weight"] = json!(weight);
        }
        edited += 1;
        edited_reading += u32::from(is_reading);
    }
    match (edited, requests, edited_reading) {
        (0, ..) => Err(Unsuited::NoRule),
        (_, Requests::Reading, 0) => Err(Unsuited::NoReadingRule),
        _ => Ok(rules),
    }
}

/// The name of the Service that `postgres` shares a rule with; none if there is no such rule.
pub(crate) fn other_backend(route: &Value, postgres: &str) -> Option<String> {
    let rules = route.pointer("/spec/rules")?.as_array()?;
    rules.iter().find_map(|rule| {
        let references = rule.get("backendRefs")?.as_array()?;
        let others = references.iter().filter(|reference| !names(reference, postgres));
        let has = references.iter().any(|reference| names(reference, postgres));
        has.then_some(())?;
        others.into_iter().next()?.get("name")?.as_str().map(str::to_owned)
    })
}

fn names(reference: &Value, service: &str) -> bool {
    let is_service = reference.get("kind").and_then(Value::as_str).is_none_or(|kind| kind == "Service");
    is_service && reference.get("name").and_then(Value::as_str) == Some(service)
}

/// Whether each match of a rule is for GET or HEAD. A rule without a match takes every request.
fn is_reading(rule: &Value) -> bool {
    let matches = rule.get("matches").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let reads = |found: &Value| matches!(found.get("method").and_then(Value::as_str), Some("GET" | "HEAD"));
    !matches.is_empty() && matches.iter().all(reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backends() -> Backends {
        Backends { postgres: "shop".to_owned(), sqlite: "shop-sqlite".to_owned() }
    }

    fn route() -> Value {
        json!({"spec": {"hostnames": ["shop.example"], "rules": [
            {"matches": [{"method": "GET"}, {"method": "HEAD", "path": {"value": "/"}}], "timeouts": {"request": "9s"},
             "backendRefs": [{"name": "shop-sqlite", "port": 80, "weight": 100}, {"name": "shop", "port": 80, "weight": 0}]},
            {"backendRefs": [{"name": "shop", "port": 80}, {"name": "shop-sqlite", "kind": "Service", "port": 80}]},
            {"matches": [{"path": {"value": "/static"}}], "backendRefs": [{"name": "files", "weight": 1}]},
        ]}})
    }

    fn weights(rules: &Value) -> Vec<Value> {
        let references = rules.as_array().unwrap().iter().flat_map(|rule| rule["backendRefs"].as_array().unwrap());
        references.map(|reference| reference["weight"].clone()).collect()
    }

    #[test]
    fn requests_are_divided_by_weights() {
        for (requests, share, expected) in [
            (Requests::Reading, 10, [90, 10, 0, 100, 1]),
            (Requests::Reading, 0, [100, 0, 0, 100, 1]),
            (Requests::All, 100, [0, 100, 100, 0, 1]),
            (Requests::All, 0, [100, 0, 0, 100, 1]),
        ] {
            let rules = divided(&route(), &backends(), requests, share).unwrap();
            assert_eq!(weights(&rules), expected.map(Value::from), "{requests:?} {share}");
            assert_eq!(rules[0]["timeouts"], json!({"request": "9s"}));
            // The same again changes nothing.
            let again = divided(&json!({"spec": {"rules": &rules}}), &backends(), requests, share).unwrap();
            assert_eq!(again, rules);
        }
    }

    #[test]
    fn a_route_that_cannot_divide_is_refused() {
        let without = json!({"spec": {"rules": [{"backendRefs": [{"name": "shop"}]}]}});
        assert_eq!(divided(&without, &backends(), Requests::All, 100), Err(Unsuited::NoRule));
        assert_eq!(divided(&json!({}), &backends(), Requests::All, 100), Err(Unsuited::NoRule));
        let mut writing = route();
        writing["spec"]["rules"][0]["matches"][0]["method"] = json!("POST");
        assert_eq!(divided(&writing, &backends(), Requests::Reading, 10), Err(Unsuited::NoReadingRule));
        assert!(divided(&writing, &backends(), Requests::All, 10).is_ok());
    }

    #[test]
    fn the_other_service_is_that_of_the_same_rule() {
        assert_eq!(other_backend(&route(), "shop").as_deref(), Some("shop-sqlite"));
        assert_eq!(other_backend(&route(), "files"), None);
        assert_eq!(other_backend(&json!({}), "shop"), None);
    }
}

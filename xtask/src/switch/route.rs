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

/// The methods of requests that read.
const READING_METHODS: [&str; 2] = ["GET", "HEAD"];

/// Which requests are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    /// All of them.
    All,
    /// Those that read, GET and HEAD; all others reach SQLite.
    Reading,
}

/// No rule of a route names both Services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRule;

/// Returns the rules of a rendered route with `share_percent` of the requests for PostgreSQL. All other fields stay.
///
/// For a share of the reading requests, each rule is written twice: once for GET and HEAD, once for all other requests. A match with a method
/// precedes the same match without one.
pub(crate) fn divided(
    route: &Value,
    backends: &Backends,
    requests: Requests,
    share_percent: u8,
) -> Result<Value, NoRule> {
    let rules = route.pointer("/spec/rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (mut edited, mut has_both) = (Vec::new(), false);
    for rule in rules {
        if !has_both_backends(rule, backends) {
            edited.push(rule.clone());
            continue;
        }
        has_both = true;
        if requests == Requests::All || share_percent == 0 {
            edited.push(weighted(rule.clone(), backends, share_percent));
            continue;
        }
        let matches = reading_matches(rule);
        if !matches.is_empty() {
            let mut reading = rule.clone();
            reading["matches"] = Value::Array(matches);
            edited.push(weighted(reading, backends, share_percent));
        }
        if !is_reading(rule) {
            edited.push(weighted(rule.clone(), backends, 0));
        }
    }
    if has_both { Ok(Value::Array(edited)) } else { Err(NoRule) }
}

fn has_both_backends(rule: &Value, backends: &Backends) -> bool {
    let references = rule.get("backendRefs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    [&backends.postgres, &backends.sqlite]
        .into_iter()
        .all(|name| references.iter().any(|reference| names(reference, name)))
}

fn weighted(mut rule: Value, backends: &Backends, share_percent: u8) -> Value {
    for reference in rule.get_mut("backendRefs").and_then(Value::as_array_mut).into_iter().flatten() {
        if names(reference, &backends.postgres) {
            reference["weight"] = json!(share_percent);
        } else if names(reference, &backends.sqlite) {
            reference["weight"] = json!(100_u8.saturating_sub(share_percent));
        }
    }
    rule
}

/// The matches of a rule for the requests that read.
fn reading_matches(rule: &Value) -> Vec<Value> {
    let any = [json!({})];
    let matches = rule
        .get("matches")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .filter(|matches| !matches.is_empty());
    let of = |found: &Value| match found.get("method").and_then(Value::as_str) {
        Some("GET" | "HEAD") => vec![found.clone()],
        Some(_) => Vec::new(),
        None => READING_METHODS
            .map(|method| {
                let mut reading = found.clone();
                reading["method"] = json!(method);
                reading
            })
            .to_vec(),
    };
    matches.unwrap_or(&any).iter().flat_map(of).collect()
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
    let reads = |found: &Value| {
        found.get("method").and_then(Value::as_str).is_some_and(|method| READING_METHODS.contains(&method))
    };
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
            {"timeouts": {"request": "9s"},
             "backendRefs": [{"name": "shop-sqlite", "port": 80, "weight": 100}, {"name": "shop", "port": 80, "weight": 0}]},
            {"matches": [{"path": {"value": "/static"}}], "backendRefs": [{"name": "files", "weight": 1}]},
        ]}})
    }

    fn weights(rule: &Value) -> [u64; 2] {
        [0, 1].map(|index| rule["backendRefs"][index]["weight"].as_u64().unwrap())
    }

    #[test]
    fn all_requests_are_divided_by_weights() {
        for (requests, share, expected) in [
            (Requests::All, 0, [100, 0]),
            (Requests::All, 100, [0, 100]),
            (Requests::All, 30, [70, 30]),
            (Requests::Reading, 0, [100, 0]),
        ] {
            let rules = divided(&route(), &backends(), requests, share).unwrap();
            assert_eq!(weights(&rules[0]), expected, "{share}");
            assert_eq!(rules[0]["timeouts"], json!({"request": "9s"}));
            assert_eq!(rules[1], route()["spec"]["rules"][1]);
            assert_eq!(rules.as_array().unwrap().len(), 2);
        }
    }

    #[test]
    fn reading_requests_have_a_rule_of_their_own() {
        let rules = divided(&route(), &backends(), Requests::Reading, 10).unwrap();
        assert_eq!(rules[0]["matches"], json!([{"method": "GET"}, {"method": "HEAD"}]));
        assert_eq!((weights(&rules[0]), weights(&rules[1])), ([90, 10], [100, 0]));
        assert_eq!((rules[1].get("matches"), rules.as_array().unwrap().len()), (None, 3));
        for (matches, reading, others) in [
            (
                json!([{"path": 1}]),
                Some(json!([{"path": 1, "method": "GET"}, {"path": 1, "method": "HEAD"}])),
                true,
            ),
            (json!([{"method": "POST"}]), None, true),
            (json!([{"method": "GET"}, {"method": "PUT"}]), Some(json!([{"method": "GET"}])), true),
            (json!([{"method": "HEAD"}]), Some(json!([{"method": "HEAD"}])), false),
        ] {
            let mut route = route();
            route["spec"]["rules"][0]["matches"] = matches.clone();
            let rules = divided(&route, &backends(), Requests::Reading, 10).unwrap();
            let of_app: Vec<&Value> = rules
                .as_array()
                .unwrap()
                .iter()
                .filter(|rule| has_both_backends(rule, &backends()))
                .collect();
            let share = |rule: &&Value| weights(rule) == [90, 10];
            assert_eq!(
                of_app.iter().copied().find(share).map(|rule| rule["matches"].clone()),
                reading,
                "{matches}"
            );
            assert_eq!(of_app.iter().any(|rule| weights(rule) == [100, 0]), others, "{matches}");
        }
    }

    #[test]
    fn a_route_without_both_services_is_refused() {
        let without = json!({"spec": {"rules": [{"backendRefs": [{"name": "shop"}]}]}});
        for route in [without, json!({}), json!({"spec": {"rules": 1}})] {
            assert_eq!(divided(&route, &backends(), Requests::All, 100), Err(NoRule));
        }
    }

    #[test]
    fn the_other_service_is_that_of_the_same_rule() {
        assert_eq!(other_backend(&route(), "shop").as_deref(), Some("shop-sqlite"));
        assert_eq!(other_backend(&route(), "files"), None);
        assert_eq!(other_backend(&json!({}), "shop"), None);
    }
}

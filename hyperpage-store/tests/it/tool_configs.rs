//! `tool_configs`: get, save, list the enabled, merge.

use hyperpage_store::domain::{ConfigMerge, NewToolConfig, ToolConfig};
use hyperpage_store::{Error, Store, Table, Timestamp};
use serde_json::{Map, Value, json};

use crate::support::{Database, Sqlite, TEXTS, at, on_both};

on_both!(
    settings_are_saved_and_replaced,
    enabled_tools_are_listed_in_the_order_of_bytes,
    keys_are_merged,
    ten_threads_merge_ten_keys,
    a_merge_into_a_document_that_the_app_does_not_know_changes_nothing,
    what_one_database_cannot_hold_is_refused,
);

fn tool(name: &str, config: Option<Value>) -> NewToolConfig {
    NewToolConfig {
        tool_name: name.to_owned(),
        enabled: true,
        config,
        refresh_interval_ms: Some(i32::MAX),
        notifications: false,
    }
}

fn settings_are_saved_and_replaced(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.tool_config("github").unwrap(), None);
    for name in TEXTS {
        let off = NewToolConfig {
            enabled: false,
            notifications: true,
            refresh_interval_ms: None,
            ..tool(name, Some(json!(null)))
        };
        // JSON's null is not the same as no settings.
        for (ms, new) in [(1, tool(name, None)), (2, off), (3, tool(name, Some(json!({"a": [1, null]}))))] {
            store.save_tool_config(&new, at(ms)).unwrap();
            let expected = ToolConfig {
                tool_name: new.tool_name,
                enabled: new.enabled,
                config: new.config,
                refresh_interval_ms: new.refresh_interval_ms,
                notifications: new.notifications,
                updated_at: at(ms),
            };
            assert_eq!(store.tool_config(name).unwrap(), Some(expected));
        }
    }
}

fn enabled_tools_are_listed_in_the_order_of_bytes(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.enabled_tools().unwrap(), []);
    for (name, enabled) in
        [("é", true), ("b", true), ("B", true), ("off", false), ("a-b", true), ("ab", true)]
    {
        store.save_tool_config(&NewToolConfig { enabled, ..tool(name, None) }, at(0)).unwrap();
    }
    let names: Vec<String> = store.enabled_tools().unwrap().into_iter().map(|tool| tool.tool_name).collect();
    assert_eq!(names, ["B", "a-b", "ab", "b", "é"]);
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn merge(store: &mut dyn Store, keys: Value) -> ConfigMerge {
    store.merge_tool_config("github", &object(keys), at(5)).unwrap()
}

fn keys_are_merged(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(merge(&mut *store, json!({"a": 1})), ConfigMerge::NotFound);
    assert_eq!(store.tool_config("github").unwrap(), None);

    store.save_tool_config(&tool("github", None), at(0)).unwrap();
    for (keys, expected) in [
        (json!({"a": {"x": 1}}), json!({"a": {"x": 1}})),
        (json!({"b": [1], "\u{1D11E}\"": null}), json!({"a": {"x": 1}, "b": [1], "\u{1D11E}\"": null})),
        // The value of a key is replaced, not merged.
        (json!({"a": {"y": 2}}), json!({"a": {"y": 2}, "b": [1], "\u{1D11E}\"": null})),
        (json!({"b": null}), json!({"a": {"y": 2}, "b": null, "\u{1D11E}\"": null})),
        (json!({}), json!({"a": {"y": 2}, "b": null, "\u{1D11E}\"": null})),
    ] {
        assert_eq!(merge(&mut *store, keys), ConfigMerge::Merged(expected.clone()));
        let config = store.tool_config("github").unwrap().unwrap();
        assert_eq!((config.config, config.updated_at, config.enabled), (Some(expected), at(5), true));
    }
    for other in [json!(null), json!([]), json!("{}"), json!(1)] {
        store.save_tool_config(&tool("github", Some(other.clone())), at(0)).unwrap();
        assert_eq!(merge(&mut *store, json!({"a": 1})), ConfigMerge::NotAnObject, "{other}");
        let config = store.tool_config("github").unwrap().unwrap();
        assert_eq!((config.config, config.updated_at), (Some(other), at(0)));
    }
    // The digits of what stays are kept.
    database.execute("UPDATE tool_configs SET config = '{\"big\": 12345678901234567890123}'");
    merge(&mut *store, json!({"a": 1}));
    let kept = database.texts("SELECT CAST(config AS text) AS value FROM tool_configs").remove(0).unwrap();
    assert!(kept.contains("12345678901234567890123"), "{kept}");
}

fn ten_threads_merge_ten_keys(database: &dyn Database) {
    let mut store = database.open();
    store.save_tool_config(&tool("github", None), at(0)).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..10 {
            let mut store = database.open();
            scope.spawn(move || {
                for round in 0..5 {
                    let outcome = merge(&mut *store, json!({ format!("{worker}-{round}"): round }));
                    assert!(matches!(outcome, ConfigMerge::Merged(_)), "{outcome:?}");
                }
            });
        }
    });
    let config = store.tool_config("github").unwrap().unwrap().config.unwrap();
    assert_eq!(config.as_object().unwrap().len(), 50);
}

fn a_merge_into_a_document_that_the_app_does_not_know_changes_nothing(database: &dyn Database) {
    let mut store = database.open();
    store.save_tool_config(&tool("github", None), at(0)).unwrap();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for document in ["{\"n\": 1e400}".to_owned(), format!("{{\"n\": {deep}}}")] {
        database.execute(&format!("UPDATE tool_configs SET config = '{document}'"));
        let stored = || {
            let sql = "SELECT CAST(config AS text) || CAST(updated_at AS text) AS value FROM tool_configs";
            database.texts(sql)
        };
        let before = stored();
        let merged = store.merge_tool_config("github", &object(json!({"a": 1})), at(5));
        assert!(matches!(merged, Err(Error::UnknownValue { column: "config", .. })), "{merged:?}");
        assert_eq!(stored(), before);
    }
}

fn what_one_database_cannot_hold_is_refused(database: &dyn Database) {
    let mut store = database.open();
    store.save_tool_config(&tool("a", None), at(0)).unwrap();
    let never = Timestamp::from_epoch_ms(i64::MAX);
    let keys = object(json!({"a": 1}));
    for (result, expected) in [
        (store.tool_config("\0").map(drop), "tool_name"),
        (store.save_tool_config(&tool("\0", None), at(0)), "tool_name"),
        (store.save_tool_config(&tool("a", Some(json!({"\0": 1}))), at(0)), "config"),
        (store.merge_tool_config("\0", &keys, at(0)).map(drop), "tool_name"),
        (store.merge_tool_config("a", &object(json!({"\0": 1})), at(0)).map(drop), "config"),
        (store.merge_tool_config("a", &object(json!({"a": ["\0"]})), at(0)).map(drop), "config"),
    ] {
        match result {
            Err(Error::NulCharacter { table: Table::ToolConfigs, column }) => assert_eq!(column, expected),
            other => panic!("{other:?}"),
        }
    }
    for result in [
        store.save_tool_config(&tool("a", None), never),
        store.merge_tool_config("a", &keys, never).map(drop),
    ] {
        assert!(matches!(result, Err(Error::OutOfRange { column: "updated_at", .. })), "{result:?}");
    }
    assert_eq!(store.tool_config("a").unwrap().unwrap().config, None);
}

#[test]
fn settings_that_are_no_json_are_unknown() {
    let database = Sqlite::create();
    let mut store = database.open();
    store.save_tool_config(&tool("github", None), at(0)).unwrap();
    for (column, value) in
        [("config", "'{secret'"), ("enabled", "2"), ("enabled", "'true'"), ("refresh_interval", "3000000000")]
    {
        database.execute(&format!("UPDATE tool_configs SET {column} = {value}"));
        let error = store.tool_config("github").unwrap_err();
        assert!(matches!(error, Error::UnknownValue { column: of, .. } if of == column), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("secret"));
        if column == "config" {
            let merged = store.merge_tool_config("github", &object(json!({"a": 1})), at(0));
            assert!(matches!(merged, Err(Error::UnknownValue { column: "config", .. })), "{merged:?}");
            assert!(matches!(store.enabled_tools(), Err(Error::UnknownValue { column: "config", .. })));
        }
        database.execute("UPDATE tool_configs SET config = NULL, enabled = 1, refresh_interval = 1");
    }
}

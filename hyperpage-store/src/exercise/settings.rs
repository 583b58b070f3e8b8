//! The operations on rate limits, settings of tools, and the state of the app.

use serde_json::{Map, json};

use super::{Exercise, Operation, Problem, own_rows_only, returned, stored};
use crate::Store;
use crate::domain::{ConfigMerge, Consumption, Expected, NewRateLimit, NewToolConfig};

impl Exercise {
    pub(super) fn settings_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        match operation {
            Operation::SaveRateLimit
            | Operation::RateLimit
            | Operation::Consume
            | Operation::DropExpiredRateLimits => self.rate_limit_operation(operation, store),
            Operation::SaveToolConfig
            | Operation::ToolConfig
            | Operation::MergeToolConfig
            | Operation::EnabledTools => self.tool_config_operation(operation, store),
            _ => self.state_operation(operation, store),
        }
    }

    fn rate_limit_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (id, now) = (self.tag.clone(), self.now());
        match operation {
            Operation::SaveRateLimit => {
                let mut limit = NewRateLimit {
                    id: id.clone(),
                    platform: "smoke".to_owned(),
                    limit_remaining: Some(1),
                    limit_total: None,
                    reset_time: None,
                };
                self.timed(|| store.save_rate_limit(&limit, now))?;
                limit = NewRateLimit {
                    limit_remaining: Some(3),
                    limit_total: Some(5),
                    reset_time: Some(now),
                    ..limit
                };
                store.save_rate_limit(&limit, now)?;
                let found = store.rate_limit(&id)?;
                stored(found.is_some_and(|found| {
                    (found.limit_remaining, found.limit_total, found.reset_time, found.last_updated)
                        == (Some(3), Some(5), Some(now), now)
                }))
            }
            Operation::RateLimit => {
                let found = self.timed(|| store.rate_limit(&id))?;
                returned(found.is_some_and(|found| found.id == id && found.platform == "smoke"))
            }
            Operation::Consume => {
                let granted = self.timed(|| store.consume(&id, 2, now))?;
                returned(granted == Consumption::Granted { remaining: Some(1) })?;
                let refused = store.consume(&id, 2, now)?;
                returned(matches!(refused, Consumption::Exhausted { remaining: 1, .. }))?;
                stored(store.rate_limit(&id)?.is_some_and(|found| found.limit_remaining == Some(1)))
            }
            _ => {
                let dropped = self.timed(|| store.drop_expired_rate_limits(now))?;
                own_rows_only(dropped, 1)?;
                stored(store.rate_limit(&id)?.is_none())
            }
        }
    }

    fn tool_config_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (tool, now) = (self.tag.clone(), self.now());
        match operation {
            Operation::SaveToolConfig => {
                let config = NewToolConfig {
                    tool_name: tool.clone(),
                    enabled: true,
                    config: Some(json!({ "a": 1, "b": [true] })),
                    refresh_interval_ms: Some(60_000),
                    notifications: false,
                };
                self.timed(|| store.save_tool_config(&config, now))?;
                let found = store.tool_config(&tool)?;
                stored(found.is_some_and(|found| {
                    (
                        found.enabled,
                        found.config,
                        found.refresh_interval_ms,
                        found.notifications,
                        found.updated_at,
                    ) == (true, config.config.clone(), Some(60_000), false, now)
                }))
            }
            Operation::ToolConfig => {
                let found = self.timed(|| store.tool_config(&tool))?;
                returned(found.is_some_and(|found| found.tool_name == tool))
            }
            Operation::MergeToolConfig => {
                let keys = Map::from_iter([("a".to_owned(), json!(2)), ("c".to_owned(), json!(null))]);
                let expected = json!({ "a": 2, "b": [true], "c": null });
                let merged = self.timed(|| store.merge_tool_config(&tool, &keys, now))?;
                returned(merged == ConfigMerge::Merged(expected.clone()))?;
                stored(store.tool_config(&tool)?.is_some_and(|found| found.config == Some(expected)))
            }
            _ => {
                let enabled = self.timed(|| store.enabled_tools())?;
                returned(enabled.iter().filter(|found| found.tool_name == tool).count() == 1)?;
                returned(enabled.iter().all(|found| found.enabled))?;
                returned(enabled.is_sorted_by_key(|found| found.tool_name.as_bytes()))
            }
        }
    }

    fn state_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (key, now) = (self.tag.clone(), self.now());
        let is = |found: Option<crate::domain::StateEntry>, value: Option<&str>| {
            found.is_some_and(|found| found.value.as_deref() == value)
        };
        match operation {
            Operation::SetState => {
                self.timed(|| store.set_state(&key, Some("one"), now))?;
                stored(is(store.state(&key)?, Some("one")))?;
                store.set_state(&key, None, now)?;
                stored(is(store.state(&key)?, None))
            }
            Operation::State => {
                let found = self.timed(|| store.state(&key))?;
                returned(is(found, None))
            }
            Operation::CompareAndSetState => {
                let expected = Expected::Value(None);
                returned(self.timed(|| store.compare_and_set_state(&key, expected, Some("two"), now))?)?;
                returned(!store.compare_and_set_state(&key, Expected::Absent, Some("three"), now)?)?;
                stored(is(store.state(&key)?, Some("two")))
            }
            _ => {
                returned(self.timed(|| store.delete_state(&key))?)?;
                returned(!store.delete_state(&key)?)?;
                stored(store.state(&key)?.is_none())
            }
        }
    }
}

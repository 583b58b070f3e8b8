//! Settings of the tools.

use serde_json::Value;

use crate::Timestamp;

/// The settings of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolConfig {
    /// The tool.
    pub tool_name: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Its own settings.
    pub config: Option<Value>,
    /// How often it is refreshed, in milliseconds.
    pub refresh_interval_ms: Option<i32>,
    /// Whether it notifies.
    pub notifications: bool,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Settings of a tool to save.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in ToolConfig")]
pub struct NewToolConfig {
    pub tool_name: String,
    pub enabled: bool,
    pub config: Option<Value>,
    pub refresh_interval_ms: Option<i32>,
    pub notifications: bool,
}

/// What became of a request to merge settings.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigMerge {
    /// The keys were set; this is the new document.
    Merged(Value),
    /// The tool's settings are JSON, but not an object. Nothing was changed.
    NotAnObject,
    /// There is no such tool.
    NotFound,
}

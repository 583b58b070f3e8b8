//! Tokens that tools have granted to users.

use serde_json::Value;

use super::{Secret, UserId, number_id};
use crate::Timestamp;

number_id! {
    /// The id of stored tokens, which the database numbers.
    TokenId
}

/// Tokens of a user and a tool, in plain text. The database holds them encrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The user.
    pub user_id: UserId,
    /// The tool.
    pub tool_name: String,
    /// The token that calls carry.
    pub access_token: Secret,
    /// The token that gets new ones.
    pub refresh_token: Option<Secret>,
    /// The kind of token, such as `Bearer`.
    pub token_type: String,
    /// When the access token expires.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token expires.
    pub refresh_expires_at: Option<Timestamp>,
    /// What the tokens permit.
    pub scopes: Option<String>,
    /// What else the tool reported.
    pub metadata: Option<Value>,
}

/// New tokens in place of those that a user and a tool have. Type, scopes and metadata stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Refresh {
    /// The new access token.
    pub access_token: Secret,
    /// A new refresh token; none keeps the one there is.
    pub refresh_token: Option<Secret>,
    /// When the access token expires.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token expires; none keeps the moment there is.
    pub refresh_expires_at: Option<Timestamp>,
}

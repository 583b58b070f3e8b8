//! Users, as OAuth providers describe them.

use super::text_id;
use crate::Timestamp;

text_id! {
    /// The id of a user: `provider:provider_user_id`.
    UserId
}

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The OAuth provider.
    pub provider: String,
    /// The user's id there.
    pub provider_user_id: String,
    /// The address, which need not be unique: each provider has its own accounts.
    pub email: Option<String>,
    /// The login name.
    pub username: Option<String>,
    /// The name for people.
    pub display_name: Option<String>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// When the user logged in first.
    pub created_at: Timestamp,
    /// When the profile was written last.
    pub updated_at: Timestamp,
}

/// A profile, as a provider reports it at login.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in User")]
pub struct NewUser {
    pub provider: String,
    pub provider_user_id: String,
    pub email: Option<String>,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

impl NewUser {
    /// The id that the user gets.
    #[must_use]
    pub fn id(&self) -> UserId {
        UserId::of(&self.provider, &self.provider_user_id)
    }
}

impl UserId {
    /// The id of the user that a provider knows by this id.
    #[must_use]
    pub fn of(provider: &str, provider_user_id: &str) -> UserId {
        UserId::from(format!("{provider}:{provider_user_id}"))
    }
}

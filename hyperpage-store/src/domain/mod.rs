//! What the app stores, as the app sees it: ids, moments, statuses and JSON, whichever database holds them.

mod app_state;
mod job;
mod oauth_token;
mod rate_limit;
mod secret;
mod tool_config;
mod user;
mod user_session;

pub use app_state::{Expected, StateEntry};
pub use job::{Attempt, AttemptId, AttemptStatus, Job, JobChange, JobId, JobStatus, NewJob};
pub use oauth_token::{Grant, Refresh, TokenId};
pub use rate_limit::{Consumption, NewRateLimit, RateLimit};
pub use secret::Secret;
pub use tool_config::{ConfigMerge, NewToolConfig, ToolConfig};
pub use user::{NewUser, User, UserId};
pub use user_session::{NewSession, Session, SessionId};

/// Defines the id of a kind of row: text that is not confused with another id.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(id: T) -> $name {
                $name(id.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
use text_id;

/// Defines the id of a kind of row that the database numbers.
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);
    };
}
use number_id;

/// Defines a status: an enum and its names in the database.
macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// Its name in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            /// The status of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|status| status.as_str() == name)
            }
        }
    };
}
use status;

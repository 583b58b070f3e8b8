//! The operations on users, their tokens and their sessions.

use serde_json::json;
use token_cipher::EncryptionKey;

use super::{Exercise, Operation, Problem, own_rows_only, returned, stored};
use crate::domain::{Grant, NewSession, NewUser, Refresh, Secret, UserId};
use crate::{Error, Store};

/// The key by which the tokens of the exercise are encrypted. It protects nothing.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The provider of the user of the exercise.
const PROVIDER: &str = "smoke";

/// The tool of the tokens.
const TOOL: &str = "smoke";

impl Exercise {
    pub(super) fn user_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        match operation {
            Operation::SaveUser | Operation::User | Operation::UsersByEmail => {
                self.profile_operation(operation, store)
            }
            Operation::SaveTokens
            | Operation::Tokens
            | Operation::RefreshTokens
            | Operation::RevokeTokens => self.token_operation(operation, store),
            _ => self.session_operation(operation, store),
        }
    }

    fn profile_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (name, now) = (self.tag.clone(), self.now());
        let email = format!("{name}@smoke.invalid");
        match operation {
            Operation::SaveUser => {
                let profile = NewUser {
                    provider: PROVIDER.to_owned(),
                    provider_user_id: name.clone(),
                    email: Some(email),
                    username: Some("smoke".to_owned()),
                    display_name: None,
                    avatar_url: None,
                };
                let user = self.timed(|| store.save_user(&profile, now))?;
                returned((&user.id, user.created_at) == (&self.user_id(), now))?;
                let renamed = NewUser { display_name: Some("Smöke".to_owned()), ..profile };
                store.save_user(&renamed, now)?;
                let found = store.user(PROVIDER, &name)?;
                stored(found.is_some_and(|found| {
                    found.display_name == renamed.display_name && found.email == renamed.email
                }))
            }
            Operation::User => {
                let found = self.timed(|| store.user(PROVIDER, &name))?;
                returned(found.is_some_and(|found| found.id == self.user_id()))
            }
            _ => {
                let found = self.timed(|| store.users_by_email(&email))?;
                returned(matches!(&*found, [user] if user.id == self.user_id()))
            }
        }
    }

    fn token_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (user, now) = (self.user_id(), self.now());
        let key = EncryptionKey::from_hex(KEY)
            .map_err(|source| Error::Cipher { column: "access_token", source })?;
        match operation {
            Operation::SaveTokens => {
                let grant = Grant {
                    user_id: user.clone(),
                    tool_name: TOOL.to_owned(),
                    access_token: Secret::from("access"),
                    refresh_token: Some(Secret::from("refresh")),
                    token_type: "Bearer".to_owned(),
                    expires_at: Some(now),
                    refresh_expires_at: None,
                    scopes: Some("read".to_owned()),
                    metadata: Some(json!({ "smoke": true })),
                };
                self.timed(|| store.save_tokens(&grant, &key, now))?;
                stored(store.tokens(&user, TOOL, &key)? == Some(grant))
            }
            Operation::Tokens => {
                let found = self.timed(|| store.tokens(&user, TOOL, &key))?;
                returned(found.is_some_and(|found| found.access_token == Secret::from("access")))
            }
            Operation::RefreshTokens => {
                let refresh = Refresh {
                    access_token: Secret::from("access 2"),
                    refresh_token: None,
                    expires_at: None,
                    refresh_expires_at: None,
                };
                returned(self.timed(|| store.refresh_tokens(&user, TOOL, &refresh, &key, now))?)?;
                stored(store.tokens(&user, TOOL, &key)?.is_some_and(|found| {
                    (found.access_token, found.refresh_token)
                        == (Secret::from("access 2"), Some(Secret::from("refresh")))
                }))
            }
            _ => {
                returned(self.timed(|| store.revoke_tokens(&user, TOOL))?)?;
                returned(!store.revoke_tokens(&user, TOOL)?)?;
                stored(store.tokens(&user, TOOL, &key)?.is_none())
            }
        }
    }

    fn session_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (id, now) = (self.session_id(), self.now());
        let session = NewSession { id: id.clone(), user_id: self.user_id(), provider: PROVIDER.to_owned() };
        match operation {
            Operation::CreateSession => {
                returned(self.timed(|| store.create_session(&session, now))?)?;
                returned(!store.create_session(&session, now)?)?;
                stored(store.session(&id)?.is_some_and(|found| {
                    (found.user_id, found.created_at, found.last_activity) == (self.user_id(), now, now)
                }))
            }
            Operation::Session => {
                let found = self.timed(|| store.session(&id))?;
                returned(found.is_some_and(|found| found.provider == PROVIDER))
            }
            Operation::TouchSession => {
                returned(self.timed(|| store.touch_session(&id, now))?)?;
                stored(store.session(&id)?.is_some_and(|found| found.last_activity == now))
            }
            Operation::ExpireSessions => {
                let before = self.later();
                own_rows_only(self.timed(|| store.expire_sessions(before))?, 1)?;
                stored(store.session(&id)?.is_none())
            }
            _ => {
                returned(store.create_session(&session, now)?)?;
                let user = self.user_id();
                own_rows_only(self.timed(|| store.end_sessions_of(&user))?, 1)?;
                stored(store.session(&id)?.is_none())
            }
        }
    }

    fn user_id(&self) -> UserId {
        UserId::of(PROVIDER, &self.tag)
    }
}

//! The trait itself, and all tables but those of jobs.

use hyperpage_store::domain::{
    Attempt, ConfigMerge, Consumption, Expected, Grant, Job, JobChange, JobId, NewJob, NewRateLimit,
    NewSession, NewToolConfig, NewUser, RateLimit, Refresh, Secret, Session, SessionId, StateEntry, TokenId,
    ToolConfig, User, UserId,
};
use hyperpage_store::{Error, Result, Store, Timestamp};
use serde_json::{Map, Value};
use token_cipher::{EncryptionKey, TokenError};

use super::{Given, Model};
use crate::flaw::Flaw;
use crate::keys::key_name;
use crate::rows::{PlainToken, StoredToken};

impl Store for Model {
    fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<bool> {
        self.enqueue_job(job, now)
    }

    fn claim(&mut self, now: Timestamp) -> Result<Option<Job>> {
        self.claim_job(now)
    }

    fn job(&mut self, id: &JobId) -> Result<Option<Job>> {
        self.get_job(id)
    }

    fn report_progress(&mut self, id: &JobId, progress: &Value, now: Timestamp) -> Result<JobChange> {
        self.progress(id, progress, now)
    }

    fn complete(&mut self, id: &JobId, result: &Value, now: Timestamp) -> Result<JobChange> {
        self.complete_job(id, result, now)
    }

    fn fail(&mut self, id: &JobId, error_message: &str, now: Timestamp) -> Result<JobChange> {
        self.fail_job(id, error_message, now)
    }

    fn cancel(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange> {
        self.cancel_job(id, now)
    }

    fn retry(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange> {
        self.retry_job(id, now)
    }

    fn recover(&mut self, started_before: Timestamp, now: Timestamp) -> Result<u64> {
        self.recover_jobs(started_before, now)
    }

    fn jobs_containing(&mut self, pattern: &Value, limit: u32) -> Result<Vec<Job>> {
        self.containing(pattern, limit)
    }

    fn delete_finished(&mut self, completed_before: Timestamp) -> Result<u64> {
        self.delete_ended(completed_before)
    }

    fn history(&mut self, id: &JobId) -> Result<Vec<Attempt>> {
        self.attempts_at(id)
    }

    fn rate_limit(&mut self, id: &str) -> Result<Option<RateLimit>> {
        self.check(&Given { texts: &[id], ..Given::default() })?;
        Ok(self.limits.get(id).cloned())
    }

    fn save_rate_limit(&mut self, limit: &NewRateLimit, now: Timestamp) -> Result<()> {
        let mut moments = vec![now];
        moments.extend(limit.reset_time);
        self.check(&Given { indexed: &[&limit.id, &limit.platform], moments: &moments, ..Given::default() })?;
        let created_at = match self.limits.get(&limit.id) {
            Some(known) if !self.has(Flaw::SaveForgetsCreation) => known.created_at,
            _ => now,
        };
        let saved = RateLimit {
            id: limit.id.clone(),
            platform: limit.platform.clone(),
            limit_remaining: limit.limit_remaining,
            limit_total: limit.limit_total,
            reset_time: limit.reset_time,
            last_updated: now,
            created_at,
        };
        self.limits.insert(limit.id.clone(), saved);
        Ok(())
    }

    fn consume(&mut self, id: &str, amount: u16, now: Timestamp) -> Result<Consumption> {
        self.check(&Given { texts: &[id], moments: &[now], ..Given::default() })?;
        let goes_below_zero = self.has(Flaw::ConsumeGoesBelowZero);
        let Some(limit) = self.limits.get_mut(id) else { return Ok(Consumption::NotFound) };
        if let Some(remaining) = limit.limit_remaining {
            if remaining < i32::from(amount) && !(goes_below_zero && remaining > 0) {
                return Ok(Consumption::Exhausted { remaining, reset_time: limit.reset_time });
            }
            limit.limit_remaining = Some(remaining - i32::from(amount));
        }
        limit.last_updated = now;
        Ok(Consumption::Granted { remaining: limit.limit_remaining })
    }

    fn drop_expired_rate_limits(&mut self, now: Timestamp) -> Result<u64> {
        self.check(&Given { moments: &[now], ..Given::default() })?;
        let is_exclusive = self.has(Flaw::PeriodEndsLater);
        let has_ended = |end: Timestamp| end < now || !is_exclusive && end == now;
        let before = self.limits.len();
        self.limits.retain(|_, limit| !limit.reset_time.is_some_and(has_ended));
        Ok((before - self.limits.len()) as u64)
    }

    fn tool_config(&mut self, tool_name: &str) -> Result<Option<ToolConfig>> {
        self.check(&Given { texts: &[tool_name], ..Given::default() })?;
        Ok(self.tools.get(tool_name).cloned())
    }

    fn save_tool_config(&mut self, config: &NewToolConfig, now: Timestamp) -> Result<()> {
        let documents: Vec<&Value> = config.config.iter().collect();
        self.check(&Given {
            indexed: &[&config.tool_name],
            documents: &documents,
            moments: &[now],
            ..Given::default()
        })?;
        let saved = ToolConfig {
            tool_name: config.tool_name.clone(),
            enabled: config.enabled,
            config: config.config.clone(),
            refresh_interval_ms: config.refresh_interval_ms,
            notifications: config.notifications,
            updated_at: now,
        };
        self.tools.insert(config.tool_name.clone(), saved);
        Ok(())
    }

    fn enabled_tools(&mut self) -> Result<Vec<ToolConfig>> {
        let mut enabled: Vec<_> = self.tools.values().filter(|tool| tool.enabled).cloned().collect();
        if self.has(Flaw::ToolsIgnoreCase) {
            enabled.sort_by_key(|tool| tool.tool_name.to_lowercase());
        }
        Ok(enabled)
    }

    fn merge_tool_config(
        &mut self,
        tool_name: &str,
        keys: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<ConfigMerge> {
        self.check(&Given {
            texts: &[tool_name],
            documents: &[&Value::Object(keys.clone())],
            moments: &[now],
            ..Given::default()
        })?;
        let replaces = self.has(Flaw::MergeReplaces);
        let Some(tool) = self.tools.get_mut(tool_name) else { return Ok(ConfigMerge::NotFound) };
        let mut members = match &tool.config {
            None => Map::new(),
            Some(Value::Object(members)) => members.clone(),
            Some(_) => return Ok(ConfigMerge::NotAnObject),
        };
        if replaces {
            members.clear();
        }
        members.extend(keys.clone());
        tool.config = Some(Value::Object(members.clone()));
        tool.updated_at = now;
        Ok(ConfigMerge::Merged(Value::Object(members)))
    }

    fn state(&mut self, key: &str) -> Result<Option<StateEntry>> {
        self.check(&Given { texts: &[key], ..Given::default() })?;
        Ok(self.state.get(key).cloned())
    }

    fn set_state(&mut self, key: &str, value: Option<&str>, now: Timestamp) -> Result<()> {
        let texts: Vec<&str> = value.into_iter().collect();
        self.check(&Given { texts: &texts, indexed: &[key], moments: &[now], ..Given::default() })?;
        let entry = StateEntry { key: key.to_owned(), value: value.map(str::to_owned), updated_at: now };
        self.state.insert(key.to_owned(), entry);
        Ok(())
    }

    fn compare_and_set_state(
        &mut self,
        key: &str,
        expected: Expected<'_>,
        value: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        let mut texts: Vec<&str> = value.into_iter().collect();
        if let Expected::Value(Some(expected)) = expected {
            texts.push(expected);
        }
        self.check(&Given { texts: &texts, indexed: &[key], moments: &[now], ..Given::default() })?;
        let is_as_expected = match (self.state.get(key), expected) {
            (None, Expected::Absent) => true,
            (Some(entry), Expected::Value(expected)) => entry.value.as_deref() == expected,
            (Some(entry), Expected::Absent) => entry.value.is_none() && self.has(Flaw::NullIsAbsent),
            (None, Expected::Value(_)) => false,
        };
        if is_as_expected || self.has(Flaw::SetsWithoutComparing) {
            self.set_state(key, value, now)?;
        }
        Ok(is_as_expected)
    }

    fn delete_state(&mut self, key: &str) -> Result<bool> {
        self.check(&Given { texts: &[key], ..Given::default() })?;
        Ok(self.state.remove(key).is_some())
    }

    fn save_user(&mut self, user: &NewUser, now: Timestamp) -> Result<User> {
        let id = format!("{}:{}", user.provider, user.provider_user_id);
        let mut indexed = vec![id.as_str(), &user.provider];
        indexed.extend(user.email.as_deref());
        let optional = [&user.username, &user.display_name, &user.avatar_url];
        let texts: Vec<&str> = optional.into_iter().flatten().map(String::as_str).collect();
        let provider = Some(user.provider.as_str());
        self.check(&Given {
            texts: &texts,
            indexed: &indexed,
            moments: &[now],
            provider,
            ..Given::default()
        })?;
        let saved = User {
            id: UserId::from(id.as_str()),
            provider: user.provider.clone(),
            provider_user_id: user.provider_user_id.clone(),
            email: user.email.clone(),
            username: user.username.clone(),
            display_name: user.display_name.clone(),
            avatar_url: user.avatar_url.clone(),
            created_at: self.users.get(&id).map_or(now, |known| known.created_at),
            updated_at: now,
        };
        self.users.insert(id, saved.clone());
        Ok(saved)
    }

    fn user(&mut self, provider: &str, provider_user_id: &str) -> Result<Option<User>> {
        self.check(&Given { texts: &[provider, provider_user_id], ..Given::default() })?;
        let is_it = |user: &&User| user.provider == provider && user.provider_user_id == provider_user_id;
        Ok(self.users.values().find(is_it).cloned())
    }

    fn users_by_email(&mut self, email: &str) -> Result<Vec<User>> {
        self.check(&Given { texts: &[email], ..Given::default() })?;
        let ignores_case = self.has(Flaw::EmailsIgnoreCase);
        let is_theirs =
            |theirs: &str| theirs == email || ignores_case && theirs.to_lowercase() == email.to_lowercase();
        let has_it = |user: &&User| user.email.as_deref().is_some_and(is_theirs);
        Ok(self.users.values().filter(has_it).cloned().collect())
    }

    fn save_tokens(&mut self, grant: &Grant, key: &EncryptionKey, now: Timestamp) -> Result<TokenId> {
        let indexed = [grant.user_id.as_str(), &grant.tool_name];
        let mut texts = vec![grant.token_type.as_str()];
        texts.extend(grant.scopes.as_deref());
        let documents: Vec<&Value> = grant.metadata.iter().collect();
        let mut moments = vec![now];
        moments.extend(grant.expires_at);
        moments.extend(grant.refresh_expires_at);
        self.check(&Given {
            texts: &texts,
            indexed: &indexed,
            documents: &documents,
            moments: &moments,
            ..Given::default()
        })?;
        let at = (grant.user_id.as_str().to_owned(), grant.tool_name.clone());
        let known = self.tokens.get(&at).map(|known| (known.number, known.created_at));
        let (number, created_at) = known.unwrap_or_else(|| (self.next_number(), now));
        let stored = StoredToken {
            number,
            user_id: at.0.clone(),
            tool_name: at.1.clone(),
            access_token: plain(&grant.access_token, key),
            refresh_token: grant.refresh_token.as_ref().map(|token| plain(token, key)),
            token_type: grant.token_type.clone(),
            expires_at: grant.expires_at,
            refresh_expires_at: grant.refresh_expires_at,
            scopes: grant.scopes.clone(),
            metadata: grant.metadata.clone(),
            created_at,
            updated_at: now,
        };
        self.tokens.insert(at, stored);
        Ok(TokenId(number))
    }

    fn tokens(&mut self, user_id: &UserId, tool_name: &str, key: &EncryptionKey) -> Result<Option<Grant>> {
        self.check(&Given { texts: &[user_id.as_str(), tool_name], ..Given::default() })?;
        let at = (user_id.as_str().to_owned(), tool_name.to_owned());
        let Some(stored) = self.tokens.get(&at) else { return Ok(None) };
        let opened = |token: &PlainToken, column| {
            if token.key_name == key_name(key) || self.has(Flaw::AnyKeyOpensTokens) {
                return Ok(Secret::from(token.text.as_str()));
            }
            Err(Error::Cipher { column, source: TokenError::Authentication })
        };
        let refresh_token = stored.refresh_token.as_ref();
        Ok(Some(Grant {
            user_id: user_id.clone(),
            tool_name: tool_name.to_owned(),
            access_token: opened(&stored.access_token, "access_token")?,
            refresh_token: refresh_token.map(|token| opened(token, "refresh_token")).transpose()?,
            token_type: stored.token_type.clone(),
            expires_at: stored.expires_at,
            refresh_expires_at: stored.refresh_expires_at,
            scopes: stored.scopes.clone(),
            metadata: stored.metadata.clone(),
        }))
    }

    fn refresh_tokens(
        &mut self,
        user_id: &UserId,
        tool_name: &str,
        refresh: &Refresh,
        key: &EncryptionKey,
        now: Timestamp,
    ) -> Result<bool> {
        let mut moments = vec![now];
        moments.extend(refresh.expires_at);
        moments.extend(refresh.refresh_expires_at);
        self.check(&Given { texts: &[user_id.as_str(), tool_name], moments: &moments, ..Given::default() })?;
        let forgets = self.has(Flaw::RefreshForgetsRefreshToken);
        let at = (user_id.as_str().to_owned(), tool_name.to_owned());
        let Some(stored) = self.tokens.get_mut(&at) else { return Ok(false) };
        stored.access_token = plain(&refresh.access_token, key);
        if refresh.refresh_token.is_some() || forgets {
            stored.refresh_token = refresh.refresh_token.as_ref().map(|token| plain(token, key));
        }
        stored.expires_at = refresh.expires_at;
        stored.refresh_expires_at = refresh.refresh_expires_at.or(stored.refresh_expires_at);
        stored.updated_at = now;
        Ok(true)
    }

    fn revoke_tokens(&mut self, user_id: &UserId, tool_name: &str) -> Result<bool> {
        self.check(&Given { texts: &[user_id.as_str(), tool_name], ..Given::default() })?;
        Ok(self.tokens.remove(&(user_id.as_str().to_owned(), tool_name.to_owned())).is_some())
    }

    fn create_session(&mut self, session: &NewSession, now: Timestamp) -> Result<bool> {
        let indexed = [session.id.expose(), session.user_id.as_str(), &session.provider];
        self.check(&Given { indexed: &indexed, moments: &[now], ..Given::default() })?;
        if self.sessions.contains_key(session.id.expose()) {
            return Ok(false);
        }
        let created = Session {
            id: session.id.clone(),
            user_id: session.user_id.clone(),
            provider: session.provider.clone(),
            created_at: now,
            last_activity: now,
        };
        self.sessions.insert(session.id.expose().to_owned(), created);
        Ok(true)
    }

    fn touch_session(&mut self, id: &SessionId, now: Timestamp) -> Result<bool> {
        self.check(&Given { texts: &[id.expose()], moments: &[now], ..Given::default() })?;
        let Some(session) = self.sessions.get_mut(id.expose()) else { return Ok(false) };
        session.last_activity = now;
        Ok(true)
    }

    fn session(&mut self, id: &SessionId) -> Result<Option<Session>> {
        self.check(&Given { texts: &[id.expose()], ..Given::default() })?;
        Ok(self.sessions.get(id.expose()).cloned())
    }

    fn expire_sessions(&mut self, last_activity_before: Timestamp) -> Result<u64> {
        self.check(&Given { moments: &[last_activity_before], ..Given::default() })?;
        let by_creation = self.has(Flaw::SessionsExpireByAge);
        let before = self.sessions.len();
        self.sessions.retain(|_, session| {
            let used_at = if by_creation { session.created_at } else { session.last_activity };
            used_at >= last_activity_before
        });
        Ok((before - self.sessions.len()) as u64)
    }

    fn end_sessions_of(&mut self, user_id: &UserId) -> Result<u64> {
        self.check(&Given { texts: &[user_id.as_str()], ..Given::default() })?;
        let before = self.sessions.len();
        self.sessions.retain(|_, session| session.user_id != *user_id);
        let ended = before - self.sessions.len();
        Ok(if self.has(Flaw::EndCountsOne) { ended.min(1) } else { ended } as u64)
    }
}

fn plain(token: &Secret, key: &EncryptionKey) -> PlainToken {
    PlainToken { key_name: key_name(key), text: token.expose().to_owned() }
}

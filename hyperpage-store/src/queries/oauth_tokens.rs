//! Queries on `oauth_tokens`, and the encryption of what it holds.

use diesel::prelude::*;
use serde_json::Value;
use token_cipher::{EncryptedToken, EncryptionKey};

use super::dialect::{Connection, document};
use super::schema::oauth_tokens;
use crate::domain::{Grant, Refresh, Secret, TokenId, UserId};
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

const TABLE: Table = Table::OauthTokens;

#[derive(Queryable, Selectable)]
#[diesel(table_name = oauth_tokens)]
struct Row {
    user_id: Stored<String>,
    tool_name: Stored<String>,
    access_token: Stored<String>,
    refresh_token: Option<Stored<String>>,
    token_type: Stored<String>,
    expires_at: Option<Stored<Timestamp>>,
    refresh_expires_at: Option<Stored<Timestamp>>,
    scopes: Option<Stored<String>>,
    metadata: Option<Stored<Value>>,
    iv_access: Stored<String>,
    iv_refresh: Option<Stored<String>>,
}

impl Row {
    fn decrypt(self, key: &EncryptionKey) -> Result<Grant> {
        let (access, iv_access) =
            (self.access_token.known(TABLE, "access_token")?, self.iv_access.known(TABLE, "iv_access")?);
        let refresh = known_or_null(self.refresh_token, TABLE, "refresh_token")?;
        let iv_refresh = known_or_null(self.iv_refresh, TABLE, "iv_refresh")?;
        let refresh_token = match (refresh, iv_refresh) {
            (Some(refresh), Some(iv)) => Some(decrypt(key, "refresh_token", &refresh, &iv)?),
            (None, None) => None,
            (Some(_), None) => return Err(Error::UnknownValue { table: TABLE, column: "iv_refresh" }),
            (None, Some(_)) => return Err(Error::UnknownValue { table: TABLE, column: "refresh_token" }),
        };
        Ok(Grant {
            user_id: self.user_id.known(TABLE, "user_id")?.into(),
            tool_name: self.tool_name.known(TABLE, "tool_name")?,
            access_token: decrypt(key, "access_token", &access, &iv_access)?,
            refresh_token,
            token_type: self.token_type.known(TABLE, "token_type")?,
            expires_at: known_or_null(self.expires_at, TABLE, "expires_at")?,
            refresh_expires_at: known_or_null(self.refresh_expires_at, TABLE, "refresh_expires_at")?,
            scopes: known_or_null(self.scopes, TABLE, "scopes")?,
            metadata: known_or_null(self.metadata, TABLE, "metadata")?,
        })
    }
}

fn decrypt(key: &EncryptionKey, column: &'static str, ciphertext: &str, iv_and_tag: &str) -> Result<Secret> {
    token_cipher::decrypt(key, ciphertext, iv_and_tag)
        .map(Secret::from_zeroizing)
        .map_err(|source| Error::Cipher { column, source })
}

fn encrypt(key: &EncryptionKey, column: &'static str, token: &Secret) -> Result<EncryptedToken> {
    token_cipher::encrypt(key, token.expose()).map_err(|source| Error::Cipher { column, source })
}

pub(super) fn save(
    connection: &mut Connection,
    grant: &Grant,
    key: &EncryptionKey,
    now: Timestamp,
) -> Result<TokenId> {
    let access = encrypt(key, "access_token", &grant.access_token)?;
    let refresh =
        grant.refresh_token.as_ref().map(|token| encrypt(key, "refresh_token", token)).transpose()?;
    let metadata = grant.metadata.as_ref().map(document);
    let change = (
        oauth_tokens::access_token.eq(&access.ciphertext_hex),
        oauth_tokens::iv_access.eq(&access.iv_and_tag),
        oauth_tokens::refresh_token.eq(refresh.as_ref().map(|token| &token.ciphertext_hex)),
        oauth_tokens::iv_refresh.eq(refresh.as_ref().map(|token| &token.iv_and_tag)),
        oauth_tokens::token_type.eq(&grant.token_type),
        oauth_tokens::expires_at.eq(grant.expires_at),
        oauth_tokens::refresh_expires_at.eq(grant.refresh_expires_at),
        oauth_tokens::scopes.eq(&grant.scopes),
        oauth_tokens::metadata.eq(&metadata),
        oauth_tokens::updated_at.eq(now),
    );
    let id: Stored<i64> = diesel::insert_into(oauth_tokens::table)
        .values((
            oauth_tokens::user_id.eq(grant.user_id.as_str()),
            oauth_tokens::tool_name.eq(&grant.tool_name),
            oauth_tokens::created_at.eq(now),
            change,
        ))
        .on_conflict((oauth_tokens::user_id, oauth_tokens::tool_name))
        .do_update()
        .set(change)
        .returning(oauth_tokens::id)
        .get_result(connection)?;
    id.known(TABLE, "id").map(TokenId)
}

pub(super) fn find(
    connection: &mut Connection,
    user_id: &UserId,
    tool_name: &str,
    key: &EncryptionKey,
) -> Result<Option<Grant>> {
    let query = oauth_tokens::table
        .filter(oauth_tokens::user_id.eq(user_id.as_str()))
        .filter(oauth_tokens::tool_name.eq(tool_name))
        .select(Row::as_select());
    query.first(connection).optional()?.map(|row| row.decrypt(key)).transpose()
}

pub(super) fn refresh(
    connection: &mut Connection,
    user_id: &UserId,
    tool_name: &str,
    refresh: &Refresh,
    key: &EncryptionKey,
    now: Timestamp,
) -> Result<bool> {
    let access = encrypt(key, "access_token", &refresh.access_token)?;
    let new_refresh =
        refresh.refresh_token.as_ref().map(|token| encrypt(key, "refresh_token", token)).transpose()?;
    // Without a new refresh token, or without a moment for it, that column is not changed.
    let new_refresh = new_refresh.as_ref().map(|token| {
        (
            oauth_tokens::refresh_token.eq(&token.ciphertext_hex),
            oauth_tokens::iv_refresh.eq(&token.iv_and_tag),
        )
    });
    let refreshed = diesel::update(oauth_tokens::table)
        .filter(oauth_tokens::user_id.eq(user_id.as_str()))
        .filter(oauth_tokens::tool_name.eq(tool_name))
        .set((
            oauth_tokens::access_token.eq(&access.ciphertext_hex),
            oauth_tokens::iv_access.eq(&access.iv_and_tag),
            new_refresh,
            oauth_tokens::expires_at.eq(refresh.expires_at),
            refresh.refresh_expires_at.map(|moment| oauth_tokens::refresh_expires_at.eq(moment)),
            oauth_tokens::updated_at.eq(now),
        ))
        .execute(connection)?;
    Ok(refreshed == 1)
}

pub(super) fn revoke(connection: &mut Connection, user_id: &UserId, tool_name: &str) -> Result<bool> {
    let revoked = diesel::delete(oauth_tokens::table)
        .filter(oauth_tokens::user_id.eq(user_id.as_str()))
        .filter(oauth_tokens::tool_name.eq(tool_name))
        .execute(connection)?;
    Ok(revoked == 1)
}

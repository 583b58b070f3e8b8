//! Queries on `users`.

use diesel::prelude::*;

use super::dialect::Connection;
use super::schema::users;
use crate::domain::{NewUser, User, UserId};
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct Row {
    id: Stored<String>,
    provider: Stored<String>,
    provider_user_id: Stored<String>,
    email: Option<Stored<String>>,
    username: Option<Stored<String>>,
    display_name: Option<Stored<String>>,
    avatar_url: Option<Stored<String>>,
    created_at: Stored<Timestamp>,
    updated_at: Stored<Timestamp>,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<User> {
        let table = Table::Users;
        Ok(User {
            id: row.id.known(table, "id")?.into(),
            provider: row.provider.known(table, "provider")?,
            provider_user_id: row.provider_user_id.known(table, "provider_user_id")?,
            email: known_or_null(row.email, table, "email")?,
            username: known_or_null(row.username, table, "username")?,
            display_name: known_or_null(row.display_name, table, "display_name")?,
            avatar_url: known_or_null(row.avatar_url, table, "avatar_url")?,
            created_at: row.created_at.known(table, "created_at")?,
            updated_at: row.updated_at.known(table, "updated_at")?,
        })
    }
}

pub(super) fn save(connection: &mut Connection, user: &NewUser, now: Timestamp) -> Result<User> {
    let id = user.id();
    let profile = (
        users::provider.eq(&user.provider),
        users::provider_user_id.eq(&user.provider_user_id),
        users::email.eq(&user.email),
        users::username.eq(&user.username),
        users::display_name.eq(&user.display_name),
        users::avatar_url.eq(&user.avatar_url),
        users::updated_at.eq(now),
    );
    diesel::insert_into(users::table)
        .values((users::id.eq(id.as_str()), users::created_at.eq(now), profile))
        .on_conflict(users::id)
        .do_update()
        .set(profile)
        .returning(Row::as_returning())
        .get_result(connection)?
        .try_into()
}

/// Finds a user by the primary key, since no index has both columns.
pub(super) fn find(
    connection: &mut Connection,
    provider: &str,
    provider_user_id: &str,
) -> Result<Option<User>> {
    let id = UserId::of(provider, provider_user_id);
    let query = users::table
        .filter(users::id.eq(id.as_str()))
        .filter(users::provider.eq(provider))
        .filter(users::provider_user_id.eq(provider_user_id))
        .select(Row::as_select());
    query.first(connection).optional()?.map(User::try_from).transpose()
}

pub(super) fn by_email(connection: &mut Connection, email: &str) -> Result<Vec<User>> {
    let query = users::table.filter(users::email.eq(email)).order(users::id).select(Row::as_select());
    query.load(connection)?.into_iter().map(User::try_from).collect()
}

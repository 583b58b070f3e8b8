//! Queries on `user_sessions`.

use diesel::prelude::*;

use super::dialect::Connection;
use super::schema::user_sessions;
use crate::domain::{NewSession, Session, SessionId, UserId};
use crate::stored::Stored;
use crate::{Error, Result, Table, Timestamp};

#[derive(Queryable, Selectable)]
#[diesel(table_name = user_sessions)]
struct Row {
    session_id: Stored<String>,
    user_id: Stored<String>,
    provider: Stored<String>,
    created_at: Stored<Timestamp>,
    last_activity: Stored<Timestamp>,
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Session> {
        let table = Table::UserSessions;
        Ok(Session {
            id: row.session_id.known(table, "session_id")?.into(),
            user_id: row.user_id.known(table, "user_id")?.into(),
            provider: row.provider.known(table, "provider")?,
            created_at: row.created_at.known(table, "created_at")?,
            last_activity: row.last_activity.known(table, "last_activity")?,
        })
    }
}

pub(super) fn create(connection: &mut Connection, session: &NewSession, now: Timestamp) -> Result<bool> {
    let inserted = diesel::insert_into(user_sessions::table)
        .values((
            user_sessions::session_id.eq(session.id.expose()),
            user_sessions::user_id.eq(session.user_id.as_str()),
            user_sessions::provider.eq(&session.provider),
            user_sessions::created_at.eq(now),
            user_sessions::last_activity.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(inserted == 1)
}

pub(super) fn touch(connection: &mut Connection, id: &SessionId, now: Timestamp) -> Result<bool> {
    let touched = diesel::update(user_sessions::table)
        .filter(user_sessions::session_id.eq(id.expose()))
        .set(user_sessions::last_activity.eq(now))
        .execute(connection)?;
    Ok(touched == 1)
}

pub(super) fn find(connection: &mut Connection, id: &SessionId) -> Result<Option<Session>> {
    let query =
        user_sessions::table.filter(user_sessions::session_id.eq(id.expose())).select(Row::as_select());
    query.first(connection).optional()?.map(Session::try_from).transpose()
}

pub(super) fn expire(connection: &mut Connection, last_activity_before: Timestamp) -> Result<u64> {
    let expired = user_sessions::last_activity.lt(last_activity_before);
    Ok(diesel::delete(user_sessions::table).filter(expired).execute(connection)? as u64)
}

pub(super) fn end_of_user(connection: &mut Connection, user_id: &UserId) -> Result<u64> {
    let of_user = user_sessions::user_id.eq(user_id.as_str());
    Ok(diesel::delete(user_sessions::table).filter(of_user).execute(connection)? as u64)
}

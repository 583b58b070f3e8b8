//! `oauth_tokens`: store, load, refresh, revoke, and what the encryption notices.

use hyperpage_store::domain::{Grant, Refresh, Secret, UserId};
use hyperpage_store::{Error, Table, Timestamp};
use serde_json::json;
use token_cipher::{EncryptionKey, TokenError};

use crate::support::{Database, TEXTS, at, on_both};

on_both!(
    tokens_are_saved_replaced_and_revoked,
    a_refresh_keeps_what_it_does_not_have,
    tokens_of_the_app_are_read,
    tampered_columns_are_refused,
    nothing_that_is_printed_or_stored_shows_a_token,
    what_one_database_cannot_hold_is_refused,
);

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn key() -> EncryptionKey {
    EncryptionKey::from_hex(KEY).unwrap()
}

fn user() -> UserId {
    UserId::from("github:1")
}

fn grant(access: &str, refresh: Option<&str>) -> Grant {
    Grant {
        user_id: user(),
        tool_name: "github".to_owned(),
        access_token: Secret::from(access),
        refresh_token: refresh.map(Secret::from),
        token_type: "Bearer".to_owned(),
        expires_at: Some(at(3_600_000)),
        refresh_expires_at: None,
        scopes: Some("repo user".to_owned()),
        metadata: Some(json!({"team": 1})),
    }
}

fn tokens_are_saved_replaced_and_revoked(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.tokens(&user(), "github", &key()).unwrap(), None);
    assert!(!store.revoke_tokens(&user(), "github").unwrap());
    let first = store.save_tokens(&grant("first", None), &key(), at(0)).unwrap();
    for text in TEXTS {
        let full = Grant {
            token_type: text.to_owned(),
            scopes: Some(text.to_owned()),
            metadata: Some(json!(null)),
            expires_at: None,
            refresh_expires_at: Some(at(9)),
            ..grant(text, Some(text))
        };
        for new in [full, Grant { scopes: None, metadata: None, ..grant(text, None) }] {
            // The row stays, and with it its id.
            assert_eq!(store.save_tokens(&new, &key(), at(1)).unwrap(), first);
            assert_eq!(store.tokens(&user(), "github", &key()).unwrap(), Some(new));
        }
    }
    let other = Grant { tool_name: "jira".to_owned(), ..grant("other", None) };
    assert_ne!(store.save_tokens(&other, &key(), at(2)).unwrap(), first);
    assert!(store.revoke_tokens(&user(), "github").unwrap());
    assert!(!store.revoke_tokens(&user(), "github").unwrap());
    assert_eq!(store.tokens(&user(), "github", &key()).unwrap(), None);
    assert_eq!(store.tokens(&user(), "jira", &key()).unwrap(), Some(other));
    assert_eq!(store.tokens(&"github:2".into(), "jira", &key()).unwrap(), None);
}

fn a_refresh_keeps_what_it_does_not_have(database: &dyn Database) {
    let mut store = database.open();
    let bare = Refresh {
        access_token: Secret::from("new"),
        refresh_token: None,
        expires_at: None,
        refresh_expires_at: None,
    };
    assert!(!store.refresh_tokens(&user(), "github", &bare, &key(), at(1)).unwrap());
    let old = Grant { refresh_expires_at: Some(at(7)), ..grant("old", Some("old refresh")) };
    store.save_tokens(&old, &key(), at(0)).unwrap();
    assert!(store.refresh_tokens(&user(), "github", &bare, &key(), at(1)).unwrap());
    let expected = Grant { access_token: Secret::from("new"), expires_at: None, ..old.clone() };
    assert_eq!(store.tokens(&user(), "github", &key()).unwrap(), Some(expected));
    let full = Refresh {
        access_token: Secret::from("newer"),
        refresh_token: Some(Secret::from("newer refresh")),
        expires_at: Some(at(8)),
        refresh_expires_at: Some(at(9)),
    };
    assert!(store.refresh_tokens(&user(), "github", &full, &key(), at(2)).unwrap());
    let expected = Grant {
        access_token: full.access_token.clone(),
        refresh_token: full.refresh_token.clone(),
        expires_at: full.expires_at,
        refresh_expires_at: full.refresh_expires_at,
        ..old
    };
    assert_eq!(store.tokens(&user(), "github", &key()).unwrap(), Some(expected));
    let moments = format!(
        "SELECT user_id AS value FROM oauth_tokens WHERE created_at = {} AND updated_at = {}",
        database.moment(at(0).epoch_ms()),
        database.moment(at(2).epoch_ms())
    );
    assert_eq!(database.texts(&moments), [Some("github:1".to_owned())]);
}

/// A row as the app writes it: the output of Node's `createCipheriv('aes-256-gcm', key, iv)`.
fn tokens_of_the_app_are_read(database: &dyn Database) {
    let iv = "000102030405060708090a0b0c0d0e0f";
    database.execute(&format!(
        "INSERT INTO oauth_tokens (user_id, tool_name, access_token, iv_access, refresh_token, iv_refresh)
         VALUES ('github:1', 'github', 'ba1c82809cecab3a3ade3f36148adaaf003fad0dd3e587e1b814e778f1359aa0',
                 '{iv}:1377b50cf40c6dad6ff53ee6fb63dbed', '2de96941cf5d7c9aed6af084f0',
                 '{iv}:9c2e41f500ea13ff08f40e38cabd7c3b')"
    ));
    let found = database.open().tokens(&user(), "github", &key()).unwrap().unwrap();
    assert_eq!(found.access_token.expose(), "gho_sampleAccessToken-0123456789");
    assert_eq!(found.refresh_token.unwrap().expose(), "\u{1D11E} ключ");
    // The rest has the defaults of the database.
    assert_eq!((found.token_type.as_str(), found.expires_at, found.metadata), ("Bearer", None, None));
}

fn tampered_columns_are_refused(database: &dyn Database) {
    let mut store = database.open();
    let refused = |error: Error, expected: &str| match error {
        Error::Cipher { column, source } => {
            assert_eq!(column, expected);
            assert!(matches!(source, TokenError::Authentication | TokenError::IvAndTag), "{source:?}");
        }
        other => panic!("{expected}: {other:?}"),
    };
    for (column, named) in [
        ("access_token", "access_token"),
        ("iv_access", "access_token"),
        ("refresh_token", "refresh_token"),
        ("iv_refresh", "refresh_token"),
    ] {
        for value in [
            // Another first digit, swapped columns, and nothing.
            format!("CASE WHEN {column} LIKE '0%' THEN '1' ELSE '0' END || substr({column}, 2)"),
            match column {
                "access_token" => "refresh_token".to_owned(),
                "refresh_token" => "access_token".to_owned(),
                "iv_access" => "iv_refresh".to_owned(),
                _ => "iv_access".to_owned(),
            },
            "''".to_owned(),
        ] {
            store.save_tokens(&grant("access", Some("refresh")), &key(), at(0)).unwrap();
            database.execute(&format!("UPDATE oauth_tokens SET {column} = {value}"));
            refused(store.tokens(&user(), "github", &key()).unwrap_err(), named);
        }
    }
    for column in ["refresh_token", "iv_refresh"] {
        store.save_tokens(&grant("access", Some("refresh")), &key(), at(0)).unwrap();
        database.execute(&format!("UPDATE oauth_tokens SET {column} = NULL"));
        let error = store.tokens(&user(), "github", &key()).unwrap_err();
        assert!(matches!(error, Error::UnknownValue { column: of, .. } if of == column), "{error:?}");
    }
    store.save_tokens(&grant("access", None), &key(), at(0)).unwrap();
    let other = EncryptionKey::from_hex(&"f".repeat(64)).unwrap();
    refused(store.tokens(&user(), "github", &other).unwrap_err(), "access_token");
}

fn nothing_that_is_printed_or_stored_shows_a_token(database: &dyn Database) {
    let mut store = database.open();
    let grant = grant("s3cret-access", Some("s3cret-refresh"));
    store.save_tokens(&grant, &key(), at(0)).unwrap();
    let refresh = Refresh {
        access_token: Secret::from("s3cret-new"),
        refresh_token: Some(Secret::from("s3cret-newer")),
        expires_at: None,
        refresh_expires_at: None,
    };
    store.refresh_tokens(&user(), "github", &refresh, &key(), at(0)).unwrap();
    let loaded = store.tokens(&user(), "github", &key()).unwrap().unwrap();
    database.execute("UPDATE oauth_tokens SET access_token = '00'");
    let error = store.tokens(&user(), "github", &key()).unwrap_err();
    let nul = Grant { user_id: "s3cret\0".into(), ..grant.clone() };
    let refused = store.save_tokens(&nul, &key(), at(0)).unwrap_err();
    let printed =
        format!("{grant:?} {refresh:?} {loaded:?} {error:?} {error} {refused:?} {refused} {:?}", key());
    assert!(!printed.contains("s3cret") && !printed.contains(&KEY[..8]), "{printed}");
    let stored = database.texts(
        "SELECT access_token || refresh_token || iv_access || iv_refresh || token_type || scopes AS value FROM oauth_tokens",
    );
    assert!(!stored[0].as_ref().unwrap().contains("s3cret"));
    // Each token has a vector of its own, also the same one.
    let vectors = |_| {
        let again = Grant { refresh_token: Some(grant.access_token.clone()), ..grant.clone() };
        database.open().save_tokens(&again, &key(), at(0)).unwrap();
        database
            .texts("SELECT iv_access AS value FROM oauth_tokens UNION SELECT iv_refresh FROM oauth_tokens")
    };
    let vectors: Vec<_> = [0, 1].into_iter().flat_map(vectors).collect();
    assert_eq!(vectors.len(), 4);
    assert!((0..4).all(|index| !vectors[index + 1..].contains(&vectors[index])));
}

fn what_one_database_cannot_hold_is_refused(database: &dyn Database) {
    let mut store = database.open();
    let good = || grant("\0 is fine in a token, which is encrypted", None);
    for (new, expected) in [
        (Grant { user_id: "\0".into(), ..good() }, "user_id"),
        (Grant { tool_name: "\0".to_owned(), ..good() }, "tool_name"),
        (Grant { token_type: "\0".to_owned(), ..good() }, "token_type"),
        (Grant { scopes: Some("\0".to_owned()), ..good() }, "scopes"),
        (Grant { metadata: Some(json!(["\0"])), ..good() }, "metadata"),
    ] {
        match store.save_tokens(&new, &key(), at(0)) {
            Err(Error::NulCharacter { table: Table::OauthTokens, column }) => assert_eq!(column, expected),
            other => panic!("{other:?}"),
        }
    }
    let never = Timestamp::from_epoch_ms(i64::MAX);
    for (new, now, expected) in [
        (good(), never, "updated_at"),
        (Grant { expires_at: Some(never), ..good() }, at(0), "expires_at"),
        (Grant { refresh_expires_at: Some(never), ..good() }, at(0), "refresh_expires_at"),
    ] {
        match store.save_tokens(&new, &key(), now) {
            Err(Error::OutOfRange { table: Table::OauthTokens, column }) => assert_eq!(column, expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(store.tokens(&"\0".into(), "a", &key()).is_err());
    assert!(store.tokens(&"a".into(), "\0", &key()).is_err());
    assert!(store.revoke_tokens(&"\0".into(), "a").is_err());
    assert!(store.revoke_tokens(&"a".into(), "\0").is_err());
    assert_eq!(database.texts("SELECT user_id AS value FROM oauth_tokens"), []);
    store.save_tokens(&good(), &key(), at(0)).unwrap();
    assert_eq!(store.tokens(&user(), "github", &key()).unwrap(), Some(good()));
}

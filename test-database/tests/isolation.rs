//! Databases of tests are apart from each other and gone afterwards, against a real server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;
use std::panic;
use std::sync::Barrier;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use test_database::TestDatabase;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn connect(database: &TestDatabase) -> PgConnection {
    PgConnection::establish(database.url()).unwrap()
}

fn tables(connection: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    sql_query(sql).load::<Name>(connection).unwrap().into_iter().map(|row| row.name).collect()
}

/// Whether the server has a database of this name, asked from another one.
fn exists(witness: &TestDatabase, name: &str) -> bool {
    let query =
        sql_query("SELECT count(*) AS count FROM pg_database WHERE datname = $1").bind::<Text, _>(name);
    query.get_result::<Count>(&mut connect(witness)).unwrap().count == 1
}

#[test]
fn two_databases_do_not_see_each_other() {
    let (one, other) = (TestDatabase::create(), TestDatabase::create());
    assert_ne!(one.name(), other.name());
    let (mut in_one, mut in_other) = (connect(&one), connect(&other));
    in_one.batch_execute("CREATE TABLE of_one (id int); INSERT INTO of_one VALUES (1)").unwrap();
    in_other.batch_execute("CREATE TABLE of_other (id int)").unwrap();
    assert_eq!(tables(&mut in_one), ["of_one"]);
    assert_eq!(tables(&mut in_other), ["of_other"]);
}

#[test]
fn a_new_database_is_empty_and_utf8_and_is_the_one_of_the_url() {
    let database = TestDatabase::create();
    let mut connection = connect(&database);
    assert!(tables(&mut connection).is_empty());
    let sql = "SELECT current_database()::text || ' ' || current_setting('server_encoding') AS name";
    let found = sql_query(sql).get_result::<Name>(&mut connection).unwrap().name;
    assert_eq!(found, format!("{} UTF8", database.name()));
}

#[test]
fn it_is_gone_after_the_guard_also_with_an_open_connection() {
    let witness = TestDatabase::create();
    let database = TestDatabase::create();
    let name = database.name().to_owned();
    let mut left_open = connect(&database);
    left_open.batch_execute("BEGIN; CREATE TABLE unfinished (id int)").unwrap();
    assert!(exists(&witness, &name));
    drop(database);
    assert!(!exists(&witness, &name));
    assert!(left_open.batch_execute("SELECT 1").is_err(), "the session must have ended");
}

#[test]
fn it_is_gone_after_a_panic() {
    let witness = TestDatabase::create();
    let result = thread::spawn(|| {
        let database = TestDatabase::create();
        let _open = connect(&database);
        panic::resume_unwind(Box::new(database.name().to_owned()));
    })
    .join();
    let name = *result.unwrap_err().downcast::<String>().unwrap();
    assert!(!exists(&witness, &name));
}

#[test]
fn a_test_may_drop_its_database_itself() {
    let (witness, database) = (TestDatabase::create(), TestDatabase::create());
    connect(&witness).batch_execute(&format!("DROP DATABASE {}", database.name())).unwrap();
}

#[test]
fn many_are_created_at_once() {
    let count = 12;
    let barrier = Barrier::new(count);
    let databases: Vec<TestDatabase> = thread::scope(|scope| {
        let create = || {
            barrier.wait();
            TestDatabase::create()
        };
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(databases.iter().map(TestDatabase::name).collect::<HashSet<_>>().len(), count);
    assert!(databases.iter().all(|database| exists(database, database.name())));
}

#[test]
fn debug_output_has_no_password() {
    let database = TestDatabase::create();
    assert_eq!(format!("{database:?}"), format!("TestDatabase {{ name: {:?}, .. }}", database.name()));
}

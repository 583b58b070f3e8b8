//! A comparison needs no right but SELECT, and leaves nothing in the target.

use postgres_client::Connection;

use super::Pair;
use crate::support::{ask, session};

const SOURCE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
    INSERT INTO t (name) VALUES ('a'), ('b')";

const TARGET: &str = "
    CREATE TABLE t (id bigserial PRIMARY KEY, name text);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('t_id_seq'); RETURN NEW; END $$;
    CREATE TRIGGER stamped BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stamp();
    ALTER TABLE t DISABLE TRIGGER stamped;
    INSERT INTO t (name) VALUES ('a'), ('b');
    ALTER TABLE t ENABLE TRIGGER stamped";

/// What a write would change: the objects, the position of the sequence, and the counts of the server.
const STATE: &str = "SELECT (SELECT count(*) FROM pg_class), (SELECT last_value FROM t_id_seq), (SELECT is_called FROM t_id_seq), \
    (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'), (SELECT count(*) FROM t)";

fn role(pair: &Pair, rights: &str) -> (String, String) {
    let name = format!("reader_{}", pair.database.name());
    pair.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'reader'; {}", rights.replace("ROLE", &name)));
    let (_, rest) = pair.database.url().rsplit_once('@').unwrap();
    (format!("postgres://{name}:reader@{rest}"), name)
}

struct Dropped<'a>(&'a Pair, String);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.execute(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.1));
    }
}

#[test]
fn a_role_that_may_only_read_is_enough() {
    let pair = Pair::new(SOURCE, TARGET);
    let before = ask(&mut session(pair.database.url()), STATE);
    let (url, name) = role(&pair, "GRANT SELECT ON t TO ROLE");
    let _dropped = Dropped(&pair, name.clone());
    let compared = pair.compared_as(&url).unwrap();
    assert!(compared.is_equal());
    pair.execute(&format!("ALTER ROLE {name} SET default_transaction_read_only = on"));
    assert!(pair.compared_as(&url).unwrap().is_equal());
    assert_eq!(ask(&mut session(pair.database.url()), STATE), before);
}

#[test]
fn rows_that_a_role_may_not_see_are_no_equality() {
    let pair = Pair::new(SOURCE, TARGET);
    let (url, name) = role(&pair, "SELECT");
    let _dropped = Dropped(&pair, name.clone());
    let error = pair.compared_as(&url).unwrap_err();
    assert!(error.contains("may not see every row"), "{error}");
    pair.execute(&format!("GRANT SELECT ON t TO {name}; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (true)"));
    let error = pair.compared_as(&url).unwrap_err();
    assert!(error.contains("may not see every row"), "{error}");
}

/// The owner, too, could write: nothing does.
#[test]
fn nothing_is_written_by_the_owner() {
    let pair = Pair::new(SOURCE, TARGET);
    let writes = |session: &mut Connection| {
        ask(session, "SELECT pg_current_wal_insert_lsn() IS NOT NULL, txid_current_if_assigned() IS NULL")
    };
    let before = ask(&mut session(pair.database.url()), STATE);
    pair.equal();
    assert_eq!(ask(&mut session(pair.database.url()), STATE), before);
    assert_eq!(writes(&mut session(pair.database.url())), ["t|t"]);
}

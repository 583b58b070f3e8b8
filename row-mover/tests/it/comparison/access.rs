//! A comparison needs no right but SELECT, and leaves nothing in the target.

use migrate_core::comparison::structure::{Severity, StructureDifference};
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

/// Each refusal names the statements that help, and they do.
#[test]
fn what_a_role_may_not_read_is_no_equality_and_the_printed_statements_help() {
    const MOVED: &str =
        "CREATE SCHEMA app; ALTER TABLE t SET SCHEMA app; ALTER DATABASE DATABASE SET search_path = app; ";
    const POLICY: &str = "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (true)";
    for (rights, reason, statements) in [
        ("SELECT", "may not read all of public.t: GRANT SELECT ON public.t TO", 1),
        ("GRANT SELECT (id) ON t TO ROLE", "may not read all of public.t: GRANT SELECT ON public.t TO", 1),
        (&format!("{MOVED} SELECT"), "GRANT USAGE ON SCHEMA app TO", 2),
        (&format!("{MOVED} GRANT SELECT ON app.t TO ROLE"), "GRANT USAGE ON SCHEMA app TO", 1),
        (&format!("GRANT SELECT ON t TO ROLE; {POLICY}"), "may not see every row of public.t", 1),
    ] {
        let mut pair = Pair::new(SOURCE, TARGET);
        if rights.contains("app") {
            pair.mapping = "schemas = [\"app\"]".to_owned();
        }
        let (url, name) =
            role(&pair, &rights.replace("DATABASE DATABASE", &format!("DATABASE {}", pair.database.name())));
        let _dropped = Dropped(&pair, name.clone());
        let error = pair.compared_as(&url).unwrap_err();
        assert!(error.contains(reason), "{rights}: {error}");
        assert_eq!(error.contains("ROW LEVEL"), rights.contains("POLICY"), "{rights}: {error}");
        let printed: Vec<&str> = error
            .split("; ")
            .flat_map(|part| part.split(": "))
            .filter(|part| ["GRANT", "ALTER"].iter().any(|verb| part.starts_with(verb)))
            .collect();
        assert_eq!(printed.len(), statements, "{error}");
        pair.execute(&printed.join(";"));
        assert!(pair.compared_as(&url).unwrap().is_equal());
    }
}

/// A sequence that a role may not read is named with the statement that lets it, which does.
#[test]
fn a_sequence_that_a_role_may_not_read_is_not_decided() {
    let pair = Pair::new(SOURCE, TARGET);
    pair.execute("SELECT setval('t_id_seq', 1)");
    let (url, name) = role(&pair, "GRANT SELECT ON t TO ROLE");
    let _dropped = Dropped(&pair, name.clone());
    let found = pair.structure_as(&url);
    let [left] = found.not_compared.as_slice() else { panic!("{found:#?}") };
    let words = report::words::reason(&left.reason);
    let statement = words.strip_prefix("this role may not read it: ").unwrap();
    assert_eq!(statement, format!("GRANT SELECT ON SEQUENCE public.t_id_seq TO {name};"));
    pair.execute(statement);
    let found = pair.structure_as(&url);
    let is_difference = |found: &&StructureDifference| found.severity != Severity::Remark;
    assert_eq!(found.differences.iter().filter(is_difference).count(), 1, "{found:#?}");
    assert!(found.not_compared.is_empty(), "{found:#?}");
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

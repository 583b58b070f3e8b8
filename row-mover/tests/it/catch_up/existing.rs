//! Tables of an app: its triggers, columns, views and constraints stay as they are, and nothing of them is called for changes that SQLite
//! has made already.

use super::{caught_up, counts};
use crate::support::Case;

#[test]
fn an_apps_tables_are_caught_up_as_they_were_loaded() {
    let case = Case::for_app(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, title TEXT);
         INSERT INTO users VALUES (1, 'ann', 30), (2, 'bob', 40);
         INSERT INTO posts VALUES (1, 1, 'one'), (2, 2, 'two')",
        "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, age integer CHECK (age > 0), \
           touched timestamptz NOT NULL DEFAULT '2026-01-01');
         CREATE TABLE posts (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE, title text);
         CREATE TABLE audit (what text);
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_OP); RETURN coalesce(NEW, OLD); END $$;
         CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE MATERIALIZED VIEW ages AS SELECT sum(age) AS total FROM users;",
        "[derived]\nages = \"fill\"\naudit = \"accept\"",
    );
    case.moved();
    let before = case.ask("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1");
    let constraints = "SELECT conname, condeferrable, convalidated, pg_get_constraintdef(oid) FROM pg_constraint \
                       WHERE conrelid IN ('users'::regclass, 'posts'::regclass) ORDER BY 1";
    let constraints_before = case.ask(constraints);
    let sql = "UPDATE users SET name = 'x' WHERE id = 1; UPDATE users SET name = 'ann', age = 41 WHERE id = 2; UPDATE users SET name = 'bob' WHERE id = 1; \
               INSERT INTO users VALUES (3, 'cy', 50); UPDATE posts SET user_id = 3 WHERE id = 1; DELETE FROM posts WHERE id = 2";
    assert_eq!(counts(&caught_up(&case, sql)), ["posts +0 ~1 -1 !0", "users +1 ~2 -0 !0"]);
    assert_eq!(case.ask("SELECT count(*) FROM audit"), ["0"]);
    assert_eq!(case.ask("SELECT total FROM ages"), ["121"]);
    assert_eq!(
        case.ask("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"),
        before
    );
    assert_eq!(case.ask(constraints), constraints_before);
    case.execute("INSERT INTO users (name, age) VALUES ('new', 1)");
    assert_eq!(case.ask("SELECT max(id) FROM users"), ["4"]);
}

//! Harmless changes: validation must still prove the database.

use crate::engine::{chain, session};
use crate::subject::Subject;

/// Changes by maintenance, ownership and tuning that affect neither the data nor the effect of a statement.
const HARMLESS: &[(&str, &str)] = &[
    ("nothing", ""),
    ("vacuumed", "VACUUM (FULL, ANALYZE)"),
    ("indexes made anew", "REINDEX DATABASE CONCURRENTLY {database}"),
    ("clustered", "{tables:ALTER TABLE {} CLUSTER ON {key}; CLUSTER {}}"),
    (
        "granted and commented",
        "{tables:GRANT SELECT ON {} TO PUBLIC; COMMENT ON TABLE {} IS 'the note of somebody'}",
    ),
    ("room left in pages", "{tables:ALTER TABLE {} SET (fillfactor = 70, autovacuum_enabled = false)}"),
    ("statistics", "{columns:ALTER TABLE {} ALTER {column} SET STATISTICS 500}"),
    ("storage", "{long:ALTER TABLE {} ALTER {column} SET STORAGE EXTERNAL}"),
    (
        "sequences advanced",
        "SELECT count(nextval(s.oid::regclass)) FROM pg_class s WHERE s.relkind = 'S' AND s.relnamespace <> 'migration'::regnamespace",
    ),
    (
        "rows written anew",
        "SET session_replication_role = replica; {columns:UPDATE {} SET {column} = {column}}",
    ),
    (
        "jsonb with other spaces",
        "SET session_replication_role = replica; {jsonb:UPDATE {} SET {column} = replace({column}::text, '\": ', '\" :  ')::jsonb}",
    ),
    (
        "another zone and other forms",
        "ALTER DATABASE {database} SET TimeZone = 'Asia/Kathmandu'; ALTER DATABASE {database} SET DateStyle = 'German, DMY'; \
         ALTER DATABASE {database} SET extra_float_digits = -15; ALTER DATABASE {database} SET bytea_output = 'escape'; \
         ALTER DATABASE {database} SET IntervalStyle = 'sql_standard'; ALTER DATABASE {database} SET row_security = off",
    ),
    ("another search path", "ALTER DATABASE {database} SET search_path = pg_catalog"),
    (
        "tables of somebody else",
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (id bigint PRIMARY KEY); CREATE VIEW elsewhere.v AS SELECT 1 AS one",
    ),
    ("a role that may", "{tables:ALTER TABLE {} OWNER TO CURRENT_USER}"),
];

/// Checks that each subject is proven after harmless changes: after all of them, or after the first one and a share of the others.
pub fn check(subjects: &[Subject], are_all: bool) {
    let mut jobs: Vec<(&Subject, &(&str, &str))> = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        let changes = HARMLESS.iter().enumerate();
        let tried = changes.filter(|(change, _)| are_all || *change == 0 || change % subjects.len() == at);
        jobs.extend(tried.map(|(_, change)| (subject, change)));
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let alarms = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((subject, (name, sql))) =
                    jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    if let Some(words) = alarm(subject, sql) {
                        alarms.lock().unwrap().push(format!("{} of {}: {words}", name, subject.name));
                    }
                }
            });
        }
    });
    let alarms = alarms.into_inner().unwrap();
    assert!(alarms.is_empty(), "false alarms:\n{}", alarms.join("\n"));
}

/// Returns what validation reports about a copy after a change, or none if it is proven.
fn alarm(subject: &Subject, change: &str) -> Option<String> {
    let copy = subject.case.database.copy();
    let mut session = session(copy.url());
    for sql in statements(subject, change, copy.name()) {
        session.script(&sql).unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
    }
    drop(session);
    match subject.validated(&copy) {
        Ok(validation) if validation.is_proven() => None,
        Ok(validation) => Some(crate::demand::found_in_words(&validation)),
        Err(error) => Some(error),
    }
}

/// Returns the statements of a change, expanded for each table and column.
fn statements(subject: &Subject, change: &str, database: &str) -> Vec<String> {
    use migrate_core::conversion::PgType;
    use migrate_core::identifier::quote_pg;
    let mut statements = Vec::new();
    let parts = change.replace("{database}", database);
    let beginnings = ["{tables:", "{columns:", "{long:", "{jsonb:"];
    let (plain, each) = beginnings.iter().find_map(|part| parts.split_once(part)).unwrap_or((&parts, ""));
    statements.extend(plain.split(';').map(|sql| sql.trim().to_owned()).filter(|sql| !sql.is_empty()));
    let Some(each) = each.strip_suffix('}') else { return statements };
    for table in &subject.tables {
        let name = table.qualified(&table.target);
        if let Some(key) = table.primary_key.as_ref().filter(|_| each.contains("{key}")) {
            statements.push(each.replace("{key}", &quote_pg(&key.name)).replace("{}", &name));
        } else if each.contains("{column}") {
            // Key columns are skipped: an app's identity column may be ALWAYS, and then cannot be updated.
            let is_key = |column: &str| {
                table.primary_key.iter().any(|key| key.columns.iter().any(|name| name == column))
            };
            let columns = table.columns.iter().filter(|column| column.generated.is_none());
            for column in columns.filter(|column| !is_key(&column.target)) {
                let fits = (!change.contains("{jsonb:") || column.target_type == PgType::Jsonb)
                    && (!change.contains("{long:")
                        || matches!(column.target_type, PgType::Jsonb | PgType::Text | PgType::Bytea));
                if fits {
                    statements.push(each.replace("{column}", &quote_pg(&column.target)).replace("{}", &name));
                }
            }
        } else if !each.contains("{key}") {
            statements.push(each.replace("{}", &name));
        }
    }
    statements
}

//! Finds calls that only the synchronous drivers of SQLite have: `.get()`, `.all()` and `.run()` on a query or a prepared statement,
//! `prepare` and `exec` with SQL, and transactions whose function is not `async`. A `get` of anything else is never named, so the
//! statement around a call decides.

use crate::text::Pattern;
use std::collections::BTreeSet;

/// A call that runs a statement, and what its arguments begin with.
static CALL: Pattern = Pattern::new(
    r"\.(?P<method>get|all|run|values|iterate|pluck)\s*(?:<[^<>()]*>)?\(\s*(?P<rest>\)|sql(?:<[^<>()]*>)?`|)",
);
/// What shows that a call without arguments ends a query of Drizzle.
static QUERY: Pattern = Pattern::new(
    r"\.(?:select|selectDistinct|from|where|orderBy|groupBy|limit|offset|values|set|returning|prepare|innerJoin|leftJoin|onConflictDo\w+)\s*(?:<[^<>()]*>)?\(|\.(?:delete|insert|update)\(\s*\w",
);
static PREPARE: Pattern = Pattern::new(
    r"\.prepare\s*(?:<[^<>()]*>)?\(\s*['\x22`]\s*(?i:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|PRAGMA|CREATE|DROP|ALTER|BEGIN)\b",
);
/// The name that a prepared statement gets, before `.prepare`.
static NAME: Pattern = Pattern::new(r"([\w$]+)\s*(?::\s*[\w.<>, ]+)?[:=]\s*[\w$.!?()]+$");
static EXEC: Pattern = Pattern::new(
    r"\.exec\s*\(\s*['\x22`]\s*(?i:(?:CREATE|DROP|ALTER)\s+(?:TABLE|INDEX|UNIQUE|VIEW|TRIGGER|VIRTUAL|TEMP)|INSERT\s+(?:INTO|OR)|UPDATE\s|DELETE\s+FROM|PRAGMA\s|SELECT\s|BEGIN|COMMIT|ROLLBACK|VACUUM|ATTACH)\b",
);
/// A transaction whose function returns at once, and the setting that only SQLite's transactions have.
static TRANSACTION: Pattern = Pattern::new(
    r#"\.(?P<sync>transaction)\s*(?:<[^<>()]*>)?\(\s*(?:\([^()]{0,200}\)|\w{1,50})\s*(?::[^=]{1,80})?=>|\b(?P<behavior>behavior)\s*:\s*['"](?:deferred|immediate|exclusive)['"]"#,
);
static ROW_NUMBER: Pattern = Pattern::new(r"\b(lastInsertRowid)\b");
/// The end of a statement, as far as punctuation shows.
static END: Pattern = Pattern::new(r";|\n[ \t\r]*\n");
/// The methods whose names are reported.
const METHODS: [&str; 6] = ["get", "all", "run", "values", "iterate", "pluck"];
/// The length of the text in which the name of a prepared statement is searched, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// The calls in code without comments: the offset, and the name of the method.
pub(crate) fn calls(code: &str) -> Vec<(usize, &'static str)> {
    let starts = |pattern: &Pattern| -> Vec<usize> {
        pattern.all(code).filter_map(|found| found.get(0)).map(|found| found.start()).collect()
    };
    let (prepared, queries, ends) = (starts(&PREPARE), starts(&QUERY), starts(&END));
    let mut found: Vec<(usize, &'static str)> = prepared.iter().map(|at| (at + 1, "prepare")).collect();
    found.extend(EXEC.all(code).filter_map(|each| Some((each.get(0)?.start() + 1, "exec"))));
    found.extend(ROW_NUMBER.found(code).map(|(at, _)| (at, "lastInsertRowid")));
    for each in TRANSACTION.all(code) {
        found.extend(each.name("sync").map(|name| (name.start(), "transaction")));
        found.extend(each.name("behavior").map(|name| (name.start(), "behavior")));
    }
    let statements: BTreeSet<&str> = prepared.iter().filter_map(|at| name_before(code, *at)).collect();
    for call in CALL.all(code) {
        let (Some(method), Some(rest)) = (call.name("method"), call.name("rest")) else { continue };
        let Some(name) = METHODS.into_iter().find(|name| *name == method.as_str()) else { continue };
        let at = method.start();
        let from = ends.get(ends.partition_point(|end| *end < at).wrapping_sub(1)).copied().unwrap_or(0);
        let is_after = |starts: &[usize]| {
            let last = starts.partition_point(|start| start + 1 < at).checked_sub(1);
            last.and_then(|last| starts.get(last)).is_some_and(|start| *start >= from)
        };
        let is_call = match rest.as_str() {
            // db.all(sql`…`)
            text if text.starts_with("sql") => true,
            ")" if matches!(name, "get" | "all" | "run") && is_after(&queries) => true,
            _ => name != "values" && (is_after(&prepared) || statements.contains(receiver(code, at))),
        };
        if is_call {
            found.push((at, name));
        }
    }
    found
}

/// The text of at most `NAME_BYTES_MAX` bytes before an offset.
fn text_before(code: &str, at: usize) -> &str {
    let from = (at.saturating_sub(NAME_BYTES_MAX)..=at).find(|from| code.is_char_boundary(*from));
    code.get(from.unwrap_or(at)..at).unwrap_or_default()
}

fn name_before(code: &str, at: usize) -> Option<&str> {
    NAME.found(text_before(code, at)).next().map(|(_, name)| name)
}

/// The last word before a call's dot.
fn receiver(code: &str, at: usize) -> &str {
    let text = text_before(code, at).trim_end_matches(['.', '?', '!']).trim_end();
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
    text.get(text.trim_end_matches(is_word).len()..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_of_a_driver_are_found() {
        for (source, expected) in [
            ("const row = db.select().from(jobs).where(eq(jobs.id, id)).get();", "get"),
            ("return entries.orderBy(a, b)\n  .all().map(f)", "all"),
            ("db.insert(jobs).values(row).run()", "run"),
            ("db.delete(jobs).run().changes", "run"),
            (
                "const s = db.prepare('SELECT 1 WHERE a = ?');\nconst r = s.get(id);\nother.get(id)",
                "prepare get",
            ),
            ("const s: Statement = this.db.prepare(`\n  SELECT 1`); s.all(1, 2)", "prepare all"),
            ("const all = { byId: db.prepare('select 1') }; all.byId.get(1)", "prepare get"),
            ("db.prepare('DELETE FROM jobs').run()", "prepare run"),
            ("db.prepare<[string], Row>('SELECT 1').get(id)", "prepare get"),
            ("db.exec('CREATE TABLE a (b)'); db.exec(`PRAGMA x`)", "exec exec"),
            ("db.all(sql`SELECT 1`); await db.get<{ n: number }>(sql`SELECT 1`)", "all get"),
            ("db.transaction((tx) => { f(tx) }, { behavior: 'immediate' })", "transaction behavior"),
            ("db.transaction(tx => f(tx))", "transaction"),
            ("info.lastInsertRowid", "lastInsertRowid"),
            ("await db.transaction(async (tx) => f(tx))", ""),
            ("await Promise.all([a, b]); new Map().get(x); params.get('x'); headers().get('y')", ""),
            ("const a = cookies.get(); const b = store.all(); task.run()", ""),
            ("/x/.exec('a'); re.exec(text); pattern.exec(`select`)", ""),
            ("await db.select().from(jobs); map.values(); cache.get(key)", ""),
            ("const q = db.select().from(a).prepare('name'); await q.execute()", ""),
            ("stage.prepare('the tables'); script.behavior = 'smooth'; ({ behavior: 'smooth' })", ""),
        ] {
            let mut found = calls(source);
            found.sort();
            let names: Vec<_> = found.into_iter().map(|(_, name)| name).collect();
            assert_eq!(names.join(" "), expected, "{source}");
        }
    }

    #[test]
    fn hostile_code_takes_linear_time() {
        for pattern in [
            ".get(",
            "a.get()",
            ".prepare(",
            "x: ",
            ".transaction(",
            "db.select().get()",
            "a: b.c",
            "$.",
            "é.all()",
        ] {
            calls(&pattern.repeat(50_000));
        }
    }
}

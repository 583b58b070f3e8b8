//! Operator classes of indexes: a class that the target does not have is found before anything changes, and each printed remedy works.

use std::collections::BTreeSet;

use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use postgres_client::TargetUrl;
use row_mover::Error;
use row_mover::observer::Silent;
use row_mover::remedy::Remedy;
use row_mover::run::{self, Outcome, Request};
use row_mover::source::evidence;
use row_mover::source::page_limits::Exceeded;

use crate::support::{Case, chain, moved, plan, sqlite, write_migrations};

/// The definitions of the indexes of `public`, without those of constraints.
fn indexes(case: &Case) -> Vec<String> {
    case.ask(
        "SELECT pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) \
         AND c.relname NOT LIKE '\\_\\_%' ORDER BY c.relname",
    )
}

/// Why no plan is made.
#[track_caller]
fn refusal(sql: &str, mapping: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, sql);
    let mapping = Mapping::from_toml(&format!("format = 1\n{mapping}")).unwrap();
    let error = evidence::plan(&path, &mapping, 1, &|_| {}).err().unwrap_or_else(|| panic!("{sql}: planned"));
    chain(&error)
}

const SOURCE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT, name TEXT NOT NULL, tags TEXT, n INTEGER, at TEXT);
    CREATE INDEX by_name ON t (name DESC, n); CREATE INDEX by_lower ON t (lower ( name ), n) WHERE n > 1;
    CREATE UNIQUE INDEX once ON t (name);
    CREATE INDEX by_at ON t (at COLLATE NOCASE);
    INSERT INTO t VALUES (1, '{\"a\": {\"b\": [1, 2]}}', 'one', '[\"x\", \"y\"]', 1, 'A'), (2, '[]', 'two', NULL, 2, 'b'), (3, NULL, 'Three', '[]', 3, NULL);";

const COLUMNS: &str =
    "[tables.t.columns]\ndoc = { as = \"jsonb\" }\ntags = { as = \"text_array_from_json\" }\n";

/// An added index named `added`.
fn added(method: &str, columns: &str, ops: &str) -> String {
    format!(
        "{COLUMNS}[[tables.t.indexes]]\nname = \"added\"\nmethod = \"{method}\"\ncolumns = [{columns}]\nops = {{ {ops} }}\nwhy = \"test\"\n"
    )
}

#[test]
fn classes_reach_the_target_and_are_validated() {
    let mapping = format!(
        "{}[[tables.t.indexes]]\nname = \"parts\"\nmethod = \"gin\"\ncolumns = [\"name\", \"n\", \"tags\"]\n\
         ops = {{ name = \"gin_trgm_ops\", n = \"public.int8_ops\" }}\nwhy = \"test\"\n\
         [tables.t.index_ops]\nby_name = {{ name = \"TEXT_pattern_ops\" }}\nby_lower = {{ \"lower(name)\" = \"pg_catalog.text_pattern_ops\" }}\n\
         once = {{ name = \"varchar_pattern_ops\" }}\nby_at = {{ at = \"text_pattern_ops\" }}",
        added("gin", "\"doc\"", "doc = \"jsonb_path_ops\"")
    );
    let case = Case::mapped(SOURCE, &mapping);
    case.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin");
    case.moved();
    let expected = [
        "CREATE INDEX added ON public.t USING gin (doc jsonb_path_ops)",
        "CREATE INDEX by_at ON public.t USING btree (lower(at) text_pattern_ops)",
        "CREATE INDEX by_lower ON public.t USING btree (lower(name) text_pattern_ops, n) WHERE (n > 1)",
        "CREATE INDEX by_name ON public.t USING btree (name text_pattern_ops DESC, n)",
        "CREATE UNIQUE INDEX once ON public.t USING btree (name varchar_pattern_ops)",
        "CREATE INDEX parts ON public.t USING gin (name gin_trgm_ops, n, tags)",
    ];
    assert_eq!(indexes(&case), expected);
    // The plan is the same after it was written and read.
    let json = migrate_core::render::plan_json(&case.plan);
    assert!(json.contains("{\"column\": \"doc\", \"ops\": \"jsonb_path_ops\"}"), "{json}");
    assert_eq!(Plan::from_json(&json).unwrap(), case.plan);
    // Each index with its default class is a difference, and the plan's index repairs it.
    for (name, other, planned) in [
        ("added", "USING gin (doc)", "USING gin (doc jsonb_path_ops)"),
        ("by_name", "(name DESC, n)", "USING btree (name text_pattern_ops DESC, n)"),
        ("parts", "USING gin (n, tags)", "USING gin (name public.gin_trgm_ops, n public.int8_ops, tags)"),
    ] {
        case.execute(&format!("DROP INDEX {name}; CREATE INDEX {name} ON t {other}"));
        let (_, validation) = case.validated(false);
        assert!(!validation.is_proven());
        let words = report::words::schema_list(&validation.schema);
        assert!(words.contains(name), "{words}");
        case.execute(&format!("DROP INDEX {name}; CREATE INDEX {name} ON t {planned}"));
        assert!(case.validated(false).1.is_proven(), "{name}");
    }
}

#[test]
fn a_plan_without_classes_does_not_mention_them() {
    let case = Case::mapped(SOURCE, COLUMNS);
    assert!(!migrate_core::render::plan_json(&case.plan).contains("\"ops\""));
}

#[test]
fn classes_that_postgresql_does_not_have_are_refused_by_the_plan() {
    let source_index = |index: &str, key: &str, class: &str| {
        format!("{COLUMNS}[tables.t.index_ops]\n{index} = {{ {key} = \"{class}\" }}")
    };
    for (mapping, words) in [
        (
            added("gin", "\"doc\"", "doc = \"jsonb_path_op\""),
            "index added of t uses doc, which is jsonb, and PostgreSQL has no operator class jsonb_path_op for the method gin; for the \
             method gin it can have jsonb_ops (the default), jsonb_path_ops; write the class of an extension with its schema, such as \
             public.jsonb_path_op",
        ),
        (
            added("btree", "\"doc\"", "doc = \"jsonb_path_ops\""),
            "index added of t uses doc, which is jsonb, and jsonb_path_ops is a class of the method gin; for the method btree it can have \
             jsonb_ops (the default)",
        ),
        (
            added("btree", "\"name\"", "name = \"gin_trgm_ops\""),
            "index added of t uses name, which is text, and gin_trgm_ops is a class of the method gin; for the method btree it can have",
        ),
        (
            added("gin", "\"name\"", "name = \"text_pattern_ops\""),
            "index added of t uses name, which is text, and text_pattern_ops is a class of the methods btree and hash; for the method gin",
        ),
        (
            added("gin", "\"name\"", "name = \"jsonb_path_ops\""),
            "index added of t uses name, which is text, and the operator class jsonb_path_ops is for other types; for the method gin it \
             can have public.gin_trgm_ops (extension pg_trgm), public.text_ops (extension btree_gin)",
        ),
        (
            added("gin", "\"n\"", "n = \"gin_trgm_ops\""),
            "index added of t uses n, which is bigint, and the operator class gin_trgm_ops is for other types",
        ),
        (
            added("hash", "\"n\"", "n = \"pg_catalog.text_ops\""),
            "index added of t uses n, which is bigint, and the operator class pg_catalog.text_ops is for other types",
        ),
        (
            added("gin", "\"name\"", ""),
            "index added of t uses name, and a gin index needs jsonb or an array, or",
        ),
        (
            source_index("once", "name", "app.words_ops"),
            "index once of t uses name, which is text, and in a unique index the operator class app.words_ops, which this program does \
             not know for the method btree, may find values equal that SQLite distinguishes; for the method btree it can have text_ops",
        ),
        (
            source_index("once", "name", "pg_catalog.bpchar_ops"),
            "in a unique index the operator class pg_catalog.bpchar_ops, which this program does not know for the method btree, may find",
        ),
        (
            source_index("once", "name", "bpchar_ops"),
            "in a unique index the operator class bpchar_ops, which this program does not know for the method btree, may find",
        ),
        (
            source_index("once", "name", "gin_trgm_ops"),
            "index once of t uses name, which is text, and gin_trgm_ops is a class of the method gin; for the method btree it can have",
        ),
        (
            source_index("by_nam", "name", "text_ops"),
            "mapping.toml names index by_nam, which the source does not have; did you mean",
        ),
        (
            source_index("by_name", "nmae", "text_ops"),
            "mapping.toml names key nmae of index by_name, which the source does not have; did you mean name?",
        ),
        (
            source_index("by_lower", "\"upper(name)\"", "text_ops"),
            "mapping.toml names key upper(name) of index by_lower, which the source does not have; did you mean lower (name)?",
        ),
        (
            source_index("by_name", "n", "text_ops"),
            "index by_name of t uses n, which is bigint, and the operator class text_ops",
        ),
    ] {
        let refusal = refusal(SOURCE, &mapping);
        assert!(refusal.contains(words), "{refusal}\nis not\n{words}");
        let has_advice = refusal.contains("write the class of an extension");
        assert_eq!(has_advice, mapping.contains("\"jsonb_path_op\""), "{refusal}");
    }
    let money = "[tables.t.columns]\nn = { as = \"money\" }\n[[tables.t.indexes]]\nname = \"i\"\nmethod = \"hash\"\ncolumns = [\"n\"]\nwhy = \"\"";
    let refusal = refusal("CREATE TABLE t (n INTEGER)", money);
    assert!(refusal.contains("index i of t uses n, of which PostgreSQL computes no hash"), "{refusal}");
}

#[test]
fn a_class_of_a_skipped_index_has_no_effect() {
    for skipped in ["once", "t_once_idx"] {
        let rename = "[tables.t.rename_indexes]\nonce = \"t_once_idx\"\n";
        let mapping = format!(
            "{COLUMNS}{rename}[tables.t.index_ops]\nonce = {{ name = \"app.words_ops\" }}\n[tables.t.skip_indexes]\n{skipped} = \"test\""
        );
        let case = Case::mapped(SOURCE, &mapping);
        case.moved();
        assert_eq!(case.plan.tables[0].indexes.len(), 3, "{skipped}");
    }
}

#[test]
fn classes_of_expressions_are_matched_with_the_spaces_of_their_texts() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX i ON t (a || ' ', a || '');
        INSERT INTO t VALUES (1, 'b')";
    let case = Case::mapped(source, "[tables.t.index_ops]\ni = { \"a||''\" = \"text_pattern_ops\" }");
    let classes: Vec<bool> =
        case.plan.tables[0].indexes[0].columns.iter().map(|key| key.ops.is_some()).collect();
    assert_eq!(classes, [false, true]);
}

/// Migrates, which must be refused for the class of an index without a trace; returns the error.
#[track_caller]
fn refused_class(case: &Case, class: &str) -> Error {
    let before = case.target_objects();
    let dry = run::dry_run(&case.request(), &Silent);
    let error = case.refused();
    let words = chain(&error);
    assert!(words.contains(&format!("with the operator class {class}")), "{words}");
    assert_eq!(dry.map_err(|error| chain(&error)).err(), Some(words));
    assert_eq!(case.target_objects(), before);
    assert!(case.backups().is_empty());
    error
}

/// The same case with a plan for another class.
#[track_caller]
fn planned_again(case: Case, mapping: &str) -> Case {
    let Case { dir, database, source, .. } = case;
    let plan = plan(&source, mapping);
    let migrations = write_migrations(&plan, &dir.path().join("migrations"));
    Case { dir, database, source, plan, migrations }
}

#[test]
fn an_extension_that_is_missing_is_found_before_anything_changes() {
    for (columns, ops, class, expected) in [
        (
            "\"name\"",
            "name = \"gin_trgm_ops\"",
            "public.gin_trgm_ops",
            "CREATE EXTENSION pg_trgm SCHEMA public",
        ),
        ("\"n\"", "n = \"int8_ops\"", "public.int8_ops", "CREATE EXTENSION btree_gin SCHEMA public"),
        (
            "\"name\"",
            "name = \"\\\"A b\\\".gin_trgm_ops\"",
            "\"A b\".gin_trgm_ops",
            "CREATE EXTENSION pg_trgm SCHEMA \"A b\"",
        ),
    ] {
        let case = Case::mapped(SOURCE, &added("gin", columns, ops));
        case.execute("CREATE SCHEMA \"A b\"");
        assert_eq!(refused_class(&case, class).remedy_text(), Some(expected));
        case.execute(expected);
        case.moved();
    }
}

#[test]
fn a_schema_that_the_role_may_not_use_is_found() {
    let case = Case::mapped(SOURCE, &added("gin", "\"name\"", "name = \"closed.gin_trgm_ops\""));
    case.execute("CREATE SCHEMA closed; CREATE EXTENSION pg_trgm SCHEMA closed");
    let role = format!("uses_{}", case.database.name());
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT CREATE ON DATABASE {0} TO {role}; GRANT USAGE, CREATE ON SCHEMA public TO {role}",
        case.database.name()
    ));
    let (_, address) = case.database.url().rsplit_once('@').unwrap();
    let url = format!("postgres://{role}:p@{address}");
    let request = || Request { target: TargetUrl::parse(&url).unwrap(), ..case.request() };
    let error = run::migrate(&request(), &Silent).unwrap_err();
    let remedy = format!("GRANT USAGE ON SCHEMA closed TO {role}");
    assert_eq!(error.remedy_text(), Some(remedy.as_str()), "{}", chain(&error));
    case.execute(&remedy);
    moved(run::migrate(&request(), &Silent));
    case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_class_in_another_schema_is_named_there() {
    let case = Case::mapped(SOURCE, &added("gin", "\"name\"", "name = \"gin_trgm_ops\""));
    case.execute("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions");
    let named =
        Remedy::NameOperatorClass { index: "added".to_owned(), class: "extensions.gin_trgm_ops".to_owned() };
    assert_eq!(refused_class(&case, "public.gin_trgm_ops").remedy_value(), Some(&named));
    let case = planned_again(case, &added("gin", "\"name\"", "name = \"extensions.gin_trgm_ops\""));
    case.moved();
    assert_eq!(indexes(&case)[0], "CREATE INDEX added ON public.t USING gin (name extensions.gin_trgm_ops)");
}

#[test]
fn a_class_that_nothing_known_has_or_that_is_for_another_type_is_refused_by_the_target() {
    let case = Case::mapped(SOURCE, &added("gin", "\"name\"", "name = \"app.words_ops\""));
    let index = "added".to_owned();
    let refused = refused_class(&case, "app.words_ops");
    assert_eq!(refused.remedy_value(), Some(&Remedy::CreateExtensionOrOtherClass { index: index.clone() }));
    let case = Case::mapped(SOURCE, &added("gin", "\"n\"", "n = \"public.gin_trgm_ops\""));
    case.execute("CREATE EXTENSION pg_trgm");
    let refused = refused_class(&case, "public.gin_trgm_ops");
    assert_eq!(refused.remedy_value(), Some(&Remedy::OtherOperatorClass { index }));
    // The type of an expression is PostgreSQL's to tell.
    let length = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE INDEX i ON t (length(v)); INSERT INTO t VALUES (1, 'a')";
    let class = |class: &str| format!("[tables.t.index_ops]\ni = {{ \"length(v)\" = \"{class}\" }}");
    let case = Case::mapped(length, &class("text_pattern_ops"));
    let refused = refused_class(&case, "text_pattern_ops");
    assert_eq!(refused.remedy_value(), Some(&Remedy::OtherOperatorClass { index: "i".to_owned() }));
    let kind = case.ask("SELECT pg_typeof(length('a'))")[0].clone();
    let reason = chain(&case.refused());
    let expected = format!("operator class \"text_pattern_ops\" does not accept data type {kind}");
    assert!(reason.contains(&expected), "{reason}");
    let case = planned_again(case, &class(if kind == "integer" { "int4_ops" } else { "int8_ops" }));
    case.moved();
}

#[test]
fn a_class_of_the_apps_own_is_used() {
    let case = Case::mapped(SOURCE, &added("btree", "\"name\"", "name = \"app.own_ops\""));
    case.execute(
        "CREATE SCHEMA app; CREATE OPERATOR CLASS app.own_ops FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, \
         OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 bttextcmp(text, text)",
    );
    case.moved();
    assert_eq!(indexes(&case)[0], "CREATE INDEX added ON public.t USING btree (name app.own_ops)");
}

#[test]
fn tables_of_an_app_keep_their_own_indexes() {
    let target = "CREATE TABLE t (id bigint PRIMARY KEY, doc jsonb, name text NOT NULL, tags text[], n bigint, at text);
                  CREATE INDEX own ON t USING gin (doc)";
    let mapping = format!(
        "into_existing = true\n{}[tables.t.index_ops]\nby_name = {{ name = \"app.none_ops\" }}",
        added("gin", "\"doc\"", "doc = \"jsonb_path_ops\"")
    );
    let case = Case::for_app(SOURCE, target, &mapping);
    let left: Vec<&str> = case.plan.left_behind.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(left, ["added of t"]);
    case.moved();
    assert_eq!(indexes(&case), ["CREATE INDEX own ON public.t USING gin (doc)"]);
}

#[test]
fn values_too_long_for_a_gin_index_are_found_before_anything_changes() {
    let long = "hex(randomblob(4000))";
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT, name TEXT, tags TEXT);
         INSERT INTO t VALUES (1, json_object('a', {long}, {long}, 'b'), {long}, json_array('a', {long})), (2, '{{}}', 'b', '[\"c\"]');"
    );
    let index = |name: &str, column: &str, ops: &str| {
        format!(
            "[[tables.t.indexes]]\nname = \"{name}\"\nmethod = \"gin\"\ncolumns = [\"{column}\"]\nops = {{ {ops} }}\nwhy = \"test\"\n"
        )
    };
    let fitting = [
        index("docs", "doc", ""),
        index("paths", "doc", "doc = \"jsonb_path_ops\""),
        index("trigrams", "name", "name = \"gin_trgm_ops\""),
    ];
    let long = [index("tags", "tags", ""), index("names", "name", "name = \"text_ops\"")];
    let case = Case::mapped(&source, &format!("{COLUMNS}{}{}", fitting.concat(), long.concat()));
    case.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin");
    let outcome = run::migrate(&case.request(), &Silent).map_err(|error| chain(&error)).unwrap();
    let Outcome::Rejected { findings, .. } = outcome else { panic!("{outcome:?}") };
    let names: BTreeSet<String> = (findings.tables.iter().flat_map(|table| &table.exceeding))
        .map(|exceeding| match &exceeding.limit {
            Exceeded::Key { name, .. } => format!("{name}: {}", exceeding.first.join("; ")),
            Exceeded::Row { .. } => "a row".to_owned(),
        })
        .collect();
    assert_eq!(names, BTreeSet::from(["names: id=1".to_owned(), "tags: id=1".to_owned()]));
    let case = planned_again(case, &format!("{COLUMNS}{}", fitting.concat()));
    case.moved();
}

#[test]
fn elements_too_long_for_a_gin_index_of_an_app_are_found() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, tags TEXT); INSERT INTO t VALUES (1, json_array(hex(randomblob(4000)))), (2, '[]');";
    let target =
        "CREATE TABLE t (id bigint PRIMARY KEY, tags text[]); CREATE INDEX tagged ON t USING gin (tags)";
    let case = Case::for_app(source, target, "into_existing = true");
    let outcome = run::migrate(&case.request(), &Silent).map_err(|error| chain(&error)).unwrap();
    let Outcome::Rejected { findings, .. } = outcome else { panic!("{outcome:?}") };
    let exceeding: Vec<_> = findings.tables.iter().flat_map(|table| &table.exceeding).collect();
    assert!(matches!(&exceeding[..], [only] if only.first == ["id=1"]), "{exceeding:?}");
    case.execute("DROP INDEX tagged");
}

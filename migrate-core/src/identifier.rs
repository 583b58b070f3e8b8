//! Names in SQL: quoting for each database, and the stable short form of a name that PostgreSQL would cut.

use sha2::{Digest, Sha256};

/// The longest name that PostgreSQL keeps, in bytes (manual, section 4.1.1: NAMEDATALEN less one).
pub(crate) const PG_NAME_LENGTH_MAX_BYTES: usize = 63;

/// Words that PostgreSQL 15 to 18 do not take as a bare column or table name (manual, appendix C: all that are reserved, or
/// "cannot be function or type"), so that a name spelt so is quoted.
const PG_RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// `name` as PostgreSQL's SQL writes it: bare where it stays as it is, quoted otherwise (manual, section 4.1.1).
pub fn quote_pg(name: &str) -> String {
    let mut letters = name.bytes();
    let bare = letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && PG_RESERVED.binary_search(&name).is_err();
    if bare { name.to_owned() } else { quote_always(name) }
}

/// Something of this name in `schema`, as SQL that needs no search path.
pub fn qualified_pg(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_pg(schema), quote_pg(name))
}

/// `name` as SQLite's SQL writes it, always quoted (SQLite manual, "SQLite Keywords").
pub fn quote_sqlite(name: &str) -> String {
    quote_always(name)
}

/// `text` as a string literal of PostgreSQL, whatever `standard_conforming_strings` says.
pub fn quote_pg_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// `names`, each as PostgreSQL's SQL writes it, with commas between.
pub fn quote_pg_list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| quote_pg(name)).collect::<Vec<_>>().join(", ")
}

/// `name`, or where PostgreSQL would cut it a short form: its beginning and eight hex digits of its SHA-256, so that two
/// names with one beginning stay apart and each run gives the same.
pub fn fit_pg(name: &str) -> String {
    if name.len() <= PG_NAME_LENGTH_MAX_BYTES {
        return name.to_owned();
    }
    hashed_pg(name, name)
}

/// The beginning of `name` and eight hex digits of the SHA-256 of `salt`: a name that PostgreSQL keeps, the same on each run.
pub fn hashed_pg(name: &str, salt: &str) -> String {
    let digest = Sha256::digest(salt.as_bytes());
    let suffix: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut end = name.len().min(PG_NAME_LENGTH_MAX_BYTES - 1 - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{suffix}", &name[..end])
}

fn quote_always(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted_for_the_search() {
        assert!(PG_RESERVED.is_sorted());
    }

    #[test]
    fn names_are_quoted_where_needed() {
        for (name, quoted) in [
            ("jobs", "jobs"),
            ("key", "key"),
            ("user", "\"user\""),
            ("Jobs", "\"Jobs\""),
            ("1st", "\"1st\""),
            ("", "\"\""),
            ("x\"; DROP TABLE victim; --", "\"x\"\"; DROP TABLE victim; --\""),
            ("таблица", "\"таблица\""),
        ] {
            assert_eq!(quote_pg(name), quoted);
        }
    }

    #[test]
    fn literals_keep_quotes_and_backslashes() {
        assert_eq!(quote_pg_literal("it's"), "'it''s'");
        assert_eq!(quote_pg_literal("a\\'b"), "E'a\\\\''b'");
    }

    #[test]
    fn long_names_get_a_stable_short_form() {
        let (one, two) = (format!("{}_one", "x".repeat(70)), format!("{}_two", "x".repeat(70)));
        assert_eq!(fit_pg(&one).len(), PG_NAME_LENGTH_MAX_BYTES);
        assert_ne!(fit_pg(&one), fit_pg(&two));
        assert_eq!(fit_pg(&one), fit_pg(&one));
        assert!(fit_pg(&"é".repeat(60)).len() <= PG_NAME_LENGTH_MAX_BYTES);
    }
}

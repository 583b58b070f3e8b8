//! Finds where a schema exceeds SQLite's limits, which is the real reason why some undamaged files cannot be opened.
//!
//! SQLite reports any statement of a schema that it does not accept as `SQLITE_CORRUPT`, "malformed database schema". An app whose
//! SQLite was compiled with larger limits writes such statements, and its file is not damaged. So the stored statements are read
//! without parsing them, and compared with each limit.

use std::fmt;

use migrate_core::source_sql::{SqlExtent, sql_extent};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Row};

use crate::error::Error;

/// The most views that are read. SQLite recurses for each view of a view, and needs quadratic time for a chain of them.
pub const VIEWS_MAX: i64 = 10_000;

/// Nesting from which on the stack of SQLite's parser may be too small: a query in a query uses seven of its entries.
const NESTING_SUSPECT: i64 = 2_500 / 8;

/// A limit of SQLite, or of this program, that a schema exceeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The object that exceeds it: a kind and a name, such as `view v`.
    pub object: String,
    /// Which limit.
    pub limit: ExceededLimit,
    /// How much there is.
    pub found: i64,
    /// How much is allowed.
    pub most: i64,
}

/// A limit that a schema may exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceededLimit {
    /// `SQLITE_LIMIT_SQL_LENGTH`: the bytes of a statement.
    SqlLength,
    /// `SQLITE_LIMIT_EXPR_DEPTH`: the levels of an expression.
    ExpressionDepth,
    /// `SQLITE_LIMIT_COLUMN`: the columns of a table or index.
    Columns,
    /// `SQLITE_LIMIT_COMPOUND_SELECT`: the terms of a compound SELECT.
    CompoundTerms,
    /// `SQLITE_LIMIT_FUNCTION_ARG`: the arguments of a call.
    Arguments,
    /// `SQLITE_LIMIT_PARSER_DEPTH`: the stack of the parser, which brackets and queries in each other take several entries of.
    Nesting,
    /// [`VIEWS_MAX`].
    Views,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excess { object, found, most, .. } = self;
        match self.limit {
            ExceededLimit::SqlLength => {
                write!(f, "the SQL of {object} has {found} bytes, and {most} are read")
            }
            ExceededLimit::ExpressionDepth => {
                write!(f, "an expression of {object} has {found} levels, and SQLite takes {most}")
            }
            ExceededLimit::Columns => write!(f, "{object} has {found} columns, and SQLite takes {most}"),
            ExceededLimit::CompoundTerms => {
                write!(f, "a compound SELECT of {object} has {found} terms, and SQLite takes {most}")
            }
            ExceededLimit::Arguments => {
                write!(f, "a call in {object} has {found} arguments, and SQLite takes {most}")
            }
            ExceededLimit::Nesting => write!(
                f,
                "brackets or queries of {object} are nested {found} levels deep, which is more than the {most} entries of \
                 SQLite's parser stack hold"
            ),
            ExceededLimit::Views => write!(f, "{object} has {found} views, and {most} are read"),
        }
    }
}

impl Excess {
    /// The refusal of the file that `shown` names.
    pub(super) fn refusal(&self, shown: &dyn fmt::Display) -> Error {
        Error::new(format!(
            "{shown} exceeds a limit of this program's SQLite ({}), and is not damaged",
            rusqlite::version()
        ))
        .caused_by(self.to_string())
        .with_remedy_text("in a copy of the file, let the app's own SQLite drop this or make it smaller, and migrate the copy")
    }
}

/// The first limit that the schema of `lenient` exceeds; none if it exceeds nothing. `lenient` accepts a schema that it cannot parse, and
/// has the limits that count.
pub(super) fn excess(lenient: &Connection) -> rusqlite::Result<Option<Excess>> {
    let limit = |limit| lenient.limit(limit).map(i64::from);
    let length_max = limit(Limit::SQLITE_LIMIT_SQL_LENGTH)?;
    let mut statement = lenient.prepare(
        "SELECT type, name, octet_length(sql), CASE WHEN octet_length(sql) <= ?1 THEN sql END FROM sqlite_schema",
    )?;
    let mut rows = statement.query([length_max])?;
    while let Some(row) = rows.next()? {
        let object = object(row)?;
        let length: Option<i64> = row.get(2)?;
        if let Some(found) = length.filter(|length| *length > length_max) {
            return Ok(Some(Excess { object, limit: ExceededLimit::SqlLength, found, most: length_max }));
        }
        let sql: Option<String> = row.get(3).unwrap_or_default();
        // A statement that even the larger parser does not read does not exceed a limit.
        let Some(Ok(extent)) = sql.map(|sql| sql_extent(&object, &sql)) else { continue };
        for (found, limited, which) in measures(&extent) {
            let (found, most) = (i64::try_from(found).unwrap_or(i64::MAX), limit(limited)?);
            let is_over = match which {
                ExceededLimit::Nesting => found >= NESTING_SUSPECT,
                _ => found > most,
            };
            if is_over {
                return Ok(Some(Excess { object, limit: which, found, most }));
            }
        }
    }
    Ok(None)
}

/// The measures of a statement with their limits; nesting last, since only its excess is a guess.
fn measures(extent: &SqlExtent) -> [(usize, Limit, ExceededLimit); 5] {
    [
        (extent.expression_depth, Limit::SQLITE_LIMIT_EXPR_DEPTH, ExceededLimit::ExpressionDepth),
        (extent.columns, Limit::SQLITE_LIMIT_COLUMN, ExceededLimit::Columns),
        (extent.compound_terms, Limit::SQLITE_LIMIT_COMPOUND_SELECT, ExceededLimit::CompoundTerms),
        (extent.arguments, Limit::SQLITE_LIMIT_FUNCTION_ARG, ExceededLimit::Arguments),
        (extent.nesting, Limit::SQLITE_LIMIT_PARSER_DEPTH, ExceededLimit::Nesting),
    ]
}

fn object(row: &Row<'_>) -> rusqlite::Result<String> {
    let (kind, name): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
    Ok(format!("{} {}", kind.unwrap_or_default(), name.unwrap_or_default()))
}

/// Whether a schema has more views than are read. Asked before anything that goes through all of them.
pub(super) fn too_many_views(connection: &Connection) -> rusqlite::Result<Option<Excess>> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'view'";
    let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    let excess =
        Excess { object: "the schema".to_owned(), limit: ExceededLimit::Views, found, most: VIEWS_MAX };
    Ok((found > VIEWS_MAX).then_some(excess))
}

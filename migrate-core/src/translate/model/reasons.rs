//! Why an expression, a view or a trigger has no translation, and the words for each reason.

use crate::conversion::PgType;
use crate::source_sql::UnreadableSql;

/// An expression that has no translation that is sure to have the same meaning. Its words complete "it cannot be translated: …".
#[allow(missing_docs, reason = "the words of a reason are its documentation")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    #[error(transparent)]
    Unreadable(UnreadableSql),
    // The statement.
    #[error("its SQL is empty")]
    Empty,
    #[error("it is not an expression")]
    NotAnExpression,
    #[error("its SQL is not a CREATE VIEW")]
    NotAView,
    #[error("its SQL is not a CREATE TRIGGER")]
    NotATrigger,
    #[error("it is nested {levels} levels deep, and at most {levels_max} are translated")]
    Nesting { levels: usize, levels_max: usize },
    #[error("it is nested too deeply")]
    TooDeep,
    #[error("its translation is longer than {length_max_mib} MiB")]
    TooLong { length_max_mib: usize },
    #[error("it combines {terms} SELECTs or rows of VALUES, and at most {terms_max} are translated")]
    TooManyTerms { terms: usize, terms_max: usize },
    #[error("its value depends on more than the row, which PostgreSQL does not allow here")]
    NotImmutable,
    #[error("its numbers may differ in the last digit")]
    Approximate,
    #[error("a calculation with integers may exceed 64 bits")]
    IntegerOverflow,
    // Names.
    #[error("the column {column}, which does not exist")]
    UnknownColumn { column: String },
    #[error("the column {column}, which several tables have")]
    AmbiguousColumn { column: String },
    #[error("the table {table}, which does not exist")]
    UnknownTable { table: String },
    #[error("the table {table} of another database")]
    OtherDatabaseTable { table: String },
    #[error("a name in another database")]
    OtherDatabaseName,
    #[error("{what}")]
    NotMigrated { what: String },
    #[error("{table}.*, which names no table")]
    UnknownStar { table: String },
    #[error("* without a table")]
    StarWithoutTable,
    #[error("USING ({column}), which does not exist")]
    UnknownUsing { column: String },
    #[error("USING ({column}), which several tables have")]
    AmbiguousUsing { column: String },
    #[error("the window {window}, which does not exist")]
    UnknownWindow { window: String },
    #[error("the word {word}")]
    Keyword { word: String },
    // Values and their classes.
    #[error("a hexadecimal number of more than 64 bits")]
    LongHexadecimal,
    #[error("a number beyond 64 bits")]
    NumberBeyond64Bits,
    #[error("a number outside the range of floats")]
    NumberBeyondFloats,
    #[error("a calculation with a value that is not a number")]
    NotANumber,
    #[error("a sum of values that are not numbers")]
    SumOfNoNumber,
    #[error("a condition that is not a number")]
    NotACondition,
    #[error("a division of numbers that may be integers or floats")]
    MixedDivision,
    #[error("round of numbers that may be integers or floats")]
    MixedRound,
    #[error("numbers that may be integers or floats, used as integers")]
    MixedAsInteger,
    #[error("an operator that is not arithmetic")]
    NotArithmetic,
    #[error("an operator that is not a comparison")]
    NotAComparison,
    #[error("a float as text, which the two databases print differently")]
    FloatAsText,
    #[error("a blob as text")]
    BlobAsText,
    #[error("the text of a JSON document, whose spacing jsonb does not keep")]
    DocumentAsText,
    #[error("text whose exact form the PostgreSQL type does not keep")]
    InexactText,
    #[error("a value whose exact form the PostgreSQL type does not keep")]
    InexactValue,
    #[error("a key whose exact form the PostgreSQL type does not keep")]
    InexactKey,
    #[error("an order of values whose exact form the PostgreSQL type does not keep")]
    InexactOrder,
    #[error("a comparison of values whose exact form the PostgreSQL type does not keep")]
    InexactComparison,
    #[error("a choice between values whose exact form the PostgreSQL type does not keep")]
    InexactChoice,
    #[error("a CAST of a value whose exact form the PostgreSQL type does not keep")]
    InexactCast,
    #[error("a choice between values of several storage classes")]
    MixedChoice,
    #[error("a comparison of values of different storage classes")]
    MixedComparison,
    #[error("a comparison of a float with an integer that no float represents")]
    ComparisonBeyondFloats,
    #[error("a comparison of a part of a document with a value that is not a literal")]
    DocumentComparison,
    #[error("a comparison of a part of a document with 0 or 1, which may be a truth value or a number")]
    DocumentTruth,
    #[error("a value that has no unambiguous form as {pg_type}")]
    NoFormAs { pg_type: PgType },
    #[error("it is not a value of {pg_type}")]
    NotAValueOf { pg_type: PgType },
    #[error("the collation {name}, which the app defines")]
    AppCollation { name: String },
    #[error("a collation that the app defines")]
    UnknownCollation,
    #[error("a CAST of text to a number that may be a float")]
    CastTextToFloat,
    #[error("a CAST of a blob to a number")]
    CastBlobToNumber,
    #[error("a CAST of a float to a blob")]
    CastFloatToBlob,
    // Row values and syntax.
    #[error("a row of several values")]
    RowValue,
    #[error("a list of single values and rows of several values")]
    MixedRows,
    #[error("a comparison of rows of different lengths")]
    UnequalRows,
    #[error("a comparison of empty rows")]
    EmptyRows,
    #[error("a calculation with rows of several values")]
    RowArithmetic,
    #[error("a parameter")]
    Parameter,
    #[error("RAISE outside a trigger")]
    Raise,
    #[error("MATCH")]
    Match,
    #[error("REGEXP, which the app defines")]
    Regexp,
    #[error("IN with the name of a table")]
    InTable,
    #[error("LIKE with ESCAPE and a pattern that is not a literal")]
    EscapedPattern,
    #[error("LIKE with a pattern that ends with its escape character")]
    TrailingEscape,
    #[error("LIKE with an ESCAPE that is not a single character")]
    LongEscape,
    #[error("GLOB with a pattern that is not a literal")]
    GlobPattern,
    #[error("GLOB with a range that begins with a special character")]
    GlobRange,
    #[error("GLOB with an unclosed set of characters")]
    GlobSet,
    // Functions.
    #[error("the function {function}, {why}")]
    NoCounterpart { function: String, why: NoCounterpart },
    #[error("the function {function} with {arguments} argument{}", plural(.arguments))]
    UnknownFunction { function: String, arguments: usize },
    #[error("{function} with {arguments} arguments")]
    AggregateArguments { function: String, arguments: usize },
    #[error("the window function {function} with {arguments} argument{}", plural(.arguments))]
    WindowFunction { function: String, arguments: usize },
    #[error("the aggregate function {function}, which is not allowed here")]
    Aggregate { function: String },
    #[error("{function}(*)")]
    CallOfStar { function: String },
    #[error("{function} with DISTINCT")]
    Distinct { function: String },
    #[error("the table function {function}")]
    TableFunction { function: String },
    #[error("{function} of a value that PostgreSQL does not order")]
    NotOrdered { function: String },
    #[error("{function} of conditions or documents")]
    ChoiceOfConditions { function: String },
    #[error("{function} of text with a collation")]
    CollatedCall { function: String },
    #[error("{function} of DISTINCT text with a collation")]
    CollatedDistinct { function: String },
    #[error("{function} of DISTINCT values that may be equal in PostgreSQL and different in SQLite")]
    InexactDistinct { function: String },
    #[error("{function} of columns of an outer query")]
    OuterAggregate { function: String },
    #[error("typeof of a value whose storage class the conversion does not keep")]
    ClassNotKept,
    #[error("quote of a float, or of a value whose exact form the PostgreSQL type does not keep")]
    Quote,
    #[error("char of a value that is not a literal character code")]
    Char,
    #[error("randomblob of more than 1,024 bytes")]
    RandomBlob,
    #[error("substr with a position that is not an integer, or outside any text")]
    SubstrPosition,
    #[error("printf with a directive other than %d, %s, %x, %f of integers and %%")]
    PrintfDirective,
    #[error("printf with too few arguments")]
    PrintfArguments,
    #[error("printf with %{letter} of a value that is not an integer")]
    PrintfInteger { letter: char },
    #[error("printf with a width or decimals for %{letter}")]
    PrintfWidth { letter: char },
    #[error("printf with %f of more than 20 decimals")]
    PrintfDecimals,
    #[error("printf with %f of an integer that may be large")]
    PrintfLargeInteger,
    #[error("a JSON function of a value that is not text")]
    JsonOfNoText,
    #[error("a JSON function of text that is not JSON in PostgreSQL: SQLite also accepts JSON5")]
    ParsedDocument,
    #[error("json_valid of text, which PostgreSQL 15 cannot check")]
    JsonValidOfText,
    #[error("a JSON path that is not a literal")]
    JsonPathLiteral,
    #[error("a JSON path with more than names and indexes")]
    JsonPath,
    // Dates and times.
    #[error("strftime with a format that is not a literal")]
    StrftimeFormat,
    #[error("strftime with {directive}")]
    StrftimeDirective { directive: String },
    #[error("a date modifier that is not a literal")]
    ModifierLiteral,
    #[error("the date modifier {modifier:?}")]
    Modifier { modifier: String },
    #[error("seconds since 1970 that are not a number")]
    EpochOfNoNumber,
    #[error("a time that is not plain ISO 8601")]
    TimeFormat,
    #[error("a time from a value that is not a time in PostgreSQL")]
    TimeOfNoTime,
    // Queries.
    #[error("a query in an expression")]
    Subquery,
    #[error("a query as a value that has several columns")]
    ScalarColumns,
    #[error(
        "a query as a value that may return several rows, of which SQLite uses the first; LIMIT 1 with ORDER BY determines which"
    )]
    ScalarRows,
    #[error("IN with a query that has several columns")]
    InColumns,
    #[error("NULL IN a query")]
    NullInQuery,
    #[error("the number of its columns differs from the number of their names")]
    ViewColumnCount,
    #[error("{table}, whose number of columns differs from the number of their names")]
    WithColumnCount { table: String },
    #[error("a compound SELECT whose parts have different numbers of columns")]
    CompoundColumnCount,
    #[error("a compound SELECT whose columns have different collations")]
    CompoundCollations,
    #[error("VALUES with ORDER BY")]
    SortedValues,
    #[error("VALUES of several rows after UNION, INTERSECT or EXCEPT")]
    CompoundValues,
    #[error("a join in brackets with an alias")]
    NamedJoin,
    #[error("NATURAL JOIN of a table with a column that is not migrated")]
    NaturalJoin,
    #[error("USING or NATURAL with RIGHT or FULL JOIN")]
    OuterUsing,
    #[error("GROUP BY with a constant")]
    ConstantGroup,
    #[error("GROUP BY of values that may be equal in PostgreSQL and different in SQLite")]
    InexactGroup,
    #[error("a column number in GROUP BY together with *")]
    GroupPosition,
    #[error(
        "the column {column} beside an aggregate, which may differ in the rows of a group: SQLite uses that of any row"
    )]
    BareColumn { column: String },
    #[error("the column {column} in a group, which is json")]
    JsonInGroup { column: String },
    #[error("distinct rows of {conversion} values, which may be equal in PostgreSQL and different in SQLite")]
    InexactRows { conversion: &'static str },
    #[error("distinct rows of text with a collation")]
    CollatedRows,
    #[error("ORDER BY of a column number that does not exist")]
    OrderPosition,
    #[error("ORDER BY of a compound SELECT by something else than a column of its first part")]
    CompoundOrder,
    #[error("ORDER BY of distinct rows by something else than a result column")]
    DistinctOrder,
    #[error("LIMIT or OFFSET that is not a literal")]
    LimitLiteral,
    #[error("LIMIT with a comma in one query and OFFSET in another")]
    LimitForms,
    #[error("LIMIT without ORDER BY, which keeps different rows in each database")]
    UnsortedLimit,
    #[error("ORDER BY or LIMIT of a recursive query")]
    RecursiveOrder,
    #[error("a recursive query of other than two SELECTs")]
    RecursiveParts,
    #[error("a recursive query with INTERSECT or EXCEPT")]
    RecursiveOperator,
    #[error("a recursive query that does more than filter and join")]
    RecursiveWork,
    #[error("a recursive query whose parts have different storage classes")]
    RecursiveClasses,
    // Window functions.
    #[error("{function} OVER a window, which is not allowed here")]
    WindowHere { function: String },
    #[error("{function} OVER a window")]
    UnsortedWindow { function: String },
    #[error("{function} with FILTER or ORDER BY, which is not allowed here")]
    FilterHere { function: String },
    #[error("the function {function} with FILTER or ORDER BY")]
    Filter { function: String },
    #[error("{function} with DISTINCT and ORDER BY")]
    DistinctOrderIn { function: String },
    #[error("{function} of DISTINCT values OVER a window")]
    DistinctWindow { function: String },
    #[error("{function} over rows without an order")]
    UnorderedWindow { function: String },
    #[error("{function} with a number of rows that is not a literal")]
    RowCount { function: String },
    #[error("an aggregate without an argument")]
    EmptyAggregate,
    #[error("a window function of a constant")]
    WindowConstant,
    #[error("a window function of text with a collation")]
    CollatedWindow,
    #[error("PARTITION BY values that may be equal in PostgreSQL and different in SQLite")]
    InexactPartition,
    #[error("a window bound that is not a number of rows")]
    WindowBound,
    #[error("a window of GROUPS without ORDER BY")]
    UnsortedGroups,
    #[error("a window that extends a window that extends another")]
    WindowChain,
    // Triggers.
    #[error("INSTEAD OF a change of a table, or another trigger on a view")]
    InsteadOf,
    #[error("INSTEAD OF UPDATE OF some columns, which PostgreSQL does not have")]
    InsteadOfColumns,
    #[error("the generated column {column} before the row is written")]
    GeneratedBefore { column: String },
    #[error(
        "it inserts what it reads from its own table, where PostgreSQL shows all rows of a statement as already changed"
    )]
    InsertsOwnRows,
    #[error("it writes to its own table before the row is changed, whose effect SQLite does not define")]
    WritesOwnTableBefore,
    #[error("it writes to the view {view}")]
    WritesView { view: String },
    #[error("it writes to {table}.{column}, which is generated")]
    WritesGenerated { table: String, column: String },
    #[error("the column {column}, which {table} does not have")]
    NoSuchColumn { table: String, column: String },
    #[error("it leaves out {table}.{column}, whose default is not migrated")]
    MissingDefault { table: String, column: String },
    #[error("a key that may be NULL, which SQLite would replace by the next number")]
    NullKey,
    #[error("INSERT of a row without values")]
    EmptyInsert,
    #[error("a different number of values and columns")]
    ValueCount,
    #[error("SET of several columns at once")]
    SetOfColumns,
    #[error("UPDATE with FROM")]
    UpdateFrom,
    #[error("UPDATE OR IGNORE")]
    UpdateOrIgnore,
    #[error("OR REPLACE, which deletes conflicting rows")]
    OrReplace,
    #[error("OR FAIL or OR ROLLBACK")]
    OrFail,
    #[error("OR IGNORE together with ON CONFLICT")]
    IgnoreOnConflict,
    #[error("OR IGNORE where a row may also violate NOT NULL or a CHECK")]
    IgnoredConstraints,
    #[error("several ON CONFLICT clauses")]
    SeveralOnConflict,
    #[error("ON CONFLICT with an expression")]
    OnConflictExpression,
    #[error("ON CONFLICT with the WHERE of a partial index")]
    OnConflictWhere,
    #[error("ON CONFLICT of columns that PostgreSQL does not keep unique by themselves")]
    OnConflictNotUnique,
    #[error("ON CONFLICT DO UPDATE without columns")]
    OnConflictColumns,
    #[error("RAISE without a message")]
    RaiseMessage,
    #[error("RAISE(IGNORE) after the row was changed")]
    RaiseIgnoreAfter,
    #[error("RAISE in CASE, with FROM")]
    RaiseInCase,
    #[error("a SELECT that does something else than RAISE")]
    SelectWithoutRaise,
    #[error("a CASE that does something else than RAISE")]
    CaseWithoutRaise,
}

/// Why a function of SQLite has no counterpart.
#[allow(missing_docs, reason = "the words of a reason are its documentation")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCounterpart {
    #[error("whose last digit differs between machines")]
    LastDigit,
    #[error("which SQLite computes with floats, and PostgreSQL does not have for floats")]
    FloatModulo,
    #[error("of floats to decimals: the two databases round different digits")]
    FloatDecimals,
    #[error("which counts the rows of a statement")]
    RowCount,
    #[error("which describes SQLite itself")]
    AboutSqlite,
    #[error("which PostgreSQL has only in an extension, with different results")]
    Extension,
    #[error("which loads code into SQLite")]
    LoadsCode,
    #[error("which returns where SQLite stores a row")]
    RowOffset,
    #[error("which is an aggregate")]
    Aggregate,
    #[error("whose result is the text of a document, with spacing that jsonb does not keep")]
    DocumentText,
    #[error("which returns where SQLite's own parser stops")]
    JsonErrorPosition,
    #[error("which counts months and days in its own way")]
    TimeDifference,
    #[error("of a value that is not a literal in range")]
    NotALiteral,
    #[error("which PostgreSQL does not have")]
    Missing,
}

/// Returns the ending of a noun after a number.
fn plural(count: &usize) -> &'static str {
    if *count == 1 { "" } else { "s" }
}

pub(crate) type Result<T> = std::result::Result<T, Untranslatable>;

//! The operator classes of PostgreSQL 15 and later for the types of a plan (`pg_opclass`), and those of the extensions that come with it
//! (manual, appendix F).
//!
//! Classes for `bpchar` and `oid` are not listed, although PostgreSQL takes them for text and integers: the first ignores spaces at the
//! end, the second does what the default class does.

use super::OperatorClass;
use crate::conversion::PgType;
use crate::terms::IndexMethod;

/// The class of `jsonb` that holds one hash for each path to a value.
pub(crate) const JSONB_PATH_OPS: &str = "jsonb_path_ops";

const BTREE: &[IndexMethod] = &[IndexMethod::Btree];
const GIN: &[IndexMethod] = &[IndexMethod::Gin];
const BTREE_AND_HASH: &[IndexMethod] = &[IndexMethod::Btree, IndexMethod::Hash];
const ALL: &[IndexMethod] = &[IndexMethod::Btree, IndexMethod::Hash, IndexMethod::Gin];

const ARRAYS: &[PgType] = &[
    PgType::TextArray,
    PgType::SmallintArray,
    PgType::IntegerArray,
    PgType::BigintArray,
    PgType::BooleanArray,
    PgType::DoublePrecisionArray,
    PgType::NumericArray,
    PgType::UuidArray,
];
const ADDRESSES: &[PgType] = &[PgType::Inet, PgType::Cidr];
const TEXT: &[PgType] = &[PgType::Text];

/// One of PostgreSQL's own classes.
struct OwnClass {
    name: &'static str,
    methods: &'static [IndexMethod],
    types: &'static [PgType],
    /// Whether it is used where no class is named.
    is_default: bool,
}

const fn default(name: &'static str, methods: &'static [IndexMethod], types: &'static [PgType]) -> OwnClass {
    OwnClass { name, methods, types, is_default: true }
}

const fn other(name: &'static str, methods: &'static [IndexMethod], types: &'static [PgType]) -> OwnClass {
    OwnClass { name, methods, types, is_default: false }
}

/// PostgreSQL's own classes, each default before the others of its types.
const OWN: &[OwnClass] = &[
    default("array_ops", ALL, ARRAYS),
    default("bool_ops", BTREE_AND_HASH, &[PgType::Boolean]),
    default("bytea_ops", BTREE_AND_HASH, &[PgType::Bytea]),
    default("date_ops", BTREE_AND_HASH, &[PgType::Date]),
    default("float4_ops", BTREE_AND_HASH, &[PgType::Real]),
    default("float8_ops", BTREE_AND_HASH, &[PgType::DoublePrecision]),
    default("inet_ops", BTREE_AND_HASH, ADDRESSES),
    other("cidr_ops", BTREE_AND_HASH, ADDRESSES),
    default("int2_ops", BTREE_AND_HASH, &[PgType::Smallint]),
    default("int4_ops", BTREE_AND_HASH, &[PgType::Integer]),
    default("int8_ops", BTREE_AND_HASH, &[PgType::Bigint]),
    default("interval_ops", BTREE_AND_HASH, &[PgType::Interval]),
    default("jsonb_ops", ALL, &[PgType::Jsonb]),
    other(JSONB_PATH_OPS, GIN, &[PgType::Jsonb]),
    default("macaddr_ops", BTREE_AND_HASH, &[PgType::Macaddr]),
    default("macaddr8_ops", BTREE_AND_HASH, &[PgType::Macaddr8]),
    default("money_ops", BTREE, &[PgType::Money]),
    default("numeric_ops", BTREE_AND_HASH, &[PgType::Numeric]),
    default("text_ops", BTREE_AND_HASH, TEXT),
    other("text_pattern_ops", BTREE_AND_HASH, TEXT),
    other("varchar_ops", BTREE_AND_HASH, TEXT),
    other("varchar_pattern_ops", BTREE_AND_HASH, TEXT),
    default("time_ops", BTREE_AND_HASH, &[PgType::Time]),
    default("timestamp_ops", BTREE_AND_HASH, &[PgType::Timestamp]),
    default("timestamptz_ops", BTREE_AND_HASH, &[PgType::Timestamptz]),
    default("uuid_ops", BTREE_AND_HASH, &[PgType::Uuid]),
];

/// An operator class of an extension that comes with PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuppliedClass {
    /// Its name, without a schema.
    pub name: &'static str,
    /// The extension.
    pub extension: &'static str,
    /// The method of an index.
    pub method: IndexMethod,
    /// The types of a plan that it takes.
    pub types: &'static [PgType],
    /// Whether its keys are short whatever the values are.
    has_short_keys: bool,
}

const fn btree_gin(name: &'static str, types: &'static [PgType], has_short_keys: bool) -> SuppliedClass {
    SuppliedClass { name, extension: "btree_gin", method: IndexMethod::Gin, types, has_short_keys }
}

const SUPPLIED: &[SuppliedClass] = &[
    SuppliedClass {
        name: "gin_trgm_ops",
        extension: "pg_trgm",
        method: IndexMethod::Gin,
        types: TEXT,
        has_short_keys: true,
    },
    SuppliedClass {
        name: "gin__int_ops",
        extension: "intarray",
        method: IndexMethod::Gin,
        types: &[PgType::IntegerArray],
        has_short_keys: true,
    },
    btree_gin("bool_ops", &[PgType::Boolean], true),
    btree_gin("bytea_ops", &[PgType::Bytea], false),
    btree_gin("cidr_ops", &[PgType::Cidr], true),
    btree_gin("date_ops", &[PgType::Date], true),
    btree_gin("float4_ops", &[PgType::Real], true),
    btree_gin("float8_ops", &[PgType::DoublePrecision], true),
    btree_gin("inet_ops", ADDRESSES, true),
    btree_gin("int2_ops", &[PgType::Smallint], true),
    btree_gin("int4_ops", &[PgType::Integer], true),
    btree_gin("int8_ops", &[PgType::Bigint], true),
    btree_gin("interval_ops", &[PgType::Interval], true),
    btree_gin("macaddr_ops", &[PgType::Macaddr], true),
    btree_gin("macaddr8_ops", &[PgType::Macaddr8], true),
    btree_gin("money_ops", &[PgType::Money], true),
    btree_gin("numeric_ops", &[PgType::Numeric], false),
    btree_gin("text_ops", TEXT, false),
    btree_gin("time_ops", &[PgType::Time], true),
    btree_gin("timestamp_ops", &[PgType::Timestamp], true),
    btree_gin("timestamptz_ops", &[PgType::Timestamptz], true),
    btree_gin("uuid_ops", &[PgType::Uuid], true),
    btree_gin("varchar_ops", TEXT, false),
];

/// Returns whether PostgreSQL itself has a class of this name for a method: with a type, whether one that takes it. None where it has no
/// class of the name.
pub fn own(method: IndexMethod, name: &str, kind: Option<PgType>) -> Option<bool> {
    let class = OWN.iter().find(|class| class.name == name && class.methods.contains(&method))?;
    Some(kind.is_none_or(|kind| class.types.contains(&kind)))
}

/// Returns the methods for which PostgreSQL or an extension that comes with it has a class of this name.
pub(crate) fn methods(name: &str) -> Vec<IndexMethod> {
    let has_class =
        |method: &IndexMethod| own(*method, name, None).is_some() || supplied(*method, name).is_some();
    ALL.iter().copied().filter(has_class).collect()
}

/// Returns PostgreSQL's own classes for a method and a type, the default first.
pub fn fitting(method: IndexMethod, kind: PgType) -> Vec<&'static str> {
    let fits = |class: &&OwnClass| class.methods.contains(&method) && class.types.contains(&kind);
    OWN.iter().filter(fits).map(|class| class.name).collect()
}

/// Returns whether an index of a method needs no class for a type.
pub fn has_default(method: IndexMethod, kind: PgType) -> bool {
    let is_it =
        |class: &OwnClass| class.is_default && class.methods.contains(&method) && class.types.contains(&kind);
    OWN.iter().any(is_it)
}

/// Returns the class of this name that an extension of PostgreSQL has for a method.
pub fn supplied(method: IndexMethod, name: &str) -> Option<&'static SuppliedClass> {
    SUPPLIED.iter().find(|class| class.method == method && class.name == name)
}

/// Returns the classes of extensions of PostgreSQL for a method and a type.
pub fn supplied_fitting(method: IndexMethod, kind: PgType) -> impl Iterator<Item = &'static SuppliedClass> {
    SUPPLIED.iter().filter(move |class| class.method == method && class.types.contains(&kind))
}

/// Returns whether the keys of an index are short whatever the values of a column are: hashes, trigrams, or values of a fixed length. None
/// of the class means the default.
pub(crate) fn has_short_keys(method: IndexMethod, kind: PgType, class: Option<&OperatorClass>) -> bool {
    let has_short_elements = !matches!(kind, PgType::TextArray | PgType::NumericArray);
    match (method, class) {
        (IndexMethod::Btree, _) => false,
        (IndexMethod::Hash, _) => true,
        // The keys of `jsonb` beyond 125 bytes are hashes.
        (IndexMethod::Gin, None) => has_short_elements,
        (IndexMethod::Gin, Some(class)) if class.is_own() => has_short_elements,
        (IndexMethod::Gin, Some(class)) => {
            supplied(method, class.name()).is_some_and(|class| class.has_short_keys)
        }
    }
}

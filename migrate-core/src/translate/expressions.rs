//! Translates the expressions of a table: CHECK constraints, generated columns, and the keys and conditions of indexes.

use super::model::{
    Caveat, Kind, Node, Result, Scope, Translated, Untranslatable, Volatility, with_expression,
};
use super::operators::coerce;
use super::query::Translator;
use crate::affinity::Affinity;
use crate::conversion::{Conversion, PgType};

/// Translates the condition of a CHECK. As in SQLite it holds where it is NULL.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn check(sql: &str, scope: &Scope) -> Result<Translated> {
    condition(sql, scope, Volatility::Volatile)
}

/// Translates the condition of a partial index.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn predicate(sql: &str, scope: &Scope) -> Result<Translated> {
    condition(sql, scope, Volatility::Immutable)
}

/// Translates an expression that is a key of an index.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn index_key(sql: &str, scope: &Scope) -> Result<Translated> {
    with_expression(sql, |expression| {
        let mut translator = Translator::new(scope);
        let node = certain(translator.node(expression)?, Volatility::Immutable)?;
        let volatility = node.volatility;
        let sql = node.key_sql()?;
        if node.kind == Kind::Json {
            translator.notes.extend(node.text()?.notes());
        }
        finished(Translated { sql, volatility, notes: translator.notes }, Volatility::Immutable)
    })
}

/// Translates the expression of a generated column to one of the column's type.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn generated(
    sql: &str,
    scope: &Scope,
    conversion: &Conversion,
    affinity: Affinity,
) -> Result<Translated> {
    with_expression(sql, |expression| {
        let mut translator = Translator::new(scope);
        let node = certain(translator.node(expression)?, Volatility::Immutable)?;
        if node.has(Caveat::Approximate) {
            return Err(Untranslatable::Approximate);
        }
        // SQLite continues with floats where PostgreSQL fails.
        if node.kind == Kind::Integer
            && node.has(Caveat::IntegerOverflow)
            && !holds_integers_alone(conversion)
        {
            return Err(Untranslatable::IntegerOverflow);
        }
        let volatility = node.volatility;
        let sql = coerce::assigned(&node, conversion, affinity)?;
        if node.kind == Kind::Json && conversion.target_type() == PgType::Text {
            translator.notes.extend(node.text()?.notes());
        }
        finished(Translated { sql, volatility, notes: translator.notes }, Volatility::Immutable)
    })
}

fn holds_integers_alone(conversion: &Conversion) -> bool {
    matches!(conversion.target_type(), PgType::Bigint | PgType::Integer | PgType::Smallint)
}

fn condition(sql: &str, scope: &Scope, most: Volatility) -> Result<Translated> {
    with_expression(sql, |expression| {
        let mut translator = Translator::new(scope);
        let node = certain(translator.node(expression)?, most)?;
        let sql = node.condition()?;
        finished(Translated { sql, volatility: node.volatility, notes: translator.notes }, most)
    })
}

/// Refuses expressions that may fail for existing rows, or that decode bytes where only immutable functions may be called.
fn certain(node: Node, most: Volatility) -> Result<Node> {
    if most == Volatility::Immutable {
        if node.has(Caveat::DecodedBytes) {
            return Err(Untranslatable::DecodedBytes);
        }
        if node.has(Caveat::DecodedDocument) {
            return Err(Untranslatable::DecodedDocument);
        }
    }
    if node.has(Caveat::ParsedDocument) {
        return Err(Untranslatable::ParsedDocument);
    }
    Ok(node)
}

fn finished(translated: Translated, most: Volatility) -> Result<Translated> {
    if translated.volatility > most {
        return Err(Untranslatable::NotImmutable);
    }
    Ok(translated)
}

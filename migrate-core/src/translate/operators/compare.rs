//! Comparisons, by SQLite's rules of affinity (SQLite manual, "Datatypes In SQLite", section 4).

use sqlite3_parser::ast::Operator;

use super::moment;
use crate::affinity::Affinity;
use crate::identifier::quote_pg_literal;
use crate::translate::model::{
    Collated, Collation, Constant, Family, Kind, Native, Node, Note, Notes, Origin, Result, Untranslatable,
};

/// The two sides of a comparison, in one type of PostgreSQL.
pub(crate) struct Sides {
    pub(crate) left: String,
    pub(crate) right: String,
}

/// `left operator right`.
pub(crate) fn compared(notes: &mut Notes, left: &Node, operator: Operator, right: &Node) -> Result<Node> {
    if left.kind == Kind::Null || right.kind == Kind::Null {
        return Ok(Node::atom(Kind::Truth, "NULL::boolean"));
    }
    if let Some(sql) = truth_itself(left, operator, right).or_else(|| truth_itself(right, operator, left)) {
        return Ok(truth(sql, left, right));
    }
    let symbol = match operator {
        Operator::Equals => "=",
        Operator::NotEquals => "<>",
        Operator::Less => "<",
        Operator::LessEquals => "<=",
        Operator::Greater => ">",
        Operator::GreaterEquals => ">=",
        _ => return Err(Untranslatable::Operator),
    };
    let is_equality = matches!(operator, Operator::Equals | Operator::NotEquals);
    if let Some(node) = with_number(left, operator, symbol, right) {
        return Ok(node);
    }
    let Sides { left: left_sql, right: right_sql } = sides(notes, left, right, is_equality)?;
    Ok(truth(format!("{left_sql} {symbol} {right_sql}"), left, right))
}

/// `left IS right`, or `IS NOT`: NULL equals NULL.
pub(crate) fn distinct(notes: &mut Notes, left: &Node, right: &Node, not: bool) -> Result<Node> {
    if right.kind == Kind::Null {
        return Ok(is_null(left, not));
    }
    if left.kind == Kind::Null {
        return Ok(is_null(right, not));
    }
    let Sides { left: left_sql, right: right_sql } = sides(notes, left, right, true)?;
    let not = if not { "" } else { "NOT " };
    let node = truth(format!("{left_sql} IS {not}DISTINCT FROM {right_sql}"), left, right);
    Ok(node.not_null())
}

/// `value IN (items)`, built item by item. Only the SQL of an item is kept, since lists may be long.
pub(crate) struct Among<'a> {
    value: &'a Node,
    parts: Node,
    common_left: Option<String>,
    /// The left side where it differs from that of the first item, and the right side.
    pairs: Vec<(Option<String>, String)>,
}

impl<'a> Among<'a> {
    pub(crate) fn new(value: &'a Node) -> Among<'a> {
        let mut parts = Node::compound(Kind::Truth, "").made_of([value]);
        parts.is_not_null = value.is_not_null;
        Among { value, parts, common_left: None, pairs: Vec::new() }
    }

    /// Adds an item of the list.
    pub(crate) fn add(mut self, notes: &mut Notes, item: &Node) -> Result<Among<'a>> {
        let item = self::item(item);
        self.parts.is_not_null &= item.is_not_null;
        self.parts = self.parts.made_of([&item]);
        if self.value.kind != Kind::Null {
            let Sides { left, right } = pair(notes, self.value, &item)?;
            let is_common = *self.common_left.get_or_insert_with(|| left.clone()) == left;
            self.pairs.push(((!is_common).then_some(left), right));
        }
        Ok(self)
    }

    /// Returns the condition.
    pub(crate) fn finish(self) -> Node {
        let Some(left) = self.common_left else { return Node::atom(Kind::Truth, "NULL::boolean") };
        let sql = if self.pairs.iter().all(|(other, _)| other.is_none()) {
            let items: Vec<String> = self.pairs.into_iter().map(|(_, right)| right).collect();
            format!("{left} IN ({})", items.join(", "))
        } else {
            let pair = |(other, right): &(Option<String>, String)| {
                format!("{} = {right}", other.as_ref().unwrap_or(&left))
            };
            format!("({})", self.pairs.iter().map(pair).collect::<Vec<_>>().join(" OR "))
        };
        Node { sql, ..self.parts }
    }
}

/// Returns the sides of a comparison with a list item.
fn pair(notes: &mut Notes, value: &Node, item: &Node) -> Result<Sides> {
    match item.kind {
        Kind::Null => Ok(Sides { left: native_or_sql(value), right: "NULL".to_owned() }),
        _ => sides(notes, value, item, true),
    }
}

/// Returns a list item, whose own affinity and collation are ignored (SQLite manual, "Datatypes In SQLite", section 4.1).
pub(crate) fn item(node: &Node) -> Node {
    Node { affinity: None, collation: Collated::Unset, ..node.clone() }
}

/// `node IS NULL`, or `IS NOT NULL`.
pub(crate) fn is_null(node: &Node, not: bool) -> Node {
    let not = if not { "NOT " } else { "" };
    let sql = format!("{} IS {not}NULL", native_or_sql(node));
    Node::compound(Kind::Truth, sql).made_of([node]).not_null()
}

fn native_or_sql(node: &Node) -> String {
    node.native.as_ref().map_or_else(|| node.operand(), |native| native.sql.clone())
}

fn truth(sql: String, left: &Node, right: &Node) -> Node {
    let is_atom = sql.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Node { is_atom, ..Node::atom(Kind::Truth, sql).strict([left, right]) }
}

/// Returns the condition of `enabled = 1` and similar comparisons of a boolean column.
fn truth_itself(column: &Node, operator: Operator, other: &Node) -> Option<String> {
    let Some(Native { family: Family::Boolean, sql }) = &column.native else { return None };
    match (operator, &other.constant) {
        (Operator::Equals, Some(Constant::Integer(1)))
        | (Operator::NotEquals, Some(Constant::Integer(0))) => Some(sql.clone()),
        (Operator::Equals, Some(Constant::Integer(0)))
        | (Operator::NotEquals, Some(Constant::Integer(1))) => Some(format!("NOT {sql}")),
        _ => None,
    }
}

pub(crate) fn sides(notes: &mut Notes, left: &Node, right: &Node, is_equality: bool) -> Result<Sides> {
    if let Some(sides) = native_sides(notes, left, right) {
        return Ok(sides);
    }
    let (left, right) = with_affinity(left, right)?;
    let is_number = |node: &Node| matches!(node.kind, Kind::Integer | Kind::Real | Kind::Number);
    match (left.kind, right.kind) {
        (Kind::Truth, Kind::Truth) | (Kind::Blob, Kind::Blob) => plain(&left, &right),
        (Kind::Truth, _) | (_, Kind::Truth) => {
            let (left, right) = (left.number()?, right.number()?);
            if is_number(&left) && is_number(&right) { plain(&left, &right) } else { mixed() }
        }
        (Kind::Text, Kind::Text) => texts(&left, &right, is_equality),
        (Kind::Json, _) if is_equality => json(&left, &right),
        (_, Kind::Json) if is_equality => {
            json(&right, &left).map(|sides| Sides { left: sides.right, right: sides.left })
        }
        (Kind::Integer, Kind::Real) | (Kind::Real, Kind::Integer)
            if left.constant.is_none() && right.constant.is_none() =>
        {
            notes.insert(Note::ComparedAsFloats);
            plain(&left, &right)
        }
        (Kind::Real, Kind::Integer) if is_beyond_float(&right) => beyond_float(),
        (Kind::Integer, Kind::Real) if is_beyond_float(&left) => beyond_float(),
        (Kind::Integer, Kind::Real) => plain(&left, &exact(&right)),
        (Kind::Real, Kind::Integer) => plain(&exact(&left), &right),
        _ if is_number(&left) && is_number(&right) => plain(&left, &right),
        (Kind::Unknown, _) | (_, Kind::Unknown) => Err(Untranslatable::Inexact),
        _ => mixed(),
    }
}

/// Whether a literal is an integer that no float represents.
fn is_beyond_float(node: &Node) -> bool {
    matches!(node.constant, Some(Constant::Integer(value)) if i128::from(value) != (value as f64) as i128)
}

fn beyond_float() -> Result<Sides> {
    Err(Untranslatable::ComparisonBeyondFloats)
}

/// Returns a literal float with all its digits, for comparison with an integer; PostgreSQL would use the written ones.
fn exact(node: &Node) -> Node {
    const INTEGERS_ALONE: f64 = 9_007_199_254_740_992.0;
    match &node.constant {
        Some(Constant::Real(digits)) => match digits.parse::<f64>() {
            Ok(value) if value.abs() >= INTEGERS_ALONE => {
                Node { sql: format!("{value:.0}"), is_atom: value > 0.0, ..node.clone() }
            }
            _ => node.clone(),
        },
        _ => node.clone(),
    }
}

fn mixed() -> Result<Sides> {
    Err(Untranslatable::MixedComparison)
}

fn plain(left: &Node, right: &Node) -> Result<Sides> {
    Ok(Sides { left: left.operand(), right: right.operand() })
}

/// Applies affinity to constants, as SQLite does before it compares.
fn with_affinity(left: &Node, right: &Node) -> Result<(Node, Node)> {
    Ok((under(left, right.affinity)?, under(right, left.affinity)?))
}

fn under(node: &Node, other: Option<Affinity>) -> Result<Node> {
    let Some(constant) = &node.constant else { return Ok(node.clone()) };
    match (other, constant) {
        (Some(Affinity::Integer | Affinity::Real | Affinity::Numeric), Constant::Text(text)) => {
            let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            if let Ok(integer) = trimmed.parse::<i64>() {
                return Ok(Node::of_integer(integer));
            }
            let is_plain = trimmed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            if is_plain && trimmed.parse::<f64>().is_ok_and(f64::is_finite) {
                return Ok(Node::of_real(trimmed.trim_start_matches('+')));
            }
            Ok(node.clone())
        }
        (Some(Affinity::Text), Constant::Integer(integer)) => Ok(Node::of_text(&integer.to_string())),
        _ => Ok(node.clone()),
    }
}

fn texts(left: &Node, right: &Node, is_equality: bool) -> Result<Sides> {
    let collation = match (&left.collation, &right.collation) {
        (Collated::Named(by), _) | (_, Collated::Named(by)) => by,
        (Collated::OfColumn(by), _) | (_, Collated::OfColumn(by)) => by,
        (Collated::Unset, Collated::Unset) => &Collation::Binary,
    };
    let fold = |node: &Node| match (collation, &node.constant) {
        (Collation::Binary, _) => Ok(node.operand()),
        (Collation::Nocase, Some(Constant::Text(text))) => Ok(quote_pg_literal(&text.to_ascii_lowercase())),
        (Collation::Rtrim, _) => collation.folded(node.sql.clone()),
        _ => collation.folded(in_c(node)),
    };
    let (mut left_sql, right_sql) = (fold(left)?, fold(right)?);
    if !is_equality && left.origin != Origin::Column && right.origin != Origin::Column {
        left_sql.push_str(" COLLATE \"C\"");
    }
    Ok(Sides { left: left_sql, right: right_sql })
}

/// Returns text on which functions only affect ASCII letters.
pub(crate) fn in_c(node: &Node) -> String {
    if node.origin == Origin::Column { node.sql.clone() } else { format!("{} COLLATE \"C\"", node.operand()) }
}

/// Returns a part of a document and a constant, both as documents.
fn json(part: &Node, other: &Node) -> Result<Sides> {
    let document = match &other.constant {
        // True and 1 are equal in SQLite, and different in jsonb.
        Some(Constant::Integer(0 | 1)) => {
            return Err(Untranslatable::DocumentTruth);
        }
        Some(Constant::Integer(integer)) => integer.to_string(),
        Some(Constant::Text(text)) => serde_json::Value::from(text.as_str()).to_string(),
        _ => return Err(Untranslatable::DocumentComparison),
    };
    Ok(Sides { left: part.operand(), right: format!("{}::jsonb", quote_pg_literal(&document)) })
}

/// Compares a part of a document with a literal number: text, objects and arrays are greater, and truth values are numbers.
fn with_number(part: &Node, operator: Operator, symbol: &str, number: &Node) -> Option<Node> {
    let Some(Constant::Integer(value)) = number.constant.as_ref().filter(|_| part.kind == Kind::Json) else {
        return None;
    };
    let is_greater = matches!(operator, Operator::Greater | Operator::GreaterEquals | Operator::NotEquals);
    let is_plain = matches!(operator, Operator::Equals | Operator::NotEquals) && !(0..=1).contains(value);
    if is_plain {
        return None;
    }
    let (json, number) = (part.operand(), number.operand());
    let sql = format!(
        "CASE jsonb_typeof({json}) WHEN 'number' THEN {json}::numeric {symbol} {number} WHEN 'boolean' THEN {json}::boolean::int \
         {symbol} {number} ELSE CASE WHEN {json} IS NOT NULL THEN {is_greater} END END"
    );
    Some(Node::compound(Kind::Truth, sql).made_of([part]))
}

/// Returns the sides in PostgreSQL's own form, if both have it.
fn native_sides(notes: &mut Notes, left: &Node, right: &Node) -> Option<Sides> {
    match (&left.native, &right.native) {
        (Some(left), Some(right)) if left.family == right.family => {
            note_moments(notes, left.family);
            Some(Sides { left: left.sql.clone(), right: right.sql.clone() })
        }
        (Some(Native { family: Family::Instant, sql }), Some(Native { family: Family::Wall, sql: wall })) => {
            note_moments(notes, Family::Instant);
            Some(Sides { left: sql.clone(), right: moment::instant(wall) })
        }
        (Some(Native { family: Family::Wall, sql: wall }), Some(Native { family: Family::Instant, sql })) => {
            note_moments(notes, Family::Instant);
            Some(Sides { left: moment::instant(wall), right: sql.clone() })
        }
        (Some(native), None) => {
            let constant = moment::constant(native.family, right.constant.as_ref()?)?;
            note_moments(notes, native.family);
            Some(Sides { left: native.sql.clone(), right: constant })
        }
        (None, Some(native)) => {
            let constant = moment::constant(native.family, left.constant.as_ref()?)?;
            note_moments(notes, native.family);
            Some(Sides { left: constant, right: native.sql.clone() })
        }
        _ => None,
    }
}

fn note_moments(notes: &mut Notes, family: Family) {
    if matches!(family, Family::Instant | Family::Wall) {
        notes.insert(Note::ComparedAsTimes);
    }
}

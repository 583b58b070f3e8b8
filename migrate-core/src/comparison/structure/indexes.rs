//! Compares what keeps rows unique, besides the primary key, and what serves queries.

use super::action::mentions;
use super::{
    LiveIndex, LiveKey, Pair, Severity, StructureDifference, StructureProblem as Problem, UniqueSource,
};
use crate::identifier::{qualified_pg, quote_pg};
use crate::plan::PlannedIndexColumn;
use crate::render::Repaired;
use crate::source_sql::table_facts;
use crate::terms::IndexMethod;

/// A key or an index of the source, in the target's terms.
struct Wanted<'a> {
    /// The name of the planned constraint or index.
    name: &'a str,
    /// The source's name of an index; none of a constraint.
    source: Option<&'a str>,
    is_unique: bool,
    keys: Vec<Key<'a>>,
    condition: Option<&'a str>,
}

struct Key<'a> {
    column: Option<&'a str>,
    sql: String,
    is_descending: bool,
}

/// How the directions of two lists of keys are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Same,
    Reversed,
    Mixed,
}

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let mut found = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    let wanted = wanted(pair);
    for index in &wanted {
        let (live, difference) = match index.is_unique {
            true => unique(pair, index),
            false => plain(pair, index),
        };
        used.extend(live);
        found.extend(difference);
    }
    let rest = pair
        .constraints
        .indexes
        .iter()
        .filter(|live| !live.is_primary && !used.contains(&live.name.as_str()));
    found.extend(rest.map(|live| added(pair, live, &wanted)));
    let invalid = pair.constraints.indexes.iter().filter(|live| !live.is_valid);
    found.extend(invalid.map(|live| {
        let repair = vec![format!("REINDEX INDEX {};", qualified_pg(&pair.constraints.schema, &live.name))];
        pair.found(Severity::Different, Problem::IndexInvalid { live: live.name.clone() }, repair)
    }));
    found
}

fn wanted<'a>(pair: &Pair<'a>) -> Vec<Wanted<'a>> {
    let constraints = pair.expected.unique.iter().map(|key| Wanted {
        name: &key.name,
        source: None,
        is_unique: true,
        keys: key.columns.iter().map(|column| plain_key(column)).collect(),
        condition: None,
    });
    let btrees = pair.expected.indexes.iter().filter(|index| index.method == IndexMethod::Btree);
    let indexes = btrees.map(|index| Wanted {
        name: &index.name,
        source: index.source.as_deref(),
        is_unique: index.unique,
        keys: index.columns.iter().map(key).collect(),
        condition: index.predicate.as_deref(),
    });
    constraints.chain(indexes).collect()
}

fn plain_key(column: &str) -> Key<'_> {
    Key { column: Some(column), sql: quote_pg(column), is_descending: false }
}

fn key(planned: &PlannedIndexColumn) -> Key<'_> {
    Key {
        column: planned.expression.is_none().then_some(planned.column.as_str()),
        sql: planned.expression.clone().unwrap_or_else(|| quote_pg(&planned.column)),
        is_descending: planned.descending,
    }
}

impl Wanted<'_> {
    fn keys_in_words(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.sql.clone()).collect()
    }

    fn repair(&self, pair: &Pair<'_>) -> Vec<String> {
        let repaired = match pair.expected.unique.iter().any(|key| key.name == self.name) {
            true => Repaired::Constraint(pair.expected, self.name),
            false => Repaired::Index(pair.expected, self.name),
        };
        pair.made(repaired)
    }

    /// The name for people: the source's, else that of the constraint.
    fn named(&self) -> String {
        self.source.unwrap_or(self.name).to_owned()
    }
}

/// Whether a key of the target compares as the wanted one does.
fn is_same_key(pair: &Pair<'_>, wanted: &Key<'_>, live: &LiveKey) -> bool {
    match (wanted.column, &live.column) {
        (Some(wanted), Some(live)) => wanted == live,
        (None, None) => pair.live.is_same_sql(&pair.expected.name_in_sql(), &wanted.sql, &live.sql),
        // A column that folds case itself does what lower() does.
        (None, Some(column)) => live.folds_case && mentions(&wanted.sql, column),
        (Some(_), None) => false,
    }
}

fn is_same_condition(pair: &Pair<'_>, wanted: Option<&str>, live: Option<&str>) -> bool {
    match (wanted, live) {
        (None, None) => true,
        (Some(wanted), Some(live)) => pair.live.is_same_sql(&pair.expected.name_in_sql(), wanted, live),
        _ => false,
    }
}

/// How the wanted keys are to the first keys of an index of the target; none where they are others.
fn leading(pair: &Pair<'_>, wanted: &[Key<'_>], live: &LiveIndex) -> Option<Order> {
    let is_same = live.keys.len() >= wanted.len()
        && wanted.iter().zip(&live.keys).all(|(wanted, live)| is_same_key(pair, wanted, live));
    if !is_same {
        return None;
    }
    let mut turned =
        wanted.iter().zip(&live.keys).map(|(wanted, live)| wanted.is_descending != live.is_descending);
    let first = turned.next().unwrap_or(false);
    Some(match (first, turned.all(|other| other == first)) {
        (false, true) => Order::Same,
        (true, true) => Order::Reversed,
        (_, false) => Order::Mixed,
    })
}

/// The operator class that one of the first keys of an index of the target has, if it compares otherwise than the default one: its order
/// is another, and equality is the same.
fn other_class<'a>(live: &'a LiveIndex, wanted: &Wanted<'_>) -> Option<&'a str> {
    live.keys.iter().take(wanted.keys.len()).find_map(|key| key.class.as_deref())
}

/// Whether both have the same keys, in whatever order: then both keep the same rows unique.
fn has_same_keys(pair: &Pair<'_>, wanted: &[Key<'_>], live: &LiveIndex) -> bool {
    wanted.len() == live.keys.len()
        && wanted.iter().all(|wanted| live.keys.iter().any(|live| is_same_key(pair, wanted, live)))
}

/// Whether SQLite may have NULL in a key, which it never finds equal to another.
fn may_be_null(pair: &Pair<'_>, wanted: &Wanted<'_>) -> bool {
    wanted.keys.iter().any(|key| {
        let column = key.column.and_then(|name| pair.expected.target_column(name));
        !column.is_some_and(|column| column.source_not_null)
    })
}

/// What keeps other values unique than SQLite does, or keeps them so only at COMMIT.
pub(super) fn compares_otherwise(pair: &Pair<'_>, live: &LiveIndex) -> Option<StructureDifference> {
    let (name, keys) = (live.name.clone(), live.keys.iter().map(|key| key.sql.clone()).collect());
    let folds = |key: &LiveKey| {
        let column = key.column.as_deref().and_then(|name| pair.expected.target_column(name));
        key.folds_case && column.is_some_and(|column| is_binary(pair, &column.source))
    };
    if live.keys.iter().any(folds) {
        return Some(pair.found(
            Severity::Different,
            Problem::UniqueFoldsCase { live: name, keys },
            Vec::new(),
        ));
    }
    if live.is_immediate {
        return None;
    }
    let columns: Vec<&String> = live.keys.iter().filter_map(|key| key.column.as_ref()).collect();
    let columns: Vec<String> = columns.into_iter().map(|column| quote_pg(column)).collect();
    let kind = if live.is_primary { "PRIMARY KEY" } else { "UNIQUE" };
    let made = format!("ADD CONSTRAINT {} {kind} ({})", quote_pg(&name), columns.join(", "));
    let repair = vec![pair.drop_index(&name), pair.alter(&made)];
    Some(pair.found(Severity::Different, Problem::UniqueDeferrable { live: name, keys }, repair))
}

/// Whether SQLite compares the values of a column byte by byte.
fn is_binary(pair: &Pair<'_>, column: &str) -> bool {
    let facts = table_facts(&pair.source.name, &pair.source.sql);
    let collations = facts.map(|facts| facts.collations).unwrap_or_default();
    let named = collations.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
    named.is_none_or(|(_, collation)| collation.eq_ignore_ascii_case("BINARY"))
}

/// The index of the target that serves for a unique one of the source, and what differs.
fn unique<'a>(pair: &Pair<'a>, wanted: &Wanted<'_>) -> (Option<&'a str>, Option<StructureDifference>) {
    let usable = || pair.constraints.indexes.iter().filter(|live| live.is_unique && live.is_valid);
    let same = |live: &&LiveIndex| has_same_keys(pair, &wanted.keys, live);
    let condition = |live: &LiveIndex| is_same_condition(pair, wanted.condition, live.condition.as_deref());
    let has_one_null = |live: &LiveIndex| live.has_one_null && may_be_null(pair, wanted);
    let serves = |live: &LiveIndex| condition(live) && !has_one_null(live);
    // One that compares otherwise is the last choice.
    let otherwise = |live: &LiveIndex| compares_otherwise(pair, live);
    let all = || usable().filter(|live| same(live) && serves(live));
    if let Some(live) = all().find(|live| otherwise(live).is_none()).or_else(|| all().next()) {
        return (Some(&live.name), otherwise(live));
    }
    if let Some(live) = usable().find(|live| same(live) && condition(live)) {
        let mut repair = vec![pair.drop_index(&live.name)];
        repair.extend(wanted.repair(pair));
        let problem = Problem::UniqueNulls { live: live.name.clone(), keys: wanted.keys_in_words() };
        return (Some(&live.name), Some(pair.found(Severity::Different, problem, repair)));
    }
    if let Some((live, condition)) =
        usable().find(|live| same(live) && live.condition.is_none()).zip(wanted.condition)
    {
        let mut repair = vec![pair.drop_index(&live.name)];
        repair.extend(wanted.repair(pair));
        let problem = Problem::UniqueForAllRows {
            index: wanted.named(),
            live: live.name.clone(),
            condition: condition.to_owned(),
        };
        return (Some(&live.name), Some(pair.found(Severity::Different, problem, repair)));
    }
    // A unique index on the columns themselves where the source folds case: it keeps less unique.
    let folded = usable().find(|live| {
        let is_column = |wanted: &Key<'_>, live: &LiveKey| match (wanted.column, &live.column) {
            (None, Some(column)) => mentions(&wanted.sql, column),
            _ => is_same_key(pair, wanted, live),
        };
        condition(live)
            && live.keys.len() == wanted.keys.len()
            && wanted.keys.iter().zip(&live.keys).all(|(wanted, live)| is_column(wanted, live))
    });
    let problem = Problem::UniqueMissing {
        unique: wanted.source.map_or(UniqueSource::Constraint, |name| UniqueSource::Index(name.to_owned())),
        keys: wanted.keys_in_words(),
        condition: wanted.condition.map(str::to_owned),
        compares_case: folded.map(|live| live.name.clone()),
    };
    let found = pair.found(Severity::Lost, problem, wanted.repair(pair));
    (folded.map(|live| live.name.as_str()), Some(found))
}

/// The index of the target that serves for a plain one of the source, and what differs.
fn plain<'a>(pair: &Pair<'a>, wanted: &Wanted<'_>) -> (Option<&'a str>, Option<StructureDifference>) {
    let btrees = || {
        pair.constraints.indexes.iter().filter(|live| live.is_valid && live.is_btree && !live.is_exclusion)
    };
    let class = |live: &LiveIndex| other_class(live, wanted).map(str::to_owned);
    let usable = || btrees().filter(|live| class(live).is_none());
    let ordered = |live: &LiveIndex, order: Order| leading(pair, &wanted.keys, live) == Some(order);
    let condition = |live: &LiveIndex| is_same_condition(pair, wanted.condition, live.condition.as_deref());
    let whole = |live: &LiveIndex| live.keys.len() == wanted.keys.len();
    let (index, named) = (wanted.named(), |live: &LiveIndex| live.name.clone());
    if let Some(live) =
        usable().find(|live| !live.is_unique && whole(live) && condition(live) && ordered(live, Order::Same))
    {
        return (Some(&live.name), None);
    }
    if let Some(live) = usable().find(|live| whole(live) && condition(live) && ordered(live, Order::Reversed))
    {
        let problem = Problem::IndexReversed { index, live: named(live) };
        return (Some(&live.name), Some(pair.found(Severity::Remark, problem, Vec::new())));
    }
    let serves = |live: &&LiveIndex| live.condition.is_none() && ordered(live, Order::Same);
    let for_all_rows = usable().find(|live| serves(live) && whole(live) && !live.is_unique);
    if let Some((live, condition)) = for_all_rows.zip(wanted.condition) {
        let problem = Problem::IndexForAllRows { index, live: named(live), condition: condition.to_owned() };
        return (Some(&live.name), Some(pair.found(Severity::Remark, problem, Vec::new())));
    }
    // A unique index that the source does not have may be dropped, so that it is the last choice.
    if let Some(live) = usable().filter(serves).min_by_key(|live| live.is_unique && !live.is_primary) {
        let problem = Problem::IndexCovered { index, live: named(live) };
        let used = (!live.is_unique).then_some(live.name.as_str());
        return (used, Some(pair.found(Severity::Remark, problem, Vec::new())));
    }
    if let Some(live) = usable().find(|live| whole(live) && condition(live) && ordered(live, Order::Mixed)) {
        let problem = Problem::IndexOrder { index, live: named(live) };
        return (Some(&live.name), Some(pair.found(Severity::Different, problem, wanted.repair(pair))));
    }
    let is_same = |live: &LiveIndex| whole(live) && leading(pair, &wanted.keys, live).is_some();
    let classed = btrees().filter(|live| is_same(live) && condition(live));
    if let Some((live, class)) = classed.filter_map(|live| Some((live, class(live)?))).next() {
        let problem = Problem::IndexClass { index, live: named(live), class };
        return (Some(&live.name), Some(pair.found(Severity::Different, problem, wanted.repair(pair))));
    }
    let (keys, condition) = (wanted.keys_in_words(), wanted.condition.map(str::to_owned));
    let problem = Problem::IndexMissing { index, keys, condition };
    (None, Some(pair.found(Severity::Lost, problem, wanted.repair(pair))))
}

/// An index that serves for none of the source.
fn added(pair: &Pair<'_>, live: &LiveIndex, wanted: &[Wanted<'_>]) -> StructureDifference {
    let with_class = |key: &LiveKey| match &key.class {
        Some(class) => format!("{} {}", key.sql, quote_pg(class)),
        None => key.sql.clone(),
    };
    let keys: Vec<String> = live.keys.iter().map(with_class).collect();
    let columns: Vec<Option<&String>> = live.keys.iter().map(|key| key.column.as_ref()).collect();
    let name = live.name.clone();
    if live.is_exclusion {
        let repair = vec![pair.drop_index(&live.name)];
        return pair.found(Severity::Different, Problem::ExclusionAdded { live: name, keys }, repair);
    }
    let others = || pair.constraints.indexes.iter().filter(|other| other.name != live.name && other.is_valid);
    let repeats = |other: &&LiveIndex| {
        other.keys == live.keys && other.condition == live.condition && (other.is_unique || !live.is_unique)
    };
    if let Some(other) = others().find(|other| repeats(other) && (other.is_primary || other.name < live.name))
    {
        let problem = Problem::IndexRepeated { live: name, of: other.name.clone() };
        return pair.found(Severity::Remark, problem, Vec::new());
    }
    // Where fewer columns are unique by themselves, more of them are, too.
    let is_implied = |key: &[&str]| {
        key.iter().all(|name| columns.iter().any(|column| column.is_some_and(|column| column == name)))
    };
    let primary =
        pair.expected.primary_key.as_ref().map(|key| key.columns.iter().map(String::as_str).collect());
    let unique = wanted.iter().filter(|wanted| wanted.is_unique && wanted.condition.is_none());
    // What is unique by an expression is unique by its columns.
    let columns_of = |key: &Key<'_>| -> Vec<&str> {
        let is_in =
            |name: &&str| key.column.map_or_else(|| mentions(&key.sql, name), |column| column == *name);
        pair.expected.columns.iter().map(|column| column.target.as_str()).filter(is_in).collect()
    };
    let unique = unique.map(|wanted| wanted.keys.iter().flat_map(columns_of).collect());
    let refuses = live.is_unique && !primary.into_iter().chain(unique).any(|key: Vec<&str>| is_implied(&key));
    if refuses {
        let repair = vec![pair.drop_index(&live.name)];
        return pair.found(Severity::Different, Problem::UniqueAdded { live: name, keys }, repair);
    }
    pair.found(Severity::Remark, Problem::IndexAdded { live: name, keys }, Vec::new())
}

//! Writes a shape as a TypeScript type.
//!
//! Strings are `string`: a union of literals would print values of rows. Values that have nothing in common (scalars next to both arrays
//! and objects) are `unknown`.

use std::collections::BTreeSet;

use super::shape::{Named, Objects, Property, Shape};
use crate::names::string;

/// The type of whatever has no better one.
pub(super) const UNKNOWN: &str = "unknown";

/// The most object types of a union; beyond it they are one type with optional properties.
const UNION_MAX: usize = 4;

/// The most shapes that a type is written with; a larger one is cut at the depth where it fits.
const SIZE_MAX: usize = 300;

/// An object with more keys than this is a map, if each object has few of them.
const NAMES_MAX: usize = 16;

/// Returns the type of a shape, as the right side of `type NAME =`.
pub(super) fn type_of(shape: &Shape) -> String {
    let mut shape = shape.clone();
    for depth in (1..super::shape::DEPTH_MAX).rev() {
        if shape.size() <= SIZE_MAX {
            break;
        }
        shape.truncate(depth);
    }
    written(&shape, 0)
}

/// Whether JavaScript rounds a number somewhere in these documents.
pub(super) fn has_inexact(shape: &Shape) -> bool {
    let in_objects = match shape.object.as_deref() {
        Some(Objects::Map(values)) => has_inexact(values),
        Some(Objects::Named(named)) => named.properties.values().any(|property| has_inexact(&property.shape)),
        None => false,
    };
    shape.inexact || in_objects || shape.array.as_deref().is_some_and(has_inexact)
}

fn written(shape: &Shape, indent: usize) -> String {
    let has_scalar = shape.string || shape.number || shape.boolean;
    let is_mixed = has_scalar && shape.array.is_some() && shape.object.is_some();
    if shape.unrecorded || shape.is_empty() || is_mixed {
        return UNKNOWN.to_owned();
    }
    let mut members = Vec::new();
    match shape.object.as_deref() {
        Some(Objects::Map(values)) => members.push(map_of(values, indent)),
        Some(Objects::Named(named)) => members.extend(objects(named, indent)),
        None => {}
    }
    if let Some(elements) = &shape.array {
        let element = written(elements, indent);
        members.push(match is_union(elements) {
            true => format!("({element})[]"),
            false => format!("{element}[]"),
        });
    }
    let scalars = [
        (shape.string, "string"),
        (shape.number, "number"),
        (shape.boolean, "boolean"),
        (shape.null, "null"),
    ];
    members.extend(scalars.into_iter().filter(|(is_seen, _)| *is_seen).map(|(_, name)| name.to_owned()));
    members.join(" | ")
}

/// Whether the type may be written as a union.
fn is_union(shape: &Shape) -> bool {
    let kinds = [shape.null, shape.boolean, shape.number, shape.string, shape.array.is_some()];
    let kinds = kinds.into_iter().filter(|is_seen| *is_seen).count();
    let objects = match shape.object.as_deref() {
        Some(Objects::Named(named)) => forms(named).len(),
        Some(Objects::Map(_)) => 1,
        None => 0,
    };
    kinds + objects > 1
}

fn map_of(values: &Shape, indent: usize) -> String {
    format!("Record<string, {}>", written(values, indent))
}

/// One of the object types that a place is written with.
enum Form<'s> {
    /// No keys at all.
    Empty,
    /// These properties, each with whether it is optional.
    Object(Vec<(&'s str, bool)>),
    /// A map of all values.
    Map,
    /// A map of which nothing else is known.
    UnknownMap,
}

fn objects(named: &Named, indent: usize) -> Vec<String> {
    let written = |form: Form<'_>| match form {
        Form::Empty => "Record<string, never>".to_owned(),
        Form::UnknownMap => format!("Record<string, {UNKNOWN}>"),
        Form::Map => map_of(&named.clone().into_values(), indent),
        Form::Object(keys) => object(named, &keys, indent),
    };
    forms(named).into_iter().map(written).collect()
}

/// Decides between one type and a union of them.
fn forms(named: &Named) -> Vec<Form<'_>> {
    if named.properties.is_empty() {
        return vec![Form::UnknownMap];
    }
    let Some(sets) = &named.key_sets else {
        return vec![if is_map(named) { Form::Map } else { one_object(named) }];
    };
    let groups = related(sets);
    let has_common_key = named.properties.values().any(|Property { seen, .. }| *seen == named.seen);
    if groups.len() > 2 && is_disjoint(&groups) && has_one_shape(named) {
        return vec![Form::Map];
    }
    if groups.len() == 1 {
        return vec![one_object(named)];
    }
    if groups.len() > UNION_MAX {
        return vec![if has_common_key { one_object(named) } else { Form::UnknownMap }];
    }
    let mut forms: Vec<Form<'_>> = groups.iter().map(|group| Form::Object(keys_of(group))).collect();
    forms.extend(sets.contains(&Vec::new()).then_some(Form::Empty));
    forms
}

/// All properties in one type.
fn one_object(named: &Named) -> Form<'_> {
    let keys = named.properties.iter();
    Form::Object(keys.map(|(key, property)| (key.as_str(), property.seen < named.seen)).collect())
}

/// Whether the keys are data: there are many, and each object has few of them.
fn is_map(named: &Named) -> bool {
    let distinct = named.properties.len() as u64;
    let used: u64 = named.properties.values().map(|property| property.seen).sum();
    named.properties.len() > NAMES_MAX && used.saturating_mul(4) < named.seen.saturating_mul(distinct)
}

/// The sets of keys in groups of related ones; the empty set is in none of them. Two sets are related if one contains the other, or if
/// they share at least a third of their keys.
fn related(sets: &BTreeSet<Vec<String>>) -> Vec<Vec<&Vec<String>>> {
    let mut groups: Vec<Vec<&Vec<String>>> = Vec::new();
    for set in sets.iter().filter(|set| !set.is_empty()) {
        let (near, far) = groups
            .into_iter()
            .partition(|group: &Vec<&Vec<String>>| group.iter().any(|other| are_related(set, other)));
        groups = far;
        let mut group: Vec<&Vec<String>> = near.into_iter().flatten().collect();
        group.push(set);
        groups.push(group);
    }
    groups.iter_mut().for_each(|group| group.sort());
    groups.sort();
    groups
}

fn are_related(one: &[String], other: &[String]) -> bool {
    let shared = one.iter().filter(|key| other.binary_search(key).is_ok()).count();
    let all = one.len() + other.len() - shared;
    shared == one.len() || shared == other.len() || shared * 3 >= all
}

/// Whether no key is in two of the groups.
fn is_disjoint(groups: &[Vec<&Vec<String>>]) -> bool {
    let mut seen = BTreeSet::new();
    groups.iter().all(|group| {
        let keys: BTreeSet<&String> = group.iter().copied().flatten().collect();
        keys.into_iter().all(|key| seen.insert(key))
    })
}

/// Whether all properties have values of one shape.
fn has_one_shape(named: &Named) -> bool {
    let mut types = named.properties.values().map(|property| written(&property.shape, 0));
    let first = types.next();
    types.all(|each| Some(each) == first)
}

/// The keys of a group; one is optional where a set of the group lacks it.
fn keys_of<'s>(group: &[&'s Vec<String>]) -> Vec<(&'s str, bool)> {
    let keys: BTreeSet<&'s String> = group.iter().copied().flatten().collect();
    let is_optional = |key: &String| group.iter().any(|set| set.binary_search(key).is_err());
    keys.into_iter().map(|key| (key.as_str(), is_optional(key))).collect()
}

fn object(named: &Named, keys: &[(&str, bool)], indent: usize) -> String {
    let inner = "  ".repeat(indent + 1);
    let mut text = "{\n".to_owned();
    for (key, is_optional) in keys {
        let Some(property) = named.properties.get(*key) else { continue };
        if property.shape.inexact {
            text.push_str(&format!("{inner}/** JavaScript rounds some of these numbers. */\n"));
        }
        let mark = if *is_optional { "?" } else { "" };
        let value = written(&property.shape, indent + 1);
        text.push_str(&format!("{inner}{}{mark}: {value};\n", property_name(key)));
    }
    text.push_str(&"  ".repeat(indent));
    text.push('}');
    text
}

/// A key as the name of a property, in quotes where it is no identifier.
fn property_name(key: &str) -> String {
    let mut letters = key.chars();
    let is_start = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || letter == '$';
    let is_identifier = letters.next().is_some_and(is_start)
        && letters.all(|letter| is_start(letter) || letter.is_ascii_digit());
    if is_identifier { key.to_owned() } else { string(key) }
}

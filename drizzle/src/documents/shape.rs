//! The shape of JSON documents: what was seen at each place, and nothing of the values.
//!
//! Shapes form a semilattice: [`Shape::merge`] is commutative and associative, so that the order of rows does not matter. Three bounds
//! keep a shape small: nesting beyond [`DEPTH_MAX`] is not recorded, an object with more than [`KEYS_MAX`] keys is a map, and of the
//! sets of keys that occur together at most [`KEY_SETS_MAX`] are kept.

use std::collections::{BTreeMap, BTreeSet};

/// How deep containers are recorded; what is in a deeper one is `unknown`.
pub(super) const DEPTH_MAX: usize = 8;

/// The most distinct keys of an object that are recorded one by one.
pub(super) const KEYS_MAX: usize = 128;

/// The most sets of keys that are kept for an object.
pub(super) const KEY_SETS_MAX: usize = 16;

/// The longest key that is taken for a name.
const KEY_BYTES_MAX: usize = 64;

/// The most digits of a key that is taken for a name.
const KEY_DIGITS_MAX: usize = 4;

/// What was seen at one place of all documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// `null` was seen.
    pub(super) null: bool,
    /// `true` or `false` was seen.
    pub(super) boolean: bool,
    /// A number was seen.
    pub(super) number: bool,
    /// A number was seen that JavaScript rounds.
    pub(super) inexact: bool,
    /// A string was seen.
    pub(super) string: bool,
    /// A value was seen that is not recorded, since it is nested too deeply.
    pub(super) unrecorded: bool,
    /// The elements of the arrays that were seen; an empty shape if all are empty.
    pub(super) array: Option<Box<Shape>>,
    /// The objects that were seen.
    pub(super) object: Option<Box<Objects>>,
}

/// The objects of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Objects {
    /// Their keys are names.
    Named(Named),
    /// Their keys are data, and their values have this shape.
    Map(Shape),
}

/// Objects whose keys are names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Number of objects.
    pub(super) seen: u64,
    /// The keys with the values that were seen under them.
    pub(super) properties: BTreeMap<String, Property>,
    /// The sets of keys that occur together; none if there are too many.
    pub(super) key_sets: Option<BTreeSet<Vec<String>>>,
}

/// The values of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    /// Number of objects that have the key.
    pub(super) seen: u64,
    /// Its values.
    pub(super) shape: Shape,
}

impl Shape {
    /// Whether nothing was seen.
    pub(super) fn is_empty(&self) -> bool {
        *self == Shape::default()
    }

    /// Adds what another shape has seen.
    pub(super) fn merge(&mut self, other: Shape) {
        self.null |= other.null;
        self.boolean |= other.boolean;
        self.number |= other.number;
        self.inexact |= other.inexact;
        self.string |= other.string;
        self.unrecorded |= other.unrecorded;
        match (&mut self.array, other.array) {
            (Some(elements), Some(others)) => elements.merge(*others),
            (elements @ None, others) => *elements = others,
            (Some(_), None) => {}
        }
        match (&mut self.object, other.object) {
            (Some(objects), Some(others)) => objects.merge(*others),
            (objects @ None, others) => *objects = others,
            (Some(_), None) => {}
        }
    }

    /// Number of shapes that it consists of.
    pub(super) fn size(&self) -> usize {
        let objects = match self.object.as_deref() {
            Some(Objects::Map(values)) => values.size(),
            Some(Objects::Named(named)) => {
                named.properties.values().map(|property| property.shape.size()).sum()
            }
            None => 0,
        };
        1 + objects + self.array.as_ref().map_or(0, |elements| elements.size())
    }

    /// Forgets everything below this depth.
    pub(super) fn truncate(&mut self, depth: usize) {
        let is_container = self.array.is_some() || self.object.is_some();
        if depth == 0 && is_container {
            self.array = None;
            self.object = None;
            self.unrecorded = true;
            return;
        }
        if let Some(elements) = &mut self.array {
            elements.truncate(depth - 1);
        }
        match self.object.as_deref_mut() {
            Some(Objects::Map(values)) => values.truncate(depth - 1),
            Some(Objects::Named(named)) => {
                named.properties.values_mut().for_each(|property| property.shape.truncate(depth - 1));
            }
            None => {}
        }
    }
}

impl Objects {
    fn merge(&mut self, other: Objects) {
        match (&mut *self, other) {
            (Objects::Named(named), Objects::Named(other)) => {
                named.merge(other);
                if named.properties.len() > KEYS_MAX {
                    *self = Objects::Map(std::mem::take(named).into_values());
                }
            }
            (Objects::Named(named), Objects::Map(mut values)) => {
                values.merge(std::mem::take(named).into_values());
                *self = Objects::Map(values);
            }
            (Objects::Map(values), Objects::Named(other)) => values.merge(other.into_values()),
            (Objects::Map(values), Objects::Map(other)) => values.merge(other),
        }
    }
}

impl Named {
    fn merge(&mut self, other: Named) {
        self.seen += other.seen;
        for (key, property) in other.properties {
            match self.properties.get_mut(&key) {
                Some(known) => {
                    known.seen += property.seen;
                    known.shape.merge(property.shape);
                }
                None => {
                    self.properties.insert(key, property);
                }
            }
        }
        self.key_sets = match (self.key_sets.take(), other.key_sets) {
            (Some(mut sets), Some(others)) => {
                sets.extend(others);
                (sets.len() <= KEY_SETS_MAX).then_some(sets)
            }
            _ => None,
        };
    }

    /// The shape of all its values.
    pub(super) fn into_values(self) -> Shape {
        self.properties.into_values().fold(Shape::default(), |mut values, property| {
            values.merge(property.shape);
            values
        })
    }
}

/// An object that is being read.
#[derive(Debug, Default)]
pub(super) struct OpenObject {
    properties: BTreeMap<String, Shape>,
    /// The values, once the keys are known to be data.
    values: Option<Shape>,
}

impl OpenObject {
    /// Adds a member.
    pub(super) fn add(&mut self, key: String, value: Shape) {
        if let Some(values) = &mut self.values {
            values.merge(value);
            return;
        }
        let is_data = is_data(&key);
        self.properties.entry(key).or_default().merge(value);
        if is_data || self.properties.len() > KEYS_MAX {
            let mut values = Shape::default();
            std::mem::take(&mut self.properties).into_values().for_each(|value| values.merge(value));
            self.values = Some(values);
        }
    }

    /// The shape of the complete object.
    pub(super) fn close(self) -> Shape {
        let objects = match self.values {
            Some(values) => Objects::Map(values),
            None => {
                let keys: Vec<String> = self.properties.keys().cloned().collect();
                let property = |(key, shape)| (key, Property { seen: 1, shape });
                Objects::Named(Named {
                    seen: 1,
                    properties: self.properties.into_iter().map(property).collect(),
                    key_sets: Some(BTreeSet::from([keys])),
                })
            }
        };
        Shape { object: Some(Box::new(objects)), ..Shape::default() }
    }
}

/// Whether a key is data rather than a name: a number, a date, an address, an identifier with many digits, or too long for a name.
fn is_data(key: &str) -> bool {
    let is_of_name = |letter: char| letter.is_alphanumeric() || "_-.$: /".contains(letter);
    let digits = key.chars().filter(char::is_ascii_digit).count();
    key.len() > KEY_BYTES_MAX
        || !key.contains(char::is_alphabetic)
        || !key.chars().all(is_of_name)
        || digits > KEY_DIGITS_MAX
        || key.matches('/').count() > 1
}

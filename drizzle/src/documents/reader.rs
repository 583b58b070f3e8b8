//! Reads the shape of one document.

use migrate_core::conversion::{JsonEvent, walk_json};

use super::shape::{DEPTH_MAX, OpenObject, Shape};

/// The largest integer up to which JavaScript's numbers are exact: 2^53 - 1, `Number.MAX_SAFE_INTEGER`.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// A container that is being read.
enum Open {
    Array(Shape),
    Object(OpenObject, String),
    /// One that is nested too deeply to be recorded.
    Unrecorded,
}

/// Returns the shape of a document; none if the text is no document.
pub(super) fn shape_of(text: &str) -> Option<Shape> {
    let mut reader = Reader::default();
    walk_json(text, &mut |event| reader.receive(event)).ok()?;
    Some(reader.document)
}

#[derive(Default)]
struct Reader {
    document: Shape,
    open: Vec<Open>,
}

impl Reader {
    fn receive(&mut self, event: JsonEvent<'_>) {
        match event {
            JsonEvent::Object if self.open.len() < DEPTH_MAX => {
                self.open.push(Open::Object(OpenObject::default(), String::new()));
            }
            JsonEvent::Array if self.open.len() < DEPTH_MAX => self.open.push(Open::Array(Shape::default())),
            JsonEvent::Object | JsonEvent::Array => self.open.push(Open::Unrecorded),
            JsonEvent::Key(name) => {
                if let Some(Open::Object(_, key)) = self.open.last_mut() {
                    name.clone_into(key);
                }
            }
            JsonEvent::End => {
                let shape = match self.open.pop() {
                    Some(Open::Array(elements)) => {
                        Shape { array: Some(Box::new(elements)), ..Shape::default() }
                    }
                    Some(Open::Object(object, _)) => object.close(),
                    Some(Open::Unrecorded) | None => Shape { unrecorded: true, ..Shape::default() },
                };
                self.add(shape);
            }
            JsonEvent::Null => self.add(Shape { null: true, ..Shape::default() }),
            JsonEvent::Boolean => self.add(Shape { boolean: true, ..Shape::default() }),
            JsonEvent::String => self.add(Shape { string: true, ..Shape::default() }),
            JsonEvent::Number(digits) => {
                self.add(Shape { number: true, inexact: !is_exact(digits), ..Shape::default() });
            }
        }
    }

    fn add(&mut self, shape: Shape) {
        match self.open.last_mut() {
            None => self.document = shape,
            Some(Open::Array(elements)) => elements.merge(shape),
            Some(Open::Object(object, key)) => object.add(std::mem::take(key), shape),
            Some(Open::Unrecorded) => {}
        }
    }
}

/// Whether JavaScript's number is the one that is written, up to the rounding of a fraction: integers beyond 2^53 and numbers beyond the
/// range of a double are not.
fn is_exact(digits: &str) -> bool {
    if digits.contains(['.', 'e', 'E']) {
        return digits.parse::<f64>().is_ok_and(f64::is_finite);
    }
    digits.trim_start_matches('-').parse::<u64>().is_ok_and(|number| number <= SAFE_INTEGER_MAX)
}

//! Tests: every document is assignable to the type, by a reader of TypeScript types that shares no code with what writes them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::reader::shape_of;
use super::shape::Shape;
use super::typescript::type_of;

fn inferred<'d>(documents: impl IntoIterator<Item = &'d Value>) -> String {
    let mut all = Shape::default();
    for document in documents {
        all.merge(shape_of(&document.to_string()).unwrap());
    }
    type_of(&all)
}

fn inferred_from(documents: Value) -> String {
    inferred(documents.as_array().unwrap())
}

/// A type of TypeScript, as far as documents need it.
#[derive(Debug, PartialEq)]
enum Type {
    Unknown,
    Never,
    Scalar(String),
    Array(Box<Type>),
    Map(Box<Type>),
    Object(Vec<(String, bool, Type)>),
    Union(Vec<Type>),
}

/// A reader of types.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn read(text: &str) -> Type {
        let mut reader = Reader { rest: text };
        let found = reader.union();
        reader.skip();
        assert_eq!(reader.rest, "", "{text}");
        found
    }

    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix("/**") else { return };
            self.rest = comment.split_once("*/").unwrap().1;
        }
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) {
        assert!(self.takes(token), "{token} is missing before {}", self.rest);
    }

    fn union(&mut self) -> Type {
        let mut members = vec![self.postfix()];
        while self.takes("|") {
            members.push(self.postfix());
        }
        if members.len() == 1 { members.remove(0) } else { Type::Union(members) }
    }

    fn postfix(&mut self) -> Type {
        let mut found = self.primary();
        while self.takes("[]") {
            found = Type::Array(Box::new(found));
        }
        found
    }

    fn primary(&mut self) -> Type {
        if self.takes("(") {
            let inner = self.union();
            self.expect(")");
            return inner;
        }
        if self.takes("Record<string,") {
            let values = self.union();
            self.expect(">");
            return Type::Map(Box::new(values));
        }
        if self.takes("{") {
            let mut properties = Vec::new();
            while !self.takes("}") {
                let name = self.name();
                let is_optional = self.takes("?");
                self.expect(":");
                let value = self.union();
                self.expect(";");
                properties.push((name, is_optional, value));
            }
            return Type::Object(properties);
        }
        let word = self.word();
        match word.as_str() {
            "unknown" => Type::Unknown,
            "never" => Type::Never,
            "string" | "number" | "boolean" | "null" => Type::Scalar(word),
            _ => panic!("{word} is no type of a document"),
        }
    }

    fn word(&mut self) -> String {
        self.skip();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn name(&mut self) -> String {
        self.skip();
        let Some(quoted) = self.rest.strip_prefix('\'') else {
            let word = self.word();
            assert!(!word.is_empty() && !word.starts_with(|first: char| first.is_ascii_digit()), "{word}");
            return word;
        };
        let (mut name, mut letters) = (String::new(), quoted.chars());
        loop {
            match letters.next().unwrap() {
                '\'' => break,
                '\\' => match letters.next().unwrap() {
                    'n' => name.push('\n'),
                    't' => name.push('\t'),
                    'r' => name.push('\r'),
                    'u' => {
                        let code: String =
                            letters.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                        name.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).unwrap());
                    }
                    other => name.push(other),
                },
                '\n' => panic!("a literal over two lines"),
                other => name.push(other),
            }
        }
        self.rest = letters.as_str();
        name
    }
}

/// Whether a document can be assigned; an object must not have other keys than its type.
fn fits(value: &Value, to: &Type) -> bool {
    match (to, value) {
        (Type::Unknown, _) => true,
        (Type::Union(members), value) => members.iter().any(|member| fits(value, member)),
        (Type::Scalar(name), Value::Null) => name == "null",
        (Type::Scalar(name), Value::Bool(_)) => name == "boolean",
        (Type::Scalar(name), Value::Number(_)) => name == "number",
        (Type::Scalar(name), Value::String(_)) => name == "string",
        (Type::Array(element), Value::Array(elements)) => elements.iter().all(|each| fits(each, element)),
        (Type::Map(values), Value::Object(members)) => members.values().all(|each| fits(each, values)),
        (Type::Object(properties), Value::Object(members)) => {
            let is_known = |key: &String| properties.iter().any(|(name, ..)| name == key);
            members.keys().all(is_known)
                && properties.iter().all(|(name, is_optional, of)| match members.get(name) {
                    Some(value) => fits(value, of),
                    None => *is_optional,
                })
        }
        _ => false,
    }
}

fn any_document() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z'\\\\]{0,3}".prop_map(Value::from),
    ];
    scalar.prop_recursive(11, 80, 6, |inner| {
        let key = prop_oneof!["[abc]", "[a-d]{2}", "[ '\"\\\\\u{0}-\u{1f}a-z0-9@é\u{2028}]{0,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..7)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn every_document_is_assignable_whatever_the_order(
        documents in prop::collection::vec(any_document(), 1..24),
        shuffled in any::<prop::sample::Index>(),
    ) {
        // jsonb has no \u0000, so that no key of a migrated document has it.
        prop_assume!(!documents.iter().any(|document| document.to_string().contains("\\u0000")));
        let text = inferred(&documents);
        let of = Reader::read(&text);
        for document in &documents {
            prop_assert!(fits(document, &of), "{document} is no {text}");
        }
        let mut others = documents.clone();
        others.rotate_left(shuffled.index(documents.len()));
        others.reverse();
        prop_assert_eq!(&inferred(&others), &text);
        let (mut one, mut rest) = (Shape::default(), Shape::default());
        let half = shuffled.index(documents.len());
        documents[..half].iter().for_each(|each| one.merge(shape_of(&each.to_string()).unwrap()));
        documents[half..].iter().for_each(|each| rest.merge(shape_of(&each.to_string()).unwrap()));
        rest.merge(one);
        prop_assert_eq!(type_of(&rest), text);
    }
}

#[test]
fn the_checker_tells_types_apart() {
    let of =
        Reader::read("{ a: number; 'b c'?: (string | null)[]; } | Record<string, { x: boolean; }> | null");
    for (document, expected) in [
        (json!({"a": 1}), true),
        (json!({"a": 1, "b c": ["x", null]}), true),
        (json!({"a": 1, "b c": [1]}), false),
        (json!({"a": 1, "d": 1}), false),
        (json!({"k": {"x": true}}), true),
        (json!(null), true),
        (json!([]), false),
    ] {
        assert_eq!(fits(&document, &of), expected, "{document}");
    }
}

#[test]
fn types_are_what_a_person_would_write() {
    for (documents, expected) in [
        (json!([{"id": 1, "name": "a"}, {"id": 2}]), "{\n  id: number;\n  name?: string;\n}"),
        (json!([{"id": 1}, {}]), "{\n  id?: number;\n}"),
        (json!([{}]), "Record<string, unknown>"),
        (json!([[], []]), "unknown[]"),
        (json!([[1, null], ["a"]]), "(string | number | null)[]"),
        (json!([[[1]], [[]]]), "number[][]"),
        (json!(["a", 1, true, null]), "string | number | boolean | null"),
        (json!([null]), "null"),
        (json!([{"a": 1}, [1], 1]), "unknown"),
        (json!([{"a": 1}, [{"a": 1}]]), "{\n  a: number;\n} | {\n  a: number;\n}[]"),
        (
            json!([{"kind": "a", "size": 1, "unit": "x"}, {"kind": "b", "path": "y", "mode": 1}]),
            "{\n  kind: string;\n  mode: number;\n  path: string;\n} | {\n  kind: string;\n  size: number;\n  unit: string;\n}",
        ),
        (json!([{"content-type": "a", "x_1": 1}]), "{\n  'content-type': string;\n  x_1: number;\n}"),
        (
            json!([{"at": {"deep": [{"x": null}]}}]),
            "{\n  at: {\n    deep: {\n      x: null;\n    }[];\n  };\n}",
        ),
        (
            json!([{"n": 9_007_199_254_740_993_u64}]),
            "{\n  /** JavaScript rounds some of these numbers. */\n  n: number;\n}",
        ),
    ] {
        assert_eq!(inferred_from(documents.clone()), expected, "{documents}");
    }
}

#[test]
fn keys_that_are_data_are_not_written() {
    let many: Vec<Value> = (0..40)
        .map(|number| {
            let name: String =
                format!("{number:02}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
            json!({ format!("user{name}"): number })
        })
        .collect();
    for documents in [
        json!([{"alice@example.com": 1}, {"bob@example.com": 2}]),
        json!([{"2024-01-02": 1, "2024-01-03": 2}]),
        json!([{"17": 1}]),
        json!([{"3f2504e0-4f89-11d3-9a0c-0305e82c3301": 1}]),
        json!([{"alice": 1}, {"bob": 2}, {"carol": 3}]),
        Value::from(many),
    ] {
        assert_eq!(inferred_from(documents.clone()), "Record<string, number>", "{documents}");
    }
}

#[test]
fn a_type_has_a_bounded_size() {
    let wide: Value =
        (0..2000).map(|number| (format!("k{number}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(inferred([&wide]), "Record<string, number>");
    let mut deep = json!(1);
    for _ in 0..500 {
        deep = json!({ "a": deep });
    }
    let text = inferred([&deep]);
    assert_eq!((text.matches("a:").count(), text.contains("a: unknown;")), (8, true), "{text}");
    let branch = |inner: &Value| -> Value {
        ('a'..='z').map(|key| (key.to_string(), inner.clone())).collect::<serde_json::Map<_, _>>().into()
    };
    let full = branch(&branch(&branch(&json!(1))));
    let text = inferred([&full]);
    assert!(text.lines().count() < 400, "{}", text.lines().count());
    assert!(fits(&full, &Reader::read(&text)));
}

#[test]
fn no_string_of_a_document_is_in_its_type() {
    let text = inferred_from(json!([{"status": "secret-one"}, {"status": "secret-two"}, ["secret-three"]]));
    assert!(!text.contains("secret"), "{text}");
}

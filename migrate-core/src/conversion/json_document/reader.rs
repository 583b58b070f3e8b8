//! Reads a document into a [`Document`], and refuses JSON that `jsonb` does not accept.
//!
//! The size of a document in `jsonb` is computed without building it, with an excess of a few bytes for each string. A document may
//! therefore be refused if it is that close to the limit of 256 MB for one array or object.

use std::cmp::Ordering;

use super::number::Number;
use super::scan::{Container, Events, Kind, Token, scan};
use super::string::{Piece, pieces};
use super::tree::{Document, Key, Member, Node, prints_itself};
use super::{AcceptedLosses, Refusal, refusal};

/// The most bytes of a string, and of all that one array or object holds, as `jsonb` stores them (`JENTRY_OFFLENMASK`).
const STORED_MAX_BYTES: u64 = 268_435_455;

/// The overhead of `jsonb` for each key and each value, and at the head of an array or object.
const JENTRY_BYTES: u64 = 4;

/// The most elements of an array. PostgreSQL doubles the room for them, and the next size is beyond its largest allocation.
const ELEMENTS_MAX: usize = 1 << 24;

/// The most members of an object, repeated keys counted each time; as for [`ELEMENTS_MAX`].
const MEMBERS_MAX: usize = 1 << 23;

/// The longest text that PostgreSQL can print `jsonb` as: a longer one could be stored, but never be read again.
const PRINTED_MAX_BYTES: u64 = 0x3fff_ffff - 8;

/// The longest number without an exponent that is accepted without a check: no part of it can exceed `numeric`.
const SURELY_NUMERIC_BYTES: u32 = 16_383;

/// See [`Document::read`].
pub(super) fn read(text: &str, losses: AcceptedLosses) -> Result<Document<'_>, Refusal> {
    let mut reader = Reader::new(text, losses);
    scan(text, &mut reader)?;
    if reader.printed_bytes > PRINTED_MAX_BYTES {
        return Err(refusal("a document that PostgreSQL would print as more than 1 GB", 0));
    }
    Ok(reader.document)
}

/// Builds a [`Document`] while the text is scanned.
struct Reader<'t> {
    document: Document<'t>,
    losses: AcceptedLosses,
    open: Vec<Open>,
    /// The elements and members so far of all that is open, the innermost last.
    open_elements: Vec<Node>,
    open_members: Vec<Member>,
    /// At most how long the printed form becomes.
    printed_bytes: u64,
}

/// An array or object that has not ended yet.
struct Open {
    container: Container,
    /// Where its elements or members begin in `open_elements` or `open_members`.
    start: usize,
    /// An upper bound of the bytes that `jsonb` needs for the content so far.
    stored_bytes: u64,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, losses: AcceptedLosses) -> Reader<'t> {
        let document = Document {
            text: text.as_bytes(),
            root: Node::Array { start: 0, end: 0 },
            elements: Vec::new(),
            members: Vec::new(),
            unescaped_keys: Vec::new(),
        };
        Reader {
            document,
            losses,
            open: Vec::new(),
            open_elements: Vec::new(),
            open_members: Vec::new(),
            printed_bytes: 0,
        }
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Node, stored_bytes: u64, at_byte: usize) -> Result<(), Refusal> {
        let Some(parent) = self.open.last_mut() else {
            // jsonb stores a top-level scalar as an array of one.
            if matches!(value, Node::Scalar(_)) && stored_bytes + 2 * JENTRY_BYTES > STORED_MAX_BYTES {
                return Err(refusal("a string longer than jsonb holds", at_byte));
            }
            self.document.root = value;
            return Ok(());
        };
        // Numbers and containers begin at a multiple of four bytes; so much is reckoned for everything.
        parent.stored_bytes += stored_bytes.next_multiple_of(4) + JENTRY_BYTES;
        self.printed_bytes += 2;
        match parent.container {
            Container::Array => {
                if self.open_elements.len() - parent.start == ELEMENTS_MAX {
                    return Err(refusal("an array of more elements than jsonb holds", at_byte));
                }
                self.open_elements.push(value);
            }
            Container::Object => {
                if let Some(member) = self.open_members.last_mut() {
                    member.value = value;
                }
            }
        }
        Ok(())
    }

    /// How many bytes `jsonb` stores for a string, and how many there are once it is unescaped.
    fn check_string(&self, token: Token) -> Result<u64, Refusal> {
        let content = &self.document.text[token.start as usize + 1..token.end as usize - 1];
        let mut length = content.len() as u64;
        if token.kind == Kind::EscapedString {
            length = 0;
            for piece in pieces(content) {
                length += match piece {
                    Ok(Piece::Plain(plain)) => plain.len() as u64,
                    Ok(Piece::Escaped(character)) => character.len_utf8() as u64,
                    Err((problem, at)) => return Err(refusal(problem, token.start as usize + 1 + at)),
                };
            }
        }
        if length > STORED_MAX_BYTES {
            return Err(refusal("a string longer than jsonb holds", token.start as usize));
        }
        Ok(length)
    }

    /// How many bytes `jsonb` stores for a number.
    fn check_number(&mut self, token: Token) -> Result<u64, Refusal> {
        let text = &self.document.text[token.start as usize..token.end as usize];
        let length = token.end - token.start;
        if length <= SURELY_NUMERIC_BYTES && prints_itself(text) {
            let head_bytes = if length <= 63 { 6 } else { 8 };
            // Groups of four digits that lie around the point, so that both ends may be incomplete.
            return Ok(head_bytes + 2 * (u64::from(length) + 5).div_euclid(4));
        }
        let number = Number::read(text)
            .ok_or_else(|| refusal("a number outside PostgreSQL's numeric", token.start as usize))?;
        if number.has_sign_of_zero() && !self.losses.zero_signs {
            return Err(refusal("a zero with a sign, which jsonb does not keep", token.start as usize));
        }
        self.printed_bytes += number.printed_bytes().saturating_sub(u64::from(length));
        Ok(number.stored_bytes())
    }

    /// Sorts the members from `start` on into `jsonb`'s order, by length in bytes and then by the bytes
    /// (`lengthCompareJsonbStringValue`), and drops those that a repeated key hides.
    fn order_members(&mut self, start: usize) -> Result<(), Refusal> {
        let Document { text, unescaped_keys, .. } = &self.document;
        let bytes = |key: &Key| {
            let holder: &[u8] = if key.token.kind == Kind::EscapedString { unescaped_keys } else { text };
            &holder[key.start as usize..key.end as usize]
        };
        let by_key = |one: &Key, other: &Key| {
            (one.end - one.start).cmp(&(other.end - other.start)).then_with(|| bytes(one).cmp(bytes(other)))
        };
        let members = &mut self.open_members[start..];
        if members.is_sorted_by(|one, other| by_key(&one.key, &other.key) == Ordering::Less) {
            return Ok(());
        }
        members.sort_unstable_by(|one, other| {
            by_key(&one.key, &other.key).then(one.key.token.start.cmp(&other.key.token.start))
        });
        let repeated = |pair: &[Member]| by_key(&pair[0].key, &pair[1].key) == Ordering::Equal;
        let Some(second) =
            members.windows(2).filter(|pair| repeated(pair)).map(|pair| pair[1].key.token.start).min()
        else {
            return Ok(());
        };
        if !self.losses.repeated_keys {
            return Err(refusal("a key stands twice in an object", second as usize));
        }
        let mut kept = 0;
        for index in 0..members.len() {
            if index + 1 == members.len() || !repeated(&members[index..index + 2]) {
                members[kept] = members[index];
                kept += 1;
            }
        }
        self.open_members.truncate(start + kept);
        Ok(())
    }
}

impl Events for Reader<'_> {
    fn open(&mut self, container: Container) -> Result<(), Refusal> {
        let start = match container {
            Container::Array => self.open_elements.len(),
            Container::Object => self.open_members.len(),
        };
        self.open.push(Open { container, start, stored_bytes: JENTRY_BYTES });
        self.printed_bytes += 2;
        Ok(())
    }

    fn key(&mut self, token: Token) -> Result<(), Refusal> {
        let length = self.check_string(token)?;
        self.printed_bytes += u64::from(token.end - token.start) + 2;
        let (mut start, mut end) = (token.start + 1, token.end - 1);
        if token.kind == Kind::EscapedString {
            let unescaped = &mut self.document.unescaped_keys;
            start = unescaped.len() as u32;
            for piece in pieces(&self.document.text[token.start as usize + 1..token.end as usize - 1]) {
                match piece {
                    Ok(Piece::Plain(plain)) => unescaped.extend_from_slice(plain),
                    Ok(Piece::Escaped(character)) => {
                        unescaped.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    // check_string has refused those.
                    Err(_) => {}
                }
            }
            end = unescaped.len() as u32;
        }
        if let Some(object) = self.open.last_mut() {
            if self.open_members.len() - object.start == MEMBERS_MAX {
                return Err(refusal("an object of more members than jsonb holds", token.start as usize));
            }
            object.stored_bytes += length.next_multiple_of(4) + JENTRY_BYTES;
        }
        let value = Node::Array { start: 0, end: 0 };
        self.open_members.push(Member { key: Key { token, start, end }, value });
        Ok(())
    }

    fn scalar(&mut self, token: Token) -> Result<(), Refusal> {
        self.printed_bytes += u64::from(token.end - token.start);
        let stored_bytes = match token.kind {
            Kind::Literal => 0,
            Kind::Number => self.check_number(token)?,
            Kind::String | Kind::EscapedString => self.check_string(token)?,
        };
        self.add(Node::Scalar(token), stored_bytes, token.start as usize)
    }

    fn close(&mut self, at_byte: usize) -> Result<(), Refusal> {
        let Some(Open { container, start, stored_bytes }) = self.open.pop() else { return Ok(()) };
        if stored_bytes > STORED_MAX_BYTES {
            return Err(refusal("an array or object larger than jsonb holds", at_byte));
        }
        let value = match container {
            Container::Array => {
                let first = self.document.elements.len() as u32;
                self.document.elements.extend(self.open_elements.drain(start..));
                Node::Array { start: first, end: self.document.elements.len() as u32 }
            }
            Container::Object => {
                self.order_members(start)?;
                let first = self.document.members.len() as u32;
                self.document.members.extend(self.open_members.drain(start..));
                Node::Object { start: first, end: self.document.members.len() as u32 }
            }
        };
        self.add(value, stored_bytes, at_byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, losses: AcceptedLosses) -> Option<String> {
        read(text, losses).err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn what_jsonb_does_not_take_is_refused_with_its_place() {
        for (text, refusal) in [
            (r#""a\u0000""#, "JSON: \\u0000, which jsonb cannot hold at byte 2"),
            (r#"{"\u0000":1}"#, "JSON: \\u0000, which jsonb cannot hold at byte 2"),
            (r#"["\ud800"]"#, "JSON: \\u escape of half a surrogate pair at byte 2"),
            (r#"{"\udc00":1}"#, "JSON: \\u escape of half a surrogate pair at byte 2"),
            ("[1, 1e131072]", "JSON: a number outside PostgreSQL's numeric at byte 4"),
            ("[-1e-16384]", "JSON: a number outside PostgreSQL's numeric at byte 1"),
            ("[1", "JSON: \",\" or \"]\" is missing at byte 2"),
        ] {
            for losses in [AcceptedLosses::NONE, AcceptedLosses::REPEATED_KEYS] {
                assert_eq!(problem(text, losses).as_deref(), Some(refusal), "{text}");
            }
        }
    }

    #[test]
    fn a_repeated_key_is_refused_where_it_stands_again() {
        for (text, at) in [
            (r#"{"a":1,"a":2}"#, 7),
            (r#"{"a":1,"\u0061":2}"#, 7),
            (r#"{"\u0061":1,"b":0,"a":2}"#, 18),
            (r#"[{},{"x":{"k":1,"j":2,"k":3}}]"#, 22),
            (r#"{"b":1,"a":1,"c":1,"a":2,"b":2}"#, 19),
            (r#"{"":1,"":1}"#, 6),
            (r#"{"\/":1,"/":1}"#, 8),
        ] {
            let refusal = format!("JSON: a key stands twice in an object at byte {at}");
            assert_eq!(problem(text, AcceptedLosses::NONE), Some(refusal), "{text}");
            assert_eq!(problem(text, AcceptedLosses::REPEATED_KEYS), None, "{text}");
        }
        for text in [r#"{"a":1,"A":2,"a ":3}"#, r#"{"a":{"a":{"a":1}}}"#, r#"[{"a":1},{"a":1}]"#] {
            assert_eq!(problem(text, AcceptedLosses::NONE), None, "{text}");
        }
    }

    #[test]
    fn a_zero_with_a_sign_is_refused_where_it_stands() {
        for (text, at) in [
            ("-0", 0),
            ("[1, -0.0]", 4),
            (r#"{"a":{"b":[0,-0e5]}}"#, 13),
            ("[-0.000E-3]", 1),
            ("[-1, -0.10, -0, -0.0]", 12),
        ] {
            let refusal = format!("JSON: a zero with a sign, which jsonb does not keep at byte {at}");
            for losses in [AcceptedLosses::NONE, AcceptedLosses::REPEATED_KEYS] {
                assert_eq!(problem(text, losses).as_deref(), Some(refusal.as_str()), "{text}");
            }
            for losses in [AcceptedLosses::ZERO_SIGNS, AcceptedLosses::ALL] {
                assert_eq!(problem(text, losses), None, "{text}");
            }
        }
        for text in ["[0, 0.0, 0e5]", "[-1e-300, -0.01, -10]", r#"["-0", {"-0.0": 1}]"#] {
            assert_eq!(problem(text, AcceptedLosses::NONE), None, "{text}");
        }
        let both = r#"{"a":-0,"a":1}"#;
        for losses in [AcceptedLosses::NONE, AcceptedLosses::REPEATED_KEYS, AcceptedLosses::ZERO_SIGNS] {
            assert!(problem(both, losses).is_some(), "{losses:?}");
        }
        assert_eq!(problem(both, AcceptedLosses::ALL), None);
    }

    #[test]
    fn a_document_that_would_be_printed_as_too_long_is_refused() {
        // PostgreSQL 15 printed the first, with 1073496063 bytes, and ran out of its buffer at the second.
        let numbers = |count| format!("[{}1]", "1e131071,".repeat(count));
        assert_eq!(problem(&numbers(8190), AcceptedLosses::NONE), None);
        let refusal = "JSON: a document that PostgreSQL would print as more than 1 GB at byte 0";
        assert_eq!(problem(&numbers(8192), AcceptedLosses::NONE).as_deref(), Some(refusal));
    }

    #[test]
    #[ignore = "needs two gigabytes of memory"]
    fn the_largest_documents_are_those_of_postgresql() {
        // PostgreSQL 15 accepted the first of each pair and refused the second.
        let values =
            |value: &str, count: usize| format!("[{}{value}]", format!("{value},").repeat(count - 1));
        let members = |count: usize| format!("{{{}\"a\":1}}", "\"a\":1,".repeat(count - 1));
        let string = |length| format!("\"{}\"", "x".repeat(length));
        for (fits, refused, problem_of_refused) in [
            (values("1", 1 << 24), values("1", (1 << 24) + 1), "an array of more elements than jsonb holds"),
            (
                values("null", 1 << 24),
                values("null", (1 << 24) + 1),
                "an array of more elements than jsonb holds",
            ),
            (members(1 << 23), members((1 << 23) + 1), "an object of more members than jsonb holds"),
            (string(268_435_447), string(268_435_448), "a string longer than jsonb holds"),
            (string(268_435_447), string(268_435_456), "a string longer than jsonb holds"),
            (
                values("10000", 1 << 23),
                values("10001", 1 << 24),
                "an array or object larger than jsonb holds",
            ),
        ] {
            assert_eq!(problem(&fits, AcceptedLosses::REPEATED_KEYS), None, "{problem_of_refused}");
            let found = problem(&refused, AcceptedLosses::REPEATED_KEYS).unwrap_or_default();
            assert!(found.starts_with(&format!("JSON: {problem_of_refused} at")), "{found}");
        }
    }
}

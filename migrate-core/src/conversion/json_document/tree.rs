//! A document in the order in which `jsonb` keeps it, and its printed form.
//!
//! A [`Document`] borrows the text: values are places in it, and only keys with escapes are copied. Members of an object
//! stand in `jsonb`'s order, which is by length in bytes and then by the bytes (`lengthCompareJsonbStringValue`).

use std::cmp::Ordering;
use std::ops::Range;

use super::number::Number;
use super::scan::{Container, Events, Kind, Token, scan};
use super::string::{Piece, escape, pieces};
use super::{Refusal, RepeatedKeys, refusal};

/// The most bytes of a string, and of all that one array or object holds, as `jsonb` stores them (`JENTRY_OFFLENMASK`).
const STORED_MAX_BYTES: u64 = 268_435_455;

/// What `jsonb` keeps for each key and each value besides its bytes, and at the head of an array or object.
const JENTRY_BYTES: u64 = 4;

/// The most elements of an array. PostgreSQL doubles the room for them, and the next size is beyond its largest allocation.
const ELEMENTS_MAX: usize = 1 << 24;

/// The most members of an object, repeated keys counted each time; as for [`ELEMENTS_MAX`].
const MEMBERS_MAX: usize = 1 << 23;

/// The longest text that PostgreSQL can print `jsonb` as: a longer one could be stored, but never be read again.
const PRINTED_MAX_BYTES: u64 = 0x3fff_ffff - 8;

/// The longest number that is taken as it stands if it has no exponent: no part of it can be beyond `numeric`.
const SURELY_NUMERIC_BYTES: u32 = 16_383;

/// A document that `jsonb` takes.
pub(in super::super) struct Document<'t> {
    text: &'t [u8],
    root: Node,
    elements: Vec<Node>,
    members: Vec<Member>,
    unescaped_keys: Vec<u8>,
}

/// A value of the document; the ranges are places in `elements` and `members`.
#[derive(Clone, Copy)]
enum Node {
    Scalar(Token),
    Array { start: u32, end: u32 },
    Object { start: u32, end: u32 },
}

#[derive(Clone, Copy)]
struct Member {
    key: Key,
    value: Node,
}

/// A key: where its token stands in the text, and where its unescaped bytes are.
#[derive(Clone, Copy)]
struct Key {
    token: Token,
    start: u32,
    end: u32,
}

/// Where printed text goes to.
pub(super) trait Output {
    /// Takes the next bytes. Whether it wants more.
    fn put(&mut self, bytes: &[u8]) -> bool;

    /// Takes `count` digits 0. Whether it wants more.
    fn put_zeros(&mut self, count: i64) -> bool {
        const ZEROS: [u8; 64] = [b'0'; 64];
        let mut left = usize::try_from(count).unwrap_or_default();
        while left > 0 {
            let taken = left.min(ZEROS.len());
            if !self.put(&ZEROS[..taken]) {
                return false;
            }
            left -= taken;
        }
        true
    }
}

impl Output for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.extend_from_slice(bytes);
        true
    }
}

/// Compares what is printed with an expected text, and needs no room for it.
struct Expected<'e> {
    rest: &'e [u8],
}

impl Output for Expected<'_> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

/// How numbers are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As PostgreSQL prints them.
    Printed,
    /// Short, one text for each number that `numeric` holds, but no JSON.
    Normal,
}

impl<'t> Document<'t> {
    /// Reads a document that is at most as long as a PostgreSQL field.
    ///
    /// # Errors
    /// A [`Refusal`] that names the first thing that `jsonb` does not take.
    pub(in super::super) fn read(
        text: &'t str,
        repeated_keys: RepeatedKeys,
    ) -> Result<Document<'t>, Refusal> {
        let mut reader = Reader::new(text, repeated_keys);
        scan(text, &mut reader)?;
        if reader.printed_bytes > PRINTED_MAX_BYTES {
            return Err(refusal("a document that PostgreSQL would print as more than 1 GB", 0));
        }
        Ok(reader.document)
    }

    /// Whether PostgreSQL prints it as `expected`.
    pub(super) fn prints_as(&self, expected: &str) -> bool {
        let mut expected = Expected { rest: expected.as_bytes() };
        self.print(Form::Printed, &mut expected) && expected.rest.is_empty()
    }

    /// A text that two documents share exactly when `jsonb` keeps them as one value; about as long as the document itself.
    pub(super) fn normal_form(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        self.print(Form::Normal, &mut out);
        out
    }

    /// Prints it. Whether `out` took everything.
    fn print(&self, form: Form, out: &mut impl Output) -> bool {
        let mut open: Vec<(Container, Range<u32>)> = Vec::new();
        let mut node = self.root;
        loop {
            let mut goes_on = match node {
                Node::Scalar(token) => self.print_scalar(token, form, out),
                Node::Array { start, end } => {
                    open.push((Container::Array, start..end));
                    out.put(b"[")
                }
                Node::Object { start, end } => {
                    open.push((Container::Object, start..end));
                    out.put(b"{")
                }
            };
            let mut first = !matches!(node, Node::Scalar(_));
            loop {
                if !goes_on {
                    return false;
                }
                let Some((container, left)) = open.last_mut() else { return true };
                let Some(index) = left.next() else {
                    goes_on = out.put(if *container == Container::Array { b"]" } else { b"}" });
                    open.pop();
                    first = false;
                    continue;
                };
                if !first && !out.put(b", ") {
                    return false;
                }
                node = match container {
                    Container::Array => self.elements[index as usize],
                    Container::Object => {
                        let Member { key, value } = self.members[index as usize];
                        if !self.print_scalar(key.token, form, out) || !out.put(b": ") {
                            return false;
                        }
                        value
                    }
                };
                break;
            }
        }
    }

    fn print_scalar(&self, token: Token, form: Form, out: &mut impl Output) -> bool {
        let text = &self.text[token.start as usize..token.end as usize];
        match token.kind {
            Kind::Number if form == Form::Normal || !prints_itself(text) => {
                let Some(number) = Number::read(text) else { return false };
                if form == Form::Normal { number.print_normal_form(out) } else { number.print(out) }
            }
            Kind::EscapedString => {
                let mut room = [0; 6];
                let content = &text[1..text.len() - 1];
                out.put(b"\"")
                    && pieces(content).all(|piece| match piece {
                        Ok(Piece::Plain(plain)) => out.put(plain),
                        Ok(Piece::Escaped(character)) => out.put(escape(character, &mut room)),
                        Err(_) => false,
                    })
                    && out.put(b"\"")
            }
            Kind::Literal | Kind::Number | Kind::String => out.put(text),
        }
    }
}

/// Whether PostgreSQL prints the number `text`, if it takes it, as it stands: it has no exponent and is no negative zero.
fn prints_itself(text: &[u8]) -> bool {
    let is_negative_zero = || text.starts_with(b"-0") && !text.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    !text.iter().any(|byte| matches!(byte, b'e' | b'E')) && !is_negative_zero()
}

/// Builds a [`Document`] while the text is scanned.
struct Reader<'t> {
    document: Document<'t>,
    repeated_keys: RepeatedKeys,
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
    /// At most how many bytes `jsonb` needs for what it holds so far.
    stored_bytes: u64,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, repeated_keys: RepeatedKeys) -> Reader<'t> {
        let document = Document {
            text: text.as_bytes(),
            root: Node::Array { start: 0, end: 0 },
            elements: Vec::new(),
            members: Vec::new(),
            unescaped_keys: Vec::new(),
        };
        Reader {
            document,
            repeated_keys,
            open: Vec::new(),
            open_elements: Vec::new(),
            open_members: Vec::new(),
            printed_bytes: 0,
        }
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Node, stored_bytes: u64, at_byte: usize) -> Result<(), Refusal> {
        let Some(parent) = self.open.last_mut() else {
            // jsonb keeps a scalar that is the whole document as an array of one.
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
            return Ok(8 + 2 * (u64::from(length) / 4 + 2));
        }
        let number = Number::read(text)
            .ok_or_else(|| refusal("a number outside PostgreSQL's numeric", token.start as usize))?;
        self.printed_bytes += number.printed_bytes().saturating_sub(u64::from(length));
        Ok(number.stored_bytes())
    }

    /// Puts the members from `start` on into `jsonb`'s order and drops what a repeated key hides.
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
        if self.repeated_keys == RepeatedKeys::Refused {
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

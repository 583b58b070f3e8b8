//! Shared parts of the sections: names, states, statements to be copied, links to tables by their position.

use maud::{Markup, PreEscaped, html};

use super::page::Page;
use crate::text;

/// The state of something; each has a shape of its own, so that colour is never needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It holds.
    Good,
    /// It does not.
    Bad,
    /// It is to be known.
    Warn,
    /// It was not checked.
    Quiet,
}

impl State {
    fn class(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Bad => "bad",
            State::Warn => "warn",
            State::Quiet => "muted",
        }
    }

    /// The shape: a check in a circle, a cross in an octagon, a triangle, a dash in a circle.
    pub(super) fn icon(self) -> Markup {
        let path = match self {
            State::Good => "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19zM7.5 12.2l3.2 3.3 5.8-6.6",
            State::Bad => "M8 2.5h8L21.5 8v8L16 21.5H8L2.5 16V8zM8.8 8.8l6.4 6.4M15.2 8.8l-6.4 6.4",
            State::Warn => "M12 3l10 18H2zM12 10v5M12 18v.2",
            State::Quiet => "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19zM8 12h8",
        };
        html! { svg.icon viewBox="0 0 24 24" aria-hidden="true" { path d=(path) {} } }
    }

    /// The shape and the word.
    pub(super) fn words(self, words: &str) -> Markup {
        html! { span.state.(self.class()) { (self.icon()) span { (words) } } }
    }

    /// The class for an entire element.
    pub(super) fn color(self) -> &'static str {
        self.class()
    }
}

/// A name of a database, whose direction is its own.
pub(super) fn name(name: &str) -> Markup {
    html! { bdi.name { (text::name(name)) } }
}

/// A short piece of SQL within a text.
pub(super) fn code(sql: &str) -> Markup {
    html! { code { bdi { (text::one_line(sql)) } } }
}

/// Text of a plan or a run, which may contain names.
pub(super) fn words(words: &str) -> Markup {
    html! { bdi { (text::one_line(words)) } }
}

/// A list of columns.
pub(super) fn columns(columns: &[String]) -> Markup {
    html! {
        @for (at, column) in columns.iter().enumerate() {
            @if at > 0 { ", " }
            code { (name(column)) }
        }
    }
}

/// A statement or command to be read and copied.
pub(super) fn statement(title: &str, statement: &str) -> Markup {
    let shown = text::lines(statement);
    let exact = (shown != statement).then(|| exact(statement));
    html! {
        figure.sql {
            figcaption {
                span { (words(title)) @if exact.is_some() { " – what cannot be seen is shown as \\u{…}; the copy has it as it is" } }
                button.copy type="button" hidden data-needs-script aria-label={ "Copy: " (text::one_line(title)) } { "Copy" }
            }
            pre tabindex="0" { code data-exact=[exact] { (shown) } }
        }
    }
}

/// A text as JSON in ASCII, which can represent characters that an attribute of HTML would lose, and hides nothing from readers of the
/// source.
fn exact(text: &str) -> String {
    let mut out = String::new();
    let mut units = [0; 2];
    for letter in serde_json::Value::from(text).to_string().chars() {
        match letter.is_ascii() {
            true => out.push(letter),
            false => out.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    out
}

/// A table that scrolls separately if it is too wide, also with the keyboard.
pub(super) fn scrolling(label: &str, content: Markup) -> Markup {
    html! { div.scroll role="region" tabindex="0" aria-label=(text::one_line(label)) { (content) } }
}

/// A link to the section of a table; the bare name if the report has none.
pub(super) fn table_link(page: &Page<'_>, source: &str) -> Markup {
    match page.anchor(source) {
        Some(anchor) => html! { a href={ "#" (anchor) } { (name(source)) } },
        None => name(source),
    }
}

/// A moment in RFC 3339 as people read it.
pub(super) fn moment(moment: &str) -> Markup {
    let moment = text::one_line(moment);
    let shown = moment.split_once('T').map(|(date, time)| {
        let (clock, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
        let clock = clock.split('.').next().unwrap_or(clock);
        let zone = if zone == "Z" { "UTC" } else { zone };
        format!("{date} {clock} {zone}").trim_end().to_owned()
    });
    html! { time datetime=(moment) { (shown.as_deref().unwrap_or(&moment)) } }
}

/// Text of this crate's own that is no HTML to be escaped: style and script.
pub(super) fn raw(text: &'static str) -> PreEscaped<&'static str> {
    PreEscaped(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_exact() {
        for text in ["a", "a\0\r\n\t\u{1b}", "\u{202e}שלום", "🎵 \"' \\"] {
            let json = exact(text);
            assert!(json.is_ascii());
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn moments_are_read_at_once() {
        for (text, shown) in [
            ("2026-11-26T21:56:44.123Z", "2026-11-26 21:56:44 UTC"),
            ("2026-11-26T21:56:44+02:00", "2026-11-26 21:56:44 +02:00"),
            ("T", ""),
            ("soon", "soon"),
        ] {
            assert!(
                moment(text).into_string().ends_with(&format!(">{shown}</time>")),
                "{}",
                moment(text).into_string()
            );
        }
    }
}

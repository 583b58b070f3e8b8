//! Values that come from outside and end up in manifests: each is checked once, here, and cannot be anything else afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest label that RFC 1123 permits.
const LABEL_BYTES_MAX: usize = 63;

/// The longest name of an app: the names of its objects, and of their pods, are longer.
pub const APP_BYTES_MAX: usize = 30;

/// The longest reference to an image.
const IMAGE_BYTES_MAX: usize = 255;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// It is longer than permitted.
    #[error("it has {bytes} bytes; at most {max} are permitted")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The greatest length.
        max: usize,
    },
    /// It is no label.
    #[error(
        "it must consist of lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen"
    )]
    NoLabel,
    /// It is no key of a Secret.
    #[error("it must consist of letters, digits, hyphens, underscores and dots")]
    NoKey,
    /// It is no reference to an image.
    #[error("it is no reference to an image, such as registry.example/shop/app:1.4.2")]
    NoImage,
    /// It has neither a tag nor a digest.
    #[error(
        "it has neither a tag nor a digest, so that it would mean another image tomorrow; write NAME:TAG or NAME@sha256:DIGEST"
    )]
    NotPinned,
    /// Its tag moves.
    #[error(
        "the tag `{tag}` moves, so that it would mean another image tomorrow; name a version or a digest"
    )]
    MovingTag {
        /// The tag.
        tag: String,
    },
    /// It is no absolute path, or has characters that manifests should not have.
    #[error("it must be an absolute path of letters, digits and `-_./`, without `..`")]
    NoPath,
    /// It is no range of addresses.
    #[error("it must be a range of addresses such as 10.0.0.5/32")]
    NoRange,
}

/// Defines a checked text.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                $check(text).map(|()| $name(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text! {
    /// The name of an object: a label of RFC 1123 that begins with a letter, as the name of a Service must.
    Label, check_label
}
checked_text! {
    /// The name of an app: a [`Label`] that leaves room for the names of its objects.
    AppName, check_app
}
checked_text! {
    /// A key of a Secret.
    SecretKey, check_key
}
checked_text! {
    /// A reference to an image with a tag that does not move, or a digest.
    Image, check_image
}
checked_text! {
    /// An absolute path in a container.
    ContainerPath, check_path
}
checked_text! {
    /// A range of IP addresses.
    AddressRange, check_range
}

fn check_length(text: &str, max: usize) -> Result<(), ValueError> {
    if text.len() > max { Err(ValueError::TooLong { bytes: text.len(), max }) } else { Ok(()) }
}

fn check_label(text: &str) -> Result<(), ValueError> {
    check_length(text, LABEL_BYTES_MAX)?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(is_plain);
    if is_label { Ok(()) } else { Err(ValueError::NoLabel) }
}

fn check_app(text: &str) -> Result<(), ValueError> {
    check_length(text, APP_BYTES_MAX)?;
    check_label(text)
}

fn check_key(text: &str) -> Result<(), ValueError> {
    check_length(text, LABEL_BYTES_MAX)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_key = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_plain);
    if is_key { Ok(()) } else { Err(ValueError::NoKey) }
}

impl Image {
    /// The tag, if it has one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        image_parts(&self.0).1
    }
}

/// The parts of a reference: the name, which may have a host with a port, the tag, and the digest.
fn image_parts(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    match rest.rsplit_once(':') {
        // A port of the host is followed by a path.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag), digest),
        _ => (rest, None, digest),
    }
}

fn check_image(text: &str) -> Result<(), ValueError> {
    /// Tags by which registries mean whatever is newest.
    const MOVING: [&str; 8] = ["latest", "stable", "edge", "main", "master", "nightly", "dev", "production"];
    check_length(text, IMAGE_BYTES_MAX)?;
    let (name, tag, digest) = image_parts(text);
    let is_name_part = |part: &str| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) && part.chars().all(is_plain)
    };
    let (host, path) = name.split_once('/').unwrap_or(("", name));
    let (host_name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_host = (host.is_empty() && !name.starts_with('/')) || is_name_part(host_name);
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
    let is_tag = |tag: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        tag.len() <= 128
            && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && tag.chars().all(is_plain)
    };
    let is_digest = |digest: &str| {
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        digest.strip_prefix("sha256:").is_some_and(|hash| hash.len() == 64 && hash.chars().all(is_hex))
    };
    if !(is_host
        && is_port
        && path.split('/').all(is_name_part)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest))
    {
        return Err(ValueError::NoImage);
    }
    match (tag, digest) {
        (_, Some(_)) => Ok(()),
        (None, None) => Err(ValueError::NotPinned),
        (Some(tag), None) if MOVING.contains(&tag) => Err(ValueError::MovingTag { tag: tag.to_owned() }),
        (Some(_), None) => Ok(()),
    }
}

fn check_path(text: &str) -> Result<(), ValueError> {
    check_length(text, 255)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let parts: Vec<&str> = text.split('/').skip(1).collect();
    let is_path = text.starts_with('/')
        && text.chars().all(is_plain)
        && parts.iter().all(|part| !part.is_empty() && !matches!(*part, "." | ".."));
    if is_path { Ok(()) } else { Err(ValueError::NoPath) }
}

fn check_range(text: &str) -> Result<(), ValueError> {
    let is_range = text.split_once('/').is_some_and(|(address, bits)| {
        let max = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.bytes().all(|digit| digit.is_ascii_digit()) && bits.parse::<u8>().is_ok_and(|bits| bits <= max)
    });
    if is_range { Ok(()) } else { Err(ValueError::NoRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hostile or careless caller could pass for any value.
    const HOSTILE: [&str; 18] = [
        "", " ", "a\nb", "a: b", "a\"b", "a'b", "- a", "*a", "&a", "!!str a", "a #b", "${A}", "$(A)",
        "a\u{0}", "a\r", "{a}", "é", "a\\b",
    ];

    #[test]
    fn labels_are_those_of_rfc_1123() {
        for text in ["a", "shop", "shop-2", "yes", "null", &"a".repeat(63)] {
            assert_eq!(text.parse::<Label>().map(String::from), Ok(text.to_owned()));
        }
        for text in ["1shop", "-a", "a-", "Shop", "a.b", "a_b", "2026-01-01"].into_iter().chain(HOSTILE) {
            assert_eq!(text.parse::<Label>(), Err(ValueError::NoLabel), "{text:?}");
        }
        assert_eq!("a".repeat(64).parse::<Label>(), Err(ValueError::TooLong { bytes: 64, max: 63 }));
        assert_eq!("a".repeat(31).parse::<AppName>(), Err(ValueError::TooLong { bytes: 31, max: 30 }));
    }

    #[test]
    fn images_are_pinned() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let pinned = format!("registry.example:5000/a/b@{digest}");
        let both = format!("a:latest@{digest}");
        for text in ["postgres:17.6-bookworm", "localhost:5000/app:1", "ghcr.io/a/b_c/d:v1.2", &pinned, &both]
        {
            assert!(text.parse::<Image>().is_ok(), "{text}");
        }
        for text in ["app", "registry.example:5000/app"] {
            assert_eq!(text.parse::<Image>(), Err(ValueError::NotPinned), "{text}");
        }
        assert_eq!("app:latest".parse::<Image>(), Err(ValueError::MovingTag { tag: "latest".to_owned() }));
        for text in [
            "a:",
            "a:-",
            "A:1",
            "a//b:1",
            "/a:1",
            "a/:1",
            ":1",
            "a@sha256:12",
            "a:1:2",
            "a b:1",
            "host:port/a:1",
        ]
        .into_iter()
        .chain(HOSTILE)
        {
            assert_eq!(text.parse::<Image>(), Err(ValueError::NoImage), "{text:?}");
        }
    }

    #[test]
    fn paths_and_ranges_have_one_form() {
        assert!("/app/data/hyperpage.db".parse::<ContainerPath>().is_ok());
        for text in ["data", "/", "/a/../b", "//a", "/a/"].into_iter().chain(HOSTILE) {
            assert_eq!(text.parse::<ContainerPath>(), Err(ValueError::NoPath), "{text:?}");
        }
        for text in ["10.0.0.5/32", "::1/128", "0.0.0.0/0"] {
            assert!(text.parse::<AddressRange>().is_ok(), "{text}");
        }
        for text in ["10.0.0.5", "10.0.0.5/33", "10.0.0.5/+1", "10.0.0/8", "a/8", "10.0.0.5/"]
            .into_iter()
            .chain(HOSTILE)
        {
            assert_eq!(text.parse::<AddressRange>(), Err(ValueError::NoRange), "{text:?}");
        }
        for text in HOSTILE {
            assert_eq!(text.parse::<SecretKey>(), Err(ValueError::NoKey), "{text:?}");
        }
    }
}

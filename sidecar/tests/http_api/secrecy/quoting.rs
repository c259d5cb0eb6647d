//! The forms in which API servers, webhooks and proxies quote a value.

use std::collections::HashSet;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// A key with several lines, which contains every character that any of the encodings changes.
pub(super) const KEY: &str = "-----BEGIN Qx KEY-----\nMIIEvQ8Zk3JhbmRvbUxpbmVPbmU7\n&<ä>\"\\ qZ9-second+Line/77xw?\n-----END Qx KEY-----\n";

/// Returns the content of the Secret field that contains the key.
pub(super) fn field() -> String {
    format!("key={KEY}")
}

/// The name of a form, and the quotation in that form.
pub(super) type Form = (&'static str, String);

/// Returns the key in every form in which a message may quote it.
pub(super) fn forms() -> Vec<Form> {
    let base64 = |text: &str| STANDARD.encode(text);
    let hex: String = each_byte(KEY, |out, byte| write!(out, "{byte:02x}"));
    let lines: Vec<&str> = KEY.lines().collect();
    let json = Value::from(field()).to_string();
    // Add spaces, which Gleaner's own JSON never contains in these places.
    let object = format!(r#"{{ "data" : {{ "token" : "{}" }}}}"#, base64(&field()));
    vec![
        ("plain", KEY.to_owned()),
        ("in JSON", json.clone()),
        (
            "in JSON within JSON",
            Value::from(json.as_str()).to_string(),
        ),
        ("in JSON as Go writes it", go_json(&json)),
        ("quoted by Go in ASCII", ascii(&go_json(&json))),
        ("base64", base64(KEY)),
        ("base64 of the field", base64(&field())),
        ("base64 after one byte", base64(&format!("b{KEY}"))),
        ("base64 after two bytes", base64(&format!("be{KEY}"))),
        ("base64 for URLs", URL_SAFE_NO_PAD.encode(KEY)),
        ("base64 twice", base64(&base64(&field()))),
        ("the object", object.clone()),
        (
            "the object in JSON",
            Value::from(object.as_str()).to_string(),
        ),
        ("hex", hex.clone()),
        ("upper-case hex", hex.to_uppercase()),
        (
            "for a URL",
            each_byte(KEY, |out, byte| write!(out, "%{byte:02X}")),
        ),
        (
            "numbers",
            each_byte(KEY, |out, byte| write!(out, "{byte} ")),
        ),
        (
            "for HTML",
            KEY.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&#34;"),
        ),
        ("upper case", KEY.to_uppercase()),
        ("lower case", KEY.to_lowercase()),
        ("one line", lines[1].to_owned()),
        ("another line", lines[2].to_owned()),
        ("lines with indentation", lines.join("\n      ")),
        ("lines joined into one", lines.join(" ")),
        ("its first bytes", KEY[..12].to_owned()),
        ("its last bytes", KEY[KEY.len() - 12..].to_owned()),
        ("reversed", KEY.chars().rev().collect()),
        ("cut in the middle of base64", base64(&field().repeat(40))),
        (
            "after 2000 other bytes",
            format!("{}{}", "x".repeat(2000), base64(&field())),
        ),
    ]
}

/// The set of all 8-byte substrings of a text.
pub(super) struct Pieces<'a>(HashSet<&'a [u8]>);

impl<'a> Pieces<'a> {
    const LENGTH: usize = 8;

    pub(super) fn of(text: &'a [u8]) -> Self {
        Self(text.windows(Self::LENGTH).collect())
    }

    /// Returns the first 8-byte substring of `quoted` that occurs in the text. Ignores substrings that consist only of `x` or
    /// `-`.
    pub(super) fn of_quotation<'b>(&self, quoted: &'b str) -> Option<&'b [u8]> {
        let fillers = [b"xxxxxxxx".as_slice(), b"--------".as_slice()];
        let mut quoted = quoted.as_bytes().windows(Self::LENGTH);
        quoted.find(|piece| self.0.contains(piece) && !fillers.contains(piece))
    }
}

fn each_byte(text: &str, write: impl Fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::new();
    text.bytes().for_each(|byte| write(&mut out, byte).unwrap());
    out
}

/// Escapes HTML characters in JSON, as Go's encoder does.
fn go_json(json: &str) -> String {
    let json = json.replace('&', "\\u0026").replace('<', "\\u003c");
    json.replace('>', "\\u003e")
}

fn ascii(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            ' '..='~' => out.push(letter),
            other => write!(out, "\\u{:04x}", u32::from(other)).unwrap(),
        }
    }
    out
}

//! The size of JSON values: as text, and in memory.

use std::io;
use std::iter::Sum;
use std::ops::Add;

use serde_json::Value;

/// The size of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// The size of the value's compact JSON, in bytes.
    pub json: u64,
    /// An upper bound on the memory for the parsed value, in bytes.
    pub memory: u64,
}

/// The memory per list item, in bytes.
const ITEM: u64 = size_of::<Value>() as u64;
/// The memory per map entry, in bytes (indexmap: hash, key, value and index slot).
const ENTRY: u64 = ITEM + size_of::<String>() as u64 + 8 + 16;
/// The overhead of an allocation, in bytes.
const ALLOCATION: u64 = 16;

impl Size {
    /// Measures `value` as a JSON value.
    pub fn of(value: &Value) -> Self {
        let mut counter = Counter::default();
        counter.write(value);
        Self {
            json: counter.bytes,
            memory: memory(value),
        }
    }

    /// Measures a value that is inserted into text.
    pub(super) fn within_text(value: &Value) -> Self {
        if let Value::String(text) = value {
            return Self::of_text(text);
        }
        let mut counter = Counter::default();
        counter.write(value);
        Self {
            json: counter.bytes + counter.escaped,
            memory: counter.bytes,
        }
    }

    /// Measures text that is part of a JSON string, without the quotes.
    pub(super) fn of_text(text: &str) -> Self {
        let mut counter = Counter::default();
        counter.write(text);
        Self {
            json: counter.bytes - 2,
            memory: text.len() as u64,
        }
    }

    /// Returns the size of an empty list, map or string: two brackets or quotes, and an allocation.
    pub(super) const fn container() -> Self {
        Self {
            json: 2,
            memory: ALLOCATION + ITEM,
        }
    }

    pub(super) const fn item() -> Self {
        Self {
            json: 1,
            memory: ITEM,
        }
    }

    pub(super) fn entry(key: &str) -> Self {
        let key = Self::of_text(key);
        Self {
            json: key.json + 4,
            memory: key.memory + ALLOCATION + ENTRY,
        }
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            json: self.json.saturating_add(other.json),
            memory: self.memory.saturating_add(other.memory),
        }
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
    }
}

/// Returns the memory that a parsed value uses, in bytes, including the spare capacity that the parser leaves in lists and maps.
pub(crate) fn memory(value: &Value) -> u64 {
    let slots = |length: usize| match length {
        0 => 0,
        length => length.next_power_of_two().max(4) as u64,
    };
    ALLOCATION
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len() as u64,
            Value::Array(items) => {
                slots(items.len()) * ITEM + items.iter().map(memory).sum::<u64>()
            }
            Value::Object(entries) => {
                let held = entries.iter();
                let held = held.map(|(key, value)| key.len() as u64 + ALLOCATION + memory(value));
                slots(entries.len()) * ENTRY + held.sum::<u64>()
            }
        }
}

/// A counter for the bytes of written JSON, and for the bytes that need escaping if the JSON is inserted into a string.
#[derive(Default)]
struct Counter {
    bytes: u64,
    escaped: u64,
}

impl Counter {
    fn write(&mut self, value: impl serde::Serialize) {
        serde_json::to_writer(self, &value).expect("invariant: any JSON value can be counted");
    }
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        let escaped = bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
        self.escaped += escaped.count() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

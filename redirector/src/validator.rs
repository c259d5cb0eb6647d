//! Validates JSON piece by piece, with a constant amount of memory. The validator accepts the same JSON as the sidecar's parser,
//! except for numbers that cannot be stored exactly.

use std::fmt;

use gleaner_proto::number;

/// The maximum nesting depth. The sidecar's parser has the same limit.
const DEPTH_MAX: u32 = 127;
/// The maximum length of a number, in bytes. The exact decimal representation of every double is shorter.
const NUMBER_MAX: usize = 1100;

/// The type of the outermost JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// A reason to reject a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// The text is empty or contains only whitespace.
    Empty,
    /// The text is not valid JSON. The fields are the error, its line and its column.
    Syntax(&'static str, u64, u64),
    /// The number at this line and column cannot be stored exactly. The number is omitted, because it may be a secret.
    Number(u64, u64),
}

/// The expected next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    /// The first element or the end of an array.
    FirstElement,
    /// The first key or the end of an object.
    FirstKey,
    Key,
    Colon,
    /// A comma, or the end of the array or object.
    Next,
    Text(Text),
    /// The remaining letters of `null`, `true` or `false`.
    Word(&'static [u8]),
    Number,
    /// Only whitespace, because the outermost value is complete.
    End,
}

/// The state within a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Plain,
    Escape,
    /// Within an escape `\uXXXX`. The fields are the number of hexadecimal digits so far, their value, and the half of a
    /// surrogate pair that is allowed here.
    Hex(u8, u16, Half),
    /// Before the backslash and the `u` of the second half of a surrogate pair.
    SecondHalf,
    SecondHalfU,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

/// The state of the validation.
#[derive(Debug)]
pub(crate) struct Validator {
    state: State,
    depth: u32,
    /// One bit for each nesting level, set for an object and clear for an array. The lowest bit is the innermost level.
    objects: u128,
    shape: Option<Shape>,
    is_key: bool,
    number: Vec<u8>,
    /// The column at which the current number begins.
    number_column: u64,
    line: u64,
    column: u64,
}

// === impl Validator ===

impl Validator {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Value,
            depth: 0,
            objects: 0,
            shape: None,
            is_key: false,
            number: Vec::new(),
            number_column: 0,
            line: 1,
            column: 0,
        }
    }

    /// Validates the next piece.
    ///
    /// # Errors
    /// Returns the first error in the text.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<(), Invalid> {
        for &byte in piece {
            self.column += 1;
            if self.state == State::Number && !self.number_continues(byte)? {
                self.end_number()?;
            }
            self.take(byte)?;
            if byte == b'\n' {
                self.line += 1;
                self.column = 0;
            }
        }
        Ok(())
    }

    /// Returns the type of the outermost value.
    ///
    /// # Errors
    /// Fails if the text is incomplete.
    pub(crate) fn finish(mut self) -> Result<Shape, Invalid> {
        if self.state == State::Number {
            self.end_number()?;
        }
        match (self.state, self.shape) {
            (State::End, Some(shape)) => Ok(shape),
            (_, None) => Err(Invalid::Empty),
            _ => Err(self.wrong("EOF while parsing a value")),
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), Invalid> {
        match self.state {
            State::Text(place) => self.take_text(place, byte),
            State::Word(rest) => match rest.split_first() {
                Some((&expected, rest)) if expected == byte => {
                    if rest.is_empty() {
                        self.end_value();
                    } else {
                        self.state = State::Word(rest);
                    }
                    Ok(())
                }
                _ => Err(self.wrong("expected ident")),
            },
            // `feed` has already added the byte to the number.
            State::Number => Ok(()),
            _ if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => Ok(()),
            State::FirstElement if byte == b']' => self.close(),
            State::FirstKey if byte == b'}' => self.close(),
            State::Value | State::FirstElement => self.begin_value(byte),
            State::FirstKey | State::Key if byte == b'"' => {
                self.is_key = true;
                self.state = State::Text(Text::Plain);
                Ok(())
            }
            State::FirstKey | State::Key => Err(self.wrong("key must be a string")),
            State::Colon if byte == b':' => {
                self.state = State::Value;
                Ok(())
            }
            State::Colon => Err(self.wrong("expected `:`")),
            State::Next if byte == b',' => {
                self.state = if self.in_object() {
                    State::Key
                } else {
                    State::Value
                };
                Ok(())
            }
            State::Next if byte == (if self.in_object() { b'}' } else { b']' }) => self.close(),
            State::Next if self.in_object() => Err(self.wrong("expected `,` or `}`")),
            State::Next => Err(self.wrong("expected `,` or `]`")),
            State::End => Err(self.wrong("trailing characters")),
        }
    }

    fn begin_value(&mut self, byte: u8) -> Result<(), Invalid> {
        let (shape, state) = match byte {
            b'{' => (Shape::Object, State::FirstKey),
            b'[' => (Shape::Array, State::FirstElement),
            b'"' => (Shape::String, State::Text(Text::Plain)),
            b'n' => (Shape::Null, State::Word(b"ull")),
            b't' => (Shape::Boolean, State::Word(b"rue")),
            b'f' => (Shape::Boolean, State::Word(b"alse")),
            b'-' | b'0'..=b'9' => (Shape::Number, State::Number),
            _ => return Err(self.wrong("expected value")),
        };
        self.shape.get_or_insert(shape);
        self.state = state;
        self.is_key = false;
        match shape {
            Shape::Object | Shape::Array => {
                if self.depth == DEPTH_MAX {
                    return Err(self.wrong("recursion limit exceeded"));
                }
                self.depth += 1;
                self.objects = self.objects << 1 | u128::from(shape == Shape::Object);
            }
            Shape::Number => {
                self.number.clear();
                self.number.push(byte);
                self.number_column = self.column;
            }
            _ => {}
        }
        Ok(())
    }

    fn take_text(&mut self, place: Text, byte: u8) -> Result<(), Invalid> {
        let place = match (place, byte) {
            (Text::Plain, b'"') => {
                if self.is_key {
                    self.state = State::Colon;
                } else {
                    self.end_value();
                }
                return Ok(());
            }
            (Text::Plain, b'\\') => Text::Escape,
            (Text::Plain, 0..b' ') => {
                return Err(
                    self.wrong("control character (\\u0000-\\u001F) found while parsing a string")
                );
            }
            (Text::Plain, _) => Text::Plain,
            (Text::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Text::Plain,
            (Text::Escape, b'u') => Text::Hex(4, 0, Half::First),
            (Text::SecondHalf, b'\\') => Text::SecondHalfU,
            (Text::SecondHalfU, b'u') => Text::Hex(4, 0, Half::Second),
            (Text::Escape, _) => return Err(self.wrong("invalid escape")),
            (Text::SecondHalf | Text::SecondHalfU, _) => return Err(self.wrong(LONE_SURROGATE)),
            (Text::Hex(left, unit, half), _) => {
                let digit = char::from(byte).to_digit(16);
                let digit = digit.ok_or_else(|| self.wrong("invalid escape"))?;
                let unit = unit << 4 | digit as u16;
                match (left, half, unit) {
                    (2.., ..) => Text::Hex(left - 1, unit, half),
                    (_, Half::First, 0xd800..0xdc00) => Text::SecondHalf,
                    (_, Half::First, 0xdc00..0xe000) => return Err(self.wrong(LONE_SURROGATE)),
                    (_, Half::Second, 0xdc00..0xe000) | (_, Half::First, _) => Text::Plain,
                    (_, Half::Second, _) => return Err(self.wrong(LONE_SURROGATE)),
                }
            }
        };
        self.state = State::Text(place);
        Ok(())
    }

    /// If `byte` can be part of a number, adds it to the current number and returns true.
    fn number_continues(&mut self, byte: u8) -> Result<bool, Invalid> {
        if !byte.is_ascii_digit() && !b"+-.eE".contains(&byte) {
            return Ok(false);
        }
        self.number.push(byte);
        if self.number.len() > NUMBER_MAX {
            return Err(self.changed_number());
        }
        Ok(true)
    }

    fn end_number(&mut self) -> Result<(), Invalid> {
        if !is_number(&self.number) {
            return Err(self.wrong("invalid number"));
        }
        let literal = std::str::from_utf8(&self.number).expect("invariant: digits are ASCII");
        if !number::survives(literal) {
            return Err(self.changed_number());
        }
        self.end_value();
        Ok(())
    }

    const fn changed_number(&self) -> Invalid {
        Invalid::Number(self.line, self.number_column)
    }

    fn close(&mut self) -> Result<(), Invalid> {
        self.depth -= 1;
        self.objects >>= 1;
        self.end_value();
        Ok(())
    }

    fn end_value(&mut self) {
        self.state = if self.depth == 0 {
            State::End
        } else {
            State::Next
        };
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    const fn wrong(&self, what: &'static str) -> Invalid {
        Invalid::Syntax(what, self.line, self.column)
    }
}

const LONE_SURROGATE: &str = "lone surrogate in hex escape";

/// Returns true if `text` is a valid number (RFC 8259, section 6).
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', power @ ..] => {
            let power = match power {
                [b'+' | b'-', power @ ..] => power,
                power => power,
            };
            !power.is_empty() && digits(power) == power.len()
        }
        _ => false,
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        })
    }
}

#[cfg(test)]
mod tests;

//! The frames of the journal. Their format makes it possible to distinguish complete, torn and damaged frames.
//!
//! | bytes | content |
//! | --- | --- |
//! | 3 | `GJ3` |
//! | 4 | length of the payload, little endian |
//! | 4 | CRC-32 of payload and filler |
//! | 4 | CRC-32 of the preceding 11 bytes |
//! | 1 | [`END`] |
//! | n | payload: text without NUL, except for the identity in the first frame |
//! | 1 to 16 | [`END`], up to a multiple of 16 bytes |
//!
//! The first five fields are the head, and the last field is the filler.
//!
//! A frame overwrites [`BLANK`] bytes or is appended to the file. If the write is interrupted, the frame is torn: a part of the
//! frame is blank or missing. After a power failure, that part may instead contain zeros, which count as blank, if the file had
//! grown. A power failure can lose any sector of 512 bytes, and a killed process can stop writing after any byte. In both cases,
//! the torn frame shows at least one of two signs: the last byte of the head or of the whole frame is blank, or the frame's part
//! in one sector is blank. A complete frame shows neither sign, and a few wrong bits cannot change that. So a frame that shows
//! neither sign, but has a wrong checksum, is damaged, not torn.

use std::io::{self, IoSlice, Write};

/// The byte that fills reserved space. It never occurs in UTF-8.
pub(super) const BLANK: u8 = 0xFF;
/// The length of a frame's head. Frames begin at multiples of this length, so that no head crosses a sector boundary.
pub(super) const HEAD: usize = 16;

const MAGIC: &[u8; 3] = b"GJ3";
/// The last byte of a head and of a frame. It differs from [`BLANK`] and from zero in four bits, so that fewer wrong bits cannot
/// make it blank.
const END: u8 = 0xA5;
const SECTOR: usize = 512;

/// The frames that a file contains.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frames<'a> {
    /// The payloads with the positions of their frames.
    pub(super) payloads: Vec<(u64, &'a [u8])>,
    /// The end of the last complete frame.
    pub(super) end: usize,
}

enum Frame<'a> {
    Whole { payload: &'a [u8], end: usize },
    Torn,
    Damaged,
}

/// Returns the number of reserved bytes after the last complete frame. Only reserved space ends with blank bytes. If zeros follow
/// the blank bytes, a power failure interrupted the enlargement of the space.
pub(super) fn room(rest: &[u8]) -> u64 {
    match rest.iter().rposition(|byte| *byte != 0) {
        Some(last) if rest[last] == BLANK => last as u64 + 1,
        _ => 0,
    }
}

/// Returns the length of a frame with a payload of `length` bytes.
pub(super) const fn length(length: u64) -> u64 {
    let head = HEAD as u64;
    head + (length / head + 1) * head
}

/// Writes a frame whose payload is the concatenation of `parts`, in a single call if the system accepts all bytes. Returns the
/// frame's length.
pub(super) fn write(file: &mut impl Write, parts: &[&[u8]]) -> io::Result<u64> {
    let payload: usize = parts.iter().map(|part| part.len()).sum();
    let too_long = |_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "a journal record cannot be larger than 4 GiB",
        )
    };
    let announced = u32::try_from(payload).map_err(too_long)?;
    let filler = &[END; HEAD][payload % HEAD..];
    let mut crc = crc32fast::Hasher::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.update(filler);
    let head = head(announced, crc.finalize());
    let mut slices = vec![IoSlice::new(&head)];
    slices.extend(parts.iter().map(|part| IoSlice::new(part)));
    slices.push(IoSlice::new(filler));
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length(payload as u64))
}

fn head(length: u32, crc: u32) -> [u8; HEAD] {
    let mut head = [END; HEAD];
    head[..3].copy_from_slice(MAGIC);
    head[3..7].copy_from_slice(&length.to_le_bytes());
    head[7..11].copy_from_slice(&crc.to_le_bytes());
    let own = crc32fast::hash(&head[..11]);
    head[11..15].copy_from_slice(&own.to_le_bytes());
    head
}

/// Reads the frames in `bytes` up to the first torn or blank frame.
///
/// # Errors
/// Returns the position of a damaged frame.
pub(super) fn read(bytes: &[u8]) -> Result<Frames<'_>, u64> {
    let mut payloads = Vec::new();
    let mut at = 0;
    loop {
        match frame(bytes, at) {
            Frame::Whole { payload, end } => {
                payloads.push((at as u64, payload));
                at = end;
            }
            // Only the last frame can be torn, so if a complete frame follows this frame, this frame is damaged.
            Frame::Torn if holds_frame(bytes, at + HEAD) => return Err(at as u64),
            Frame::Torn => return Ok(Frames { payloads, end: at }),
            Frame::Damaged => return Err(at as u64),
        }
    }
}

fn frame(bytes: &[u8], at: usize) -> Frame<'_> {
    let Some((found, rest)) = bytes[at..].split_first_chunk::<HEAD>() else {
        return Frame::Torn;
    };
    if is_blank(found[HEAD - 1]) {
        return Frame::Torn;
    }
    let number = |from: usize| {
        let number = found[from..from + 4].iter().rev();
        number.fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
    };
    let (announced, crc) = (number(3), number(7));
    if *found != head(announced, crc) {
        return Frame::Damaged;
    }
    let announced = announced as usize;
    let padded = (announced / HEAD + 1) * HEAD;
    let Some((body, behind)) = rest.split_at_checked(padded) else {
        return Frame::Torn;
    };
    if crc32fast::hash(body) == crc {
        let end = at + HEAD + body.len();
        return Frame::Whole {
            payload: &body[..announced],
            end,
        };
    }
    let torn = has_blank_sector(body, at + HEAD) || body.last().is_some_and(|last| is_blank(*last));
    if torn && behind.iter().all(|byte| is_blank(*byte)) {
        Frame::Torn
    } else {
        Frame::Damaged
    }
}

/// Returns true if a complete frame begins at or after the position `from` of `bytes`.
fn holds_frame(bytes: &[u8], from: usize) -> bool {
    let mut starts = (from..bytes.len()).step_by(HEAD);
    starts.any(|at| matches!(frame(bytes, at), Frame::Whole { .. }))
}

/// Returns true if `body` is completely blank in at least one sector. `body` begins at position `at` of the file.
fn has_blank_sector(body: &[u8], at: usize) -> bool {
    let first = (SECTOR - at % SECTOR).min(body.len());
    let (first, others) = body.split_at(first);
    std::iter::once(first)
        .chain(others.chunks(SECTOR))
        .any(|part| !part.is_empty() && part.iter().all(|byte| is_blank(*byte)))
}

const fn is_blank(byte: u8) -> bool {
    byte == BLANK || byte == 0
}

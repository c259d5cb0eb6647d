//! The file that stores accepted messages. A message is on disk before its response is sent.
//!
//! The journal is one file of frames ([`frame`]). The payload of a frame is one byte that identifies the kind of record, followed
//! by the record's content. The first frame identifies the format, the run and its declaration, so that a journal is never
//! replayed for a different run, or by a version with a different record format.
//!
//! If a crash interrupts a write, the incomplete frame is removed, because no response was sent. If a complete frame has a wrong
//! checksum, the file is damaged, and the sidecar refuses to start.
//!
//! Before objects are created, the sidecar reserves space at the end of the file for the record of the outcome, so that the
//! outcome can be recorded even if the disk becomes full. The space is filled with blank bytes, not only allocated, and the
//! record overwrites it in place. A copy-on-write file system may still refuse that write.

mod disk;
mod frame;

use std::fs::{self, File, OpenOptions};
use std::io::{self, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, Outputs, Problem};
use gleaner_submission::Planned;
use serde::{Deserialize, Serialize};

use crate::message;
pub(crate) use disk::Disk;
use gleaner_core::render::Attempts;

const FILE: &str = "journal";
/// The beginning of the first frame's payload. The number changes whenever the format of a record changes. Journals with a
/// different number cannot be read.
const FORMAT: &[u8] = b"gleaner-journal/3\n";
/// The beginning of the first frame's payload in every version of the format.
const ANY_FORMAT: &[u8] = b"gleaner-journal/";
/// The maximum number of blank bytes per write.
const BLANKS: usize = 16 << 10;

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: Box<dyn Disk>,
    /// The end of the last complete frame.
    end: u64,
    /// The number of bytes after `end` that are reserved for the outcome.
    reserved: u64,
    /// True if `end` may be followed by the bytes of an incomplete frame.
    torn: bool,
}

/// The space that a new frame occupies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Additional space; the reserved space stays reserved.
    New,
    /// A part of the reserved space.
    Reserved,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The key for hashing secrets. A restarted sidecar must compute the same hashes to recognize the objects that it created.
    SecretKey(String),
    Accepted {
        step: StepName,
        message: Outputs,
    },
    /// A client requested the submission.
    SubmissionRequested,
    /// The objects that are about to be created.
    Planned(Planned),
    /// All steps have finished.
    Finished,
    Committed(Commit),
    Failed(Problem),
}

/// A commit, with the data needed to render the same objects again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    pub outcome: Outcome,
    /// For each derived name, the number of candidate names that were already in use.
    pub attempts: Attempts,
}

/// An error that occurs when the journal is opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal {path} cannot be {deed}")]
    Io {
        path: PathBuf,
        /// The failed operation as a participle: opened, read or written.
        deed: &'static str,
        #[source]
        source: io::Error,
    },
    /// A frame before the last one is incomplete, or a complete frame has a wrong checksum.
    #[error(
        "the journal {path} is damaged at byte {at}; delete the pod, so that the run starts again"
    )]
    Damaged {
        path: PathBuf,
        /// The position of the damaged frame in the file.
        at: u64,
    },
    /// Another sidecar has locked the journal.
    #[error(
        "the journal {path} is in use by another sidecar; use a separate state directory for each run"
    )]
    InUse { path: PathBuf },
    #[error(
        "the journal {path} was written by a different version of Gleaner; delete the pod, so that the run starts again"
    )]
    Format { path: PathBuf },
    #[error(
        "the journal {path} was written for a different run or declaration; use a separate state directory for each run"
    )]
    Foreign { path: PathBuf },
}

impl Journal {
    /// Opens or creates the journal in `directory`, and returns the journal and its records.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written, is in use or damaged, or belongs to a different run or version.
    pub fn open(directory: &Path, identity: &[u8]) -> Result<(Self, Vec<Record>), JournalError> {
        let path = directory.join(FILE);
        let io = |deed| {
            let path = path.clone();
            move |source| JournalError::Io { path, deed, source }
        };
        // Only the sidecar's user may read the file, because outputs may contain secrets.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io("opened"))?;
        // The kernel releases the lock when the process exits, even if it is killed, so a restarted sidecar can lock the journal.
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(JournalError::InUse { path });
        }
        let opened = Self::on(Box::new(file), path.clone(), identity)?;
        // The file's directory entry must also survive a power failure.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io("written"))?;
        Ok(opened)
    }

    /// Reads the journal from `file`, or starts a new journal if the file is empty. `path` appears only in errors.
    pub(crate) fn on(
        mut file: Box<dyn Disk>,
        path: PathBuf,
        identity: &[u8],
    ) -> Result<(Self, Vec<Record>), JournalError> {
        let io = |deed| {
            let path = path.clone();
            move |source| JournalError::Io { path, deed, source }
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io("read"))?;
        let frame::Frames { payloads, end } = frame::read(&bytes).map_err(|at| {
            let path = path.clone();
            if at == 0 && is_of_another_version(&bytes) {
                JournalError::Format { path }
            } else {
                JournalError::Damaged { path, at }
            }
        })?;
        let reserved = match end {
            0 => 0,
            end => frame::room(&bytes[end..]),
        };
        let mut journal = Self {
            file,
            end: end as u64,
            reserved,
            torn: true,
        };
        journal.clear().map_err(io("written"))?;
        let mut frames = payloads.into_iter();
        match frames.next() {
            Some((_, first)) => match first.strip_prefix(FORMAT) {
                None => return Err(JournalError::Format { path }),
                Some(written) if written != identity => return Err(JournalError::Foreign { path }),
                Some(_) => {}
            },
            None => journal
                .append_frame(&[FORMAT, identity], Room::New)
                .map_err(io("written"))?,
        }
        let records = frames
            .map(|(at, payload)| {
                Record::decode(payload).ok_or_else(|| JournalError::Damaged {
                    path: path.clone(),
                    at,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok((journal, records))
    }

    /// Appends the message of `step` exactly as it was received, and waits until it is on disk.
    ///
    /// # Errors
    /// Returns the operating system's error. The journal is unchanged.
    pub fn append_outputs(&mut self, step: &StepName, body: &[u8]) -> io::Result<()> {
        let length = u8::try_from(step.as_str().len()).unwrap_or(u8::MAX);
        let parts = [b"o", &[length], step.as_str().as_bytes(), body];
        self.append_frame(&parts, Room::New)
    }

    /// Appends a record, and waits until it is on disk.
    ///
    /// # Errors
    /// Same as [`Journal::append_outputs`].
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        self.append_record(record, Room::New)
    }

    fn append_record(&mut self, record: &Record, room: Room) -> io::Result<()> {
        if let Record::Accepted { step, message } = record {
            return self.append_outputs(step, &serde_json::to_vec(message)?);
        }
        self.append_frame(&[&record.encode()?], room)
    }

    /// Reserves space for `length` bytes, which only [`Journal::append_ending`] and [`Journal::append_plan`] use.
    ///
    /// # Errors
    /// Returns the operating system's error, for example if the disk is full. The journal is unchanged.
    pub fn reserve(&mut self, length: u64) -> io::Result<()> {
        // Reserve space for one extra head, which is never written. The file therefore still ends with blank bytes, which
        // identify the space as reserved even if a record in it is torn.
        let length = frame::length(length) + frame::HEAD as u64;
        if self.torn {
            self.clear()?;
        }
        if self.reserved < length {
            self.grow(length)?;
            self.reserved = length;
        }
        Ok(())
    }

    /// Appends the plan of a submission. It is written to the reserved space if `rest` bytes of that space then remain for
    /// the outcome, and to additional space otherwise.
    ///
    /// # Errors
    /// Same as [`Journal::append_outputs`]. The reserved space stays reserved.
    pub fn append_plan(&mut self, planned: Planned, rest: u64) -> io::Result<()> {
        let payload = Record::Planned(planned).encode()?;
        let length = frame::length(payload.len() as u64);
        let rest = frame::length(rest) + frame::HEAD as u64;
        if self.reserved < length + rest {
            return self.append_frame(&[&payload], Room::New);
        }
        self.append_frame(&[&payload], Room::Reserved)?;
        self.reserved -= length;
        Ok(())
    }

    /// Writes the record of the submission's outcome to the reserved space, and releases the rest of the space.
    ///
    /// # Errors
    /// Same as [`Journal::append_outputs`]. The reserved space stays reserved.
    pub fn append_ending(&mut self, record: &Record) -> io::Result<()> {
        self.append_record(record, Room::Reserved)?;
        // If the truncation fails, the blank bytes stay at the end of the file, where they are ignored.
        self.reserved = 0;
        let _ = self.file.set_len(self.end);
        Ok(())
    }

    fn append_frame(&mut self, parts: &[&[u8]], room: Room) -> io::Result<()> {
        // Remove an incomplete frame, so that the next frame does not follow it.
        if self.torn {
            self.clear()?;
        }
        if room == Room::New && self.reserved > 0 {
            // Enlarge the file first, so that the reserved space has the same size after the frame is written.
            let payload: usize = parts.iter().map(|part| part.len()).sum();
            self.grow(self.reserved + frame::length(payload as u64))?;
        }
        self.torn = true;
        match self.write_frame(parts) {
            Ok(length) => {
                self.end += length;
                self.torn = false;
                Ok(())
            }
            Err(error) => {
                // If the incomplete frame cannot be removed now, it is removed before the next frame is written.
                let _ = self.clear();
                Err(error)
            }
        }
    }

    fn write_frame(&mut self, parts: &[&[u8]]) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(self.end))?;
        let length = frame::write(&mut self.file, parts)?;
        self.file.sync_data()?;
        Ok(length)
    }

    /// Appends blank bytes until `room` of them follow the last frame.
    fn grow(&mut self, room: u64) -> io::Result<()> {
        let present = self.end + self.reserved;
        let wanted = self.end + room;
        let grown = self.blank(present, wanted);
        if grown.is_err() {
            let _ = self.file.set_len(present);
        }
        grown
    }

    fn blank(&mut self, from: u64, to: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(from))?;
        let mut rest = to.saturating_sub(from);
        while rest > 0 {
            let bytes = BLANKS.min(usize::try_from(rest).unwrap_or(BLANKS));
            self.file.write_all(&[frame::BLANK; BLANKS][..bytes])?;
            rest -= bytes as u64;
        }
        self.file.sync_data()
    }

    /// Truncates the file after its complete frames, and restores the reserved space.
    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(self.end + self.reserved)?;
        self.blank(self.end, self.end + self.reserved)?;
        self.torn = false;
        Ok(())
    }
}

fn is_of_another_version(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(64)];
    let holds = |words: &[u8]| start.windows(words.len()).any(|part| part == words);
    holds(ANY_FORMAT) && !holds(FORMAT)
}

impl From<Result<Commit, Problem>> for Record {
    fn from(ending: Result<Commit, Problem>) -> Self {
        ending.map_or_else(Self::Failed, Self::Committed)
    }
}

impl Record {
    /// Returns the payload for the record's frame. For a step's message, [`Journal::append_outputs`] writes the payload instead.
    fn encode(&self) -> io::Result<Vec<u8>> {
        let (kind, content) = match self {
            Self::SecretKey(key) => (b'k', key.as_bytes().to_vec()),
            Self::Accepted { message, .. } => (b'o', serde_json::to_vec(message)?),
            Self::SubmissionRequested => (b's', Vec::new()),
            Self::Planned(planned) => (b'p', serde_json::to_vec(planned)?),
            Self::Finished => (b'f', Vec::new()),
            Self::Committed(commit) => (b'c', serde_json::to_vec(commit)?),
            Self::Failed(problem) => (b'x', serde_json::to_vec(problem)?),
        };
        Ok([&[kind], content.as_slice()].concat())
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let (kind, content) = payload.split_first()?;
        match kind {
            b'k' => {
                let key = std::str::from_utf8(content).ok()?;
                Some(Self::SecretKey(key.to_owned()))
            }
            b'o' => {
                let (length, rest) = content.split_first()?;
                let (step, body) = rest.split_at_checked(usize::from(*length))?;
                let step = StepName::new(std::str::from_utf8(step).ok()?).ok()?;
                Some(Self::Accepted {
                    step,
                    message: message::read(body).ok()?,
                })
            }
            b's' => Some(Self::SubmissionRequested),
            b'p' => serde_json::from_slice(content).ok().map(Self::Planned),
            b'f' => Some(Self::Finished),
            b'c' => serde_json::from_slice(content).ok().map(Self::Committed),
            b'x' => serde_json::from_slice(content).ok().map(Self::Failed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

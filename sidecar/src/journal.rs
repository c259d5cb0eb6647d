//! The accepted messages, which are on disk before their responses are sent.
//!
//! The journal is one file of frames ([`frame`]). A payload is one byte for the kind of record, followed by its content. The
//! first frame contains the format, the run and its declaration. So a journal is never replayed into another run, nor by a
//! version that reads records differently.
//!
//! A frame that a crash tore before its response was sent is cut off. A complete frame with a wrong checksum is damage: the
//! sidecar refuses to start rather than guess.
//!
//! While objects are created, the file ends with space for the record of the outcome, so that the record can be written even if
//! the disk has filled up in the meantime. The space is written, not only allocated, and then overwritten in place; a
//! copy-on-write file system may still refuse the write.

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
/// The beginning of the first frame. The number changes with the format of any record; other numbers are not readable.
const FORMAT: &[u8] = b"gleaner-journal/3\n";
/// The beginning of the first frame in every version.
const ANY_FORMAT: &[u8] = b"gleaner-journal/";
/// The number of blank bytes in each write.
const BLANKS: usize = 16 << 10;

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: Box<dyn Disk>,
    /// The end of the last complete frame.
    end: u64,
    /// The number of bytes reserved after `end` for the outcome.
    reserved: u64,
    /// True if `end` may be followed by the bytes of an incomplete frame.
    torn: bool,
}

/// The space into which a new frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Additional space; the reserved space remains.
    New,
    /// The reserved space.
    Reserved,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The key for hashes of secrets. A restarted sidecar must compute the same hashes to recognize its own objects.
    SecretKey(String),
    Accepted {
        step: StepName,
        message: Outputs,
    },
    /// A client requested the submission.
    SubmissionRequested,
    /// These objects are about to be created.
    Planned(Planned),
    /// All steps are done.
    Finished,
    Committed(Commit),
    Failed(Problem),
}

/// A commit, with the data to render the same objects again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    pub outcome: Outcome,
    /// The current suffix of each derived name.
    pub attempts: Attempts,
}

/// An error of the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal {path} cannot be {deed}")]
    Io {
        path: PathBuf,
        /// The failed operation: opened, read, written.
        deed: &'static str,
        #[source]
        source: io::Error,
    },
    /// A frame that is not the last one has a wrong checksum.
    #[error(
        "the journal {path} is damaged at byte {at}; delete the pod, so that the run starts again"
    )]
    Damaged {
        path: PathBuf,
        /// The position of the damaged frame.
        at: u64,
    },
    /// Another sidecar is writing the journal.
    #[error(
        "the journal {path} is in use by another sidecar; give each run its own state directory"
    )]
    InUse { path: PathBuf },
    #[error(
        "the journal {path} was written by another version of Gleaner; delete the pod, so that the run starts again"
    )]
    Format { path: PathBuf },
    #[error(
        "the journal {path} was written for another run or declaration; give each run its own state directory"
    )]
    Foreign { path: PathBuf },
}

impl Journal {
    /// Opens the journal in `directory`, creating it if it does not exist, and returns its content.
    ///
    /// # Errors
    /// Fails if the disk fails, the journal is damaged, or it belongs to another run.
    pub fn open(directory: &Path, identity: &[u8]) -> Result<(Self, Vec<Record>), JournalError> {
        let path = directory.join(FILE);
        let io = |deed| {
            let path = path.clone();
            move |source| JournalError::Io { path, deed, source }
        };
        // Outputs may contain secrets.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io("opened"))?;
        // The lock is released when the process exits for any reason.
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(JournalError::InUse { path });
        }
        let opened = Self::on(Box::new(file), path.clone(), identity)?;
        // The directory entry of the file must also survive a crash.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io("written"))?;
        Ok(opened)
    }

    /// Reads the journal in `file`, which messages call `path`; starts a new journal if the file is empty.
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

    /// Appends the message of `step`, as the bytes that arrived, and waits until they are on disk.
    ///
    /// # Errors
    /// The error of the operating system. The journal is unchanged.
    pub fn append_outputs(&mut self, step: &StepName, body: &[u8]) -> io::Result<()> {
        let length = u8::try_from(step.as_str().len()).unwrap_or(u8::MAX);
        let parts = [b"o", &[length], step.as_str().as_bytes(), body];
        self.append_frame(&parts, Room::New)
    }

    /// Appends any other record and waits until it is on disk.
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

    /// Reserves space for a record of `length` bytes, which only [`Journal::append_ending`] and plans use.
    ///
    /// # Errors
    /// The error of the operating system, such as a full disk. The journal is unchanged.
    pub fn reserve(&mut self, length: u64) -> io::Result<()> {
        // Includes blank bytes at the end, which identify the space even if the record in it is torn.
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

    /// Appends the plan of a submission: in the reserved space if `rest` bytes of it remain for the outcome, otherwise in
    /// additional space.
    ///
    /// # Errors
    /// Same as [`Journal::append_outputs`]. The reserved space is kept.
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

    /// Appends the record of the submission's outcome in the reserved space, and releases the remaining space.
    ///
    /// # Errors
    /// Same as [`Journal::append_outputs`]. The reserved space is kept.
    pub fn append_ending(&mut self, record: &Record) -> io::Result<()> {
        self.append_record(record, Room::Reserved)?;
        // The remaining blank bytes are harmless.
        self.reserved = 0;
        let _ = self.file.set_len(self.end);
        Ok(())
    }

    fn append_frame(&mut self, parts: &[&[u8]], room: Room) -> io::Result<()> {
        // An incomplete frame must not precede the next one.
        if self.torn {
            self.clear()?;
        }
        if room == Room::New && self.reserved > 0 {
            // Enlarged first, so that the reserved space keeps its size after the frame is written.
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
                // If this fails too, it is repeated before the next frame.
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

    /// Truncates the file to its complete frames and the reserved space.
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
    /// Returns the payload of the record's frame; [`Journal::append_outputs`] writes the payload of a step's message.
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

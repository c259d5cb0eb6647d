//! What was accepted, on disk before it is answered.
//!
//! One file of frames ([`frame`]). A payload is one byte for the kind of record and its content. The first frame names the format,
//! the run and its declaration, so that a journal is never replayed into another run, nor by a version that reads records
//! differently.
//!
//! A frame that was torn by a crash before it was answered is cut off. One that was whole and does not check is damage, and the
//! sidecar refuses to guess.
//!
//! While objects are created, the file ends with room for the record of how that ends, so that a disk that has filled up since
//! then cannot keep it from being written. The room is written, not only asked for, and overwritten in place: a file system that
//! copies on write may still refuse.

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
/// The beginning of the first frame. The number changes with the format of any record; only this one is read.
const FORMAT: &[u8] = b"gleaner-journal/3\n";
/// The beginning of the first frame in every version.
const ANY_FORMAT: &[u8] = b"gleaner-journal/";
/// Blank bytes that are written at once.
const BLANKS: usize = 16 << 10;

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: Box<dyn Disk>,
    /// The end of the last whole frame.
    end: u64,
    /// Room after that, for the ending.
    reserved: u64,
    /// True if there may be more bytes after `end`.
    torn: bool,
}

/// The place of a new frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// In additional room; what is reserved stays reserved.
    New,
    /// In what is reserved.
    Reserved,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The key of hashes over secrets. A restarted sidecar must find the same hash to know its own objects again.
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

/// A commit, with what is needed to render the same objects again.
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
    /// A frame in the middle does not check.
    #[error(
        "the journal {path} is damaged at byte {at}; delete the pod, so that the run starts again"
    )]
    Damaged {
        path: PathBuf,
        /// The beginning of the bad frame.
        at: u64,
    },
    /// Another sidecar writes it.
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
    /// Opens the journal in `directory`, creating it where there is none, and gives what it holds.
    ///
    /// # Errors
    /// When the disk fails, the journal is damaged, or it is another run's.
    pub fn open(directory: &Path, identity: &[u8]) -> Result<(Self, Vec<Record>), JournalError> {
        let path = directory.join(FILE);
        let io = |deed| {
            let path = path.clone();
            move |source| JournalError::Io { path, deed, source }
        };
        // Outputs may be secret.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io("opened"))?;
        // Let go of when the process ends, however it ends.
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(JournalError::InUse { path });
        }
        let opened = Self::on(Box::new(file), path.clone(), identity)?;
        // The file's own entry must outlive a crash too.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io("written"))?;
        Ok(opened)
    }

    /// Reads the journal in `file`, which messages call `path`, and begins one where there is none.
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

    /// Appends the message of `step`, in the bytes in which it came, and waits until the disk has it.
    ///
    /// # Errors
    /// The error of the system. The journal is unchanged.
    pub fn append_outputs(&mut self, step: &StepName, body: &[u8]) -> io::Result<()> {
        let length = u8::try_from(step.as_str().len()).unwrap_or(u8::MAX);
        let parts = [b"o", &[length], step.as_str().as_bytes(), body];
        self.append_frame(&parts, Room::New)
    }

    /// Appends any other record and waits until the disk has it.
    ///
    /// # Errors
    /// As [`Journal::append_outputs`].
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        self.append_record(record, Room::New)
    }

    fn append_record(&mut self, record: &Record, room: Room) -> io::Result<()> {
        if let Record::Accepted { step, message } = record {
            return self.append_outputs(step, &serde_json::to_vec(message)?);
        }
        self.append_frame(&[&record.encode()?], room)
    }

    /// Makes room for a record of `length` bytes, for [`Journal::append_ending`] alone.
    ///
    /// # Errors
    /// The error of the system, such as a full disk. The journal is unchanged.
    pub fn reserve(&mut self, length: u64) -> io::Result<()> {
        // With a blank end, by which the room is recognized although the record in it may be torn.
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

    /// Appends the plan of a submission: in the room that was reserved, if that leaves `rest` bytes of it for the ending, and in
    /// additional room otherwise.
    ///
    /// # Errors
    /// As [`Journal::append_outputs`]. The room is kept.
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

    /// Appends the record of the submission's outcome, in the room that was reserved, and releases the rest of that.
    ///
    /// # Errors
    /// As [`Journal::append_outputs`]. The room is kept.
    pub fn append_ending(&mut self, record: &Record) -> io::Result<()> {
        self.append_record(record, Room::Reserved)?;
        // Blank bytes that stay do no harm.
        self.reserved = 0;
        let _ = self.file.set_len(self.end);
        Ok(())
    }

    fn append_frame(&mut self, parts: &[&[u8]], room: Room) -> io::Result<()> {
        // Half a frame must not precede the next one.
        if self.torn {
            self.clear()?;
        }
        if room == Room::New && self.reserved > 0 {
            // What is reserved moves on before the frame takes its place.
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
                // Again before the next frame, should this fail too.
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

    /// Writes blank bytes after the present ones until there are `room` of them after the last frame.
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

    /// Takes the file back to its whole frames and the room that is reserved.
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
    /// The payload of its frame; that of a step's message is written by [`Journal::append_outputs`].
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

//! Accepted messages, on disk before their responses are sent.
//!
//! One file of frames ([`frame`]). A payload is one byte for the kind of record and its content. The first frame
//! contains the format, the run and its declaration, so that a journal is never replayed into another run, nor by a
//! version that reads records differently.
//!
//! A frame torn by a crash before its response is cut off. A complete frame with a wrong checksum is damage,
//! and the sidecar refuses to guess.
//!
//! While objects are created, the file ends with space for the record of the outcome, so that a disk that has filled
//! up since then cannot prevent the write. The space is written, not only allocated, and overwritten in place:
//! a file system that copies on write may still refuse.

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
/// The beginning of the first frame. The number changes with the format of any record; only this version is read.
const FORMAT: &[u8] = b"gleaner-journal/3\n";
/// The beginning of the first frame in every version.
const ANY_FORMAT: &[u8] = b"gleaner-journal/";
/// Blank bytes per write.
const BLANKS: usize = 16 << 10;

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: Box<dyn Disk>,
    /// The end of the last whole frame.
    end: u64,
    /// Space after that, for the outcome.
    reserved: u64,
    /// True if there may be more bytes after `end`.
    torn: bool,
}

/// The place of a new frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// In additional space; the reservation stays.
    New,
    /// In the reserved space.
    Reserved,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The key of hashes over secrets. A restarted sidecar must compute the same hash to recognize its own objects.
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
    /// A frame in the middle has a wrong checksum.
    #[error(
        "the journal {path} is damaged at byte {at}; delete the pod, so that the run starts again"
    )]
    Damaged {
        path: PathBuf,
        /// The beginning of the bad frame.
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
    /// Fails if the disk fails, the journal is damaged, or it is another run's.
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
        // Released when the process exits for any reason.
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(JournalError::InUse { path });
        }
        let opened = Self::on(Box::new(file), path.clone(), identity)?;
        // The file's directory entry must survive a crash too.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io("written"))?;
        Ok(opened)
    }

    /// Reads the journal in `file`, which messages call `path`, and starts one if it is empty.
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

    /// Appends the message of `step`, in the bytes in which it arrived, and waits until it is on disk.
    ///
    /// # Errors
    /// The error of the system. The journal is unchanged.
    pub fn append_outputs(&mut self, step: &StepName, body: &[u8]) -> io::Result<()> {
        let length = u8::try_from(step.as_str().len()).unwrap_or(u8::MAX);
        let parts = [b"o", &[length], step.as_str().as_bytes(), body];
        self.append_frame(&parts, Room::New)
    }

    /// Appends any other record and waits until it is on disk.
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

    /// Reserves space for a record of `length` bytes, for [`Journal::append_ending`] only.
    ///
    /// # Errors
    /// The error of the system, such as a full disk. The journal is unchanged.
    pub fn reserve(&mut self, length: u64) -> io::Result<()> {
        // With a blank end, by which the space is recognized even if the record in it is torn.
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

    /// Appends the plan of a submission: in the reserved space, if that leaves `rest` bytes of it for the
    /// outcome, and in additional space otherwise.
    ///
    /// # Errors
    /// As [`Journal::append_outputs`]. The space is kept.
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

    /// Appends the record of the submission's outcome in the reserved space, and releases the rest of it.
    ///
    /// # Errors
    /// As [`Journal::append_outputs`]. The space is kept.
    pub fn append_ending(&mut self, record: &Record) -> io::Result<()> {
        self.append_record(record, Room::Reserved)?;
        // Remaining blank bytes do no harm.
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
            // The reservation moves before the frame takes its space.
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
                // Again before the next frame, if this fails too.
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

    /// Appends blank bytes until there are `room` of them after the last frame.
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
    /// Returns the payload of its frame; [`Journal::append_outputs`] writes that of a step's message.
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

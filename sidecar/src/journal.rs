//! What was accepted, on disk before it is answered.
//!
//! One file of frames, only ever appended to: length of the payload, CRC-32 of that length, CRC-32 of the payload (4 bytes
//! each, little endian), payload. A payload is one byte for the kind of record and its content. The first frame names the format, the
//! run and its declaration, so that a journal is never replayed into another run, nor by a version that reads records differently.
//!
//! A frame that ends where the file ends and does not check was torn by a crash before it was answered: it is cut
//! off. One that does not check in the middle of the file is damage, and the sidecar refuses to guess.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, Outputs, Problem};
use gleaner_submission::Planned;
use serde::{Deserialize, Serialize};

use crate::message;
use gleaner_core::render::Attempts;

const FILE: &str = "journal";
/// How the first frame begins. The number changes with the format of any record; only this one is read.
const FORMAT: &[u8] = b"gleaner-journal/3\n";
const FRAME_HEAD: usize = 12;

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// How far the file is known to be good.
    length: u64,
    /// Whether something else may stand behind that.
    torn: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The key of hashes over secrets. A restarted sidecar must find the same hash to know its own objects again.
    SecretKey(String),
    Accepted {
        step: StepName,
        message: Outputs,
    },
    /// Somebody asked for the submission.
    SubmissionRequested,
    /// These objects are about to be created.
    Planned(Planned),
    /// All steps have ended.
    Finished,
    Committed(Commit),
    Failed(Problem),
}

/// A commit, with what is needed to render the same objects again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    pub outcome: Outcome,
    /// Which suffix each derived name has come to.
    pub attempts: Attempts,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal {path} cannot be {deed}")]
    Io {
        path: PathBuf,
        /// What was tried: opened, read, written.
        deed: &'static str,
        #[source]
        source: io::Error,
    },
    /// A frame in the middle does not check.
    #[error(
        "the journal {path} is damaged at byte {at}; delete the pod, so that the run starts afresh"
    )]
    Damaged {
        path: PathBuf,
        /// Where the bad frame begins.
        at: u64,
    },
    /// Another sidecar writes it.
    #[error(
        "the journal {path} is in use by another sidecar; give each run a state directory of its own"
    )]
    InUse { path: PathBuf },
    #[error(
        "the journal {path} was written by another version of Gleaner; delete the pod, so that the run starts again"
    )]
    Format { path: PathBuf },
    #[error(
        "the journal {path} was written for another run or declaration; give each run a state directory of its own"
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
        let mut file = OpenOptions::new()
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
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io("read"))?;
        let (frames, length) = frames(&bytes).map_err(|at| JournalError::Damaged {
            path: path.clone(),
            at,
        })?;
        let mut journal = Self {
            file,
            length,
            torn: false,
        };
        journal.cut().map_err(io("written"))?;
        let mut frames = frames.into_iter();
        match frames.next() {
            Some((_, first)) => match first.strip_prefix(FORMAT) {
                None => return Err(JournalError::Format { path }),
                Some(written) if written != identity => return Err(JournalError::Foreign { path }),
                Some(_) => {}
            },
            None => {
                journal
                    .append_frame(&[FORMAT, identity])
                    .map_err(io("written"))?;
                // The file's own entry must outlive a crash too.
                File::open(directory)
                    .and_then(|directory| directory.sync_all())
                    .map_err(io("written"))?;
            }
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
    /// What the system says. The journal is then as it was before.
    pub fn append_outputs(&mut self, step: &StepName, body: &[u8]) -> io::Result<()> {
        let length = u8::try_from(step.as_str().len()).unwrap_or(u8::MAX);
        self.append_frame(&[b"o", &[length], step.as_str().as_bytes(), body])
    }

    /// Appends any other record and waits until the disk has it.
    ///
    /// # Errors
    /// As [`Journal::append_outputs`].
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::SecretKey(key) => self.append_frame(&[b"k", key.as_bytes()]),
            Record::Accepted { step, message } => {
                self.append_outputs(step, &serde_json::to_vec(message)?)
            }
            Record::SubmissionRequested => self.append_frame(&[b"s"]),
            Record::Planned(planned) => self.append_frame(&[b"p", &serde_json::to_vec(planned)?]),
            Record::Finished => self.append_frame(&[b"f"]),
            Record::Committed(commit) => self.append_frame(&[b"c", &serde_json::to_vec(commit)?]),
            Record::Failed(problem) => self.append_frame(&[b"x", &serde_json::to_vec(problem)?]),
        }
    }

    fn append_frame(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        // Half a frame must not stand in the way of the next one.
        if self.torn {
            self.cut()?;
        }
        self.torn = true;
        match self.write_frame(parts) {
            Ok(length) => {
                self.length += length;
                self.torn = false;
                Ok(())
            }
            Err(error) => {
                // Once more before the next frame, should this fail too.
                let _ = self.cut();
                Err(error)
            }
        }
    }

    fn write_frame(&mut self, parts: &[&[u8]]) -> io::Result<u64> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let too_long =
            |_| io::Error::new(io::ErrorKind::InvalidInput, "a record of more than 4 GiB");
        let head = u32::try_from(length).map_err(too_long)?;
        let mut crc = crc32fast::Hasher::new();
        parts.iter().for_each(|part| crc.update(part));
        self.file.write_all(&frame_head(head, crc.finalize()))?;
        for part in parts {
            self.file.write_all(part)?;
        }
        self.file.sync_data()?;
        Ok(FRAME_HEAD as u64 + u64::from(head))
    }

    /// Takes the file back to what is known to be good.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.sync_data()?;
        self.torn = false;
        Ok(())
    }
}

impl Record {
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

type Frames<'a> = Vec<(u64, &'a [u8])>;

fn frame_head(length: u32, crc: u32) -> [u8; FRAME_HEAD] {
    let length = length.to_le_bytes();
    let mut head = [0; FRAME_HEAD];
    head[..4].copy_from_slice(&length);
    head[4..8].copy_from_slice(&crc32fast::hash(&length).to_le_bytes());
    head[8..].copy_from_slice(&crc.to_le_bytes());
    head
}

/// The payloads of all whole frames and how far they reach; or where the damage is.
///
/// The length has a checksum of its own: without it, one wrong bit there would make all that follows look like the torn
/// end of the file.
fn frames(bytes: &[u8]) -> Result<(Frames<'_>, u64), u64> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some((head, rest)) = bytes[at..].split_first_chunk::<FRAME_HEAD>() {
        // A file system that grew the file and lost the data in a power cut leaves zeros.
        if bytes[at..].iter().all(|byte| *byte == 0) {
            break;
        }
        let [length, length_crc, crc] = [0, 4, 8].map(|from| {
            let number = head[from..from + 4].iter().rev();
            number.fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
        });
        if crc32fast::hash(&length.to_le_bytes()) != length_crc {
            return Err(at as u64);
        }
        let Some(payload) = rest.get(..length as usize) else {
            break;
        };
        let end = at + FRAME_HEAD + payload.len();
        if crc32fast::hash(payload) != crc {
            if end == bytes.len() {
                break;
            }
            return Err(at as u64);
        }
        frames.push((at as u64, payload));
        at = end;
    }
    Ok((frames, at as u64))
}

#[cfg(test)]
mod tests;

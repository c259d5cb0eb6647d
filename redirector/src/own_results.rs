//! Measures the results that Tekton itself writes to this step's termination message, and checks that they fit.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gleaner_proto::message::OwnResults;
use gleaner_termination::{CONTAINER_MAX, Entry, EntryType, OF_TEKTON, POD_MAX, Share, Size};

use crate::failure::{Failure, Reason};

/// The maximum total size of the files, in bytes. Content beyond this size is not read, because Tekton does not accept a message
/// that exceeds this size after decompression (`pkg/termination/write.go`, `maxDecompressedSize`).
const READ_MAX: u64 = 128 << 10;

/// The path of the step's artifacts file, relative to Tekton's directory for the step.
const STEP_ARTIFACTS: &str = "artifacts/provenance.json";
/// The path of the Task's artifacts file (`pipeline.ArtifactsDir`).
const TASK_ARTIFACTS: &str = "/tekton/artifacts/provenance.json";

/// The files whose content Tekton writes to this step's termination message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reported {
    /// The containers that share the pod's space for termination messages, or `None` if they are unknown.
    pub(crate) share: Option<Share>,
    /// The names of the Task's results, or empty if Tekton does not read them from termination messages.
    pub(crate) results: Vec<String>,
    /// The names of the step's results.
    pub(crate) step_results: Vec<String>,
    /// Tekton's directory for the step.
    pub(crate) step_metadata_dir: Option<PathBuf>,
}

/// The entries that Tekton creates from the files.
#[derive(Debug, Default)]
pub(crate) struct Content {
    entries: Vec<(String, String, EntryType)>,
    is_over: bool,
}

/// The containers that share the pod's space for termination messages, and the size of Tekton's entries in this step's message.
/// `None` if the containers are unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured(Option<(Share, Size)>);

/// The result of comparing the size of a step's results with the space in its termination message.
#[derive(Debug)]
pub(crate) enum Fit {
    /// The results fit.
    Fits,
    /// The results would not fit even without Gleaner's containers, so Tekton loses them or fails the step.
    NeverFits(String),
    /// The results would fit without Gleaner's containers.
    CrowdedOut(Failure),
}

// === impl Reported ===

impl Reported {
    /// Reads and measures the results that Tekton will write to this step's termination message.
    pub(crate) fn measure(&self, results_dir: &Path) -> Measured {
        Measured(
            self.share
                .map(|share| (share, self.read(results_dir).size(share))),
        )
    }

    fn read(&self, results_dir: &Path) -> Content {
        let mut content = Content::default();
        if self.results.is_empty() && self.step_results.is_empty() {
            return content;
        }
        for name in &self.results {
            content.read(name, &results_dir.join(name), EntryType::TaskRunResult);
        }
        if let Some(directory) = &self.step_metadata_dir {
            for name in &self.step_results {
                let path = directory.join("results").join(name);
                content.read(name, &path, EntryType::StepResult);
            }
            content.read_artifacts(&directory.join(STEP_ARTIFACTS), EntryType::StepArtifacts);
            content.read_artifacts(Path::new(TASK_ARTIFACTS), EntryType::TaskRunArtifacts);
        }
        content
    }
}

// === impl Measured ===

impl Measured {
    /// Returns the size of the step's own results, to be sent to the sidecar.
    pub(crate) fn own_results(self) -> OwnResults {
        let size = self.0.map(|(_, size)| size);
        OwnResults {
            result_bytes: size.map(|size| size.plain),
            compressed_result_bytes: size.and_then(|size| size.compressed),
        }
    }

    /// Returns the number of bytes that are available in the termination message, and the number that the step's own results
    /// take. Returns `None` if the containers are unknown.
    pub(crate) fn room(self) -> Option<(usize, usize)> {
        self.0.map(|(share, size)| (share.room(), size.bytes()))
    }

    /// Compares the size of the results with the available space.
    pub(crate) fn fit(self) -> Fit {
        let Some((share, size)) = self.0 else {
            return Fit::Fits;
        };
        let (bytes, room, without) = (size.bytes(), share.room(), share.room_without());
        if bytes <= room {
            return Fit::Fits;
        }
        let all = share.own + share.added;
        let message = format!(
            "the results take {bytes} bytes in the step's termination message, but the kubelet keeps only {room} bytes (the pod's {all} \
             containers share {POD_MAX} bytes, at most {CONTAINER_MAX} each)"
        );
        if bytes > without {
            return Fit::NeverFits(format!(
                "{message}, so Tekton loses all results of the step"
            ));
        }
        let message = format!(
            "{message}; without Gleaner's {} it would keep {without} bytes; write smaller results, or set Tekton's feature flag results-from to \
             sidecar-logs",
            match share.added {
                1 => "container".to_owned(),
                added => format!("{added} containers"),
            }
        );
        Fit::CrowdedOut(Failure::new(Reason::ResultsTooLarge, message))
    }
}

/// Returns a warning if resource results that take `bytes` bytes may be too large for a termination message. Used if the
/// available space is unknown, as in a pod without injection.
pub(crate) fn unknown_room(bytes: usize) -> Option<String> {
    let share = Share {
        own: 3,
        added: 1,
        compressed: false,
    };
    (bytes > share.room()).then(|| {
        format!(
            "the results take {bytes} bytes in the step's termination message, but the kubelet keeps only {POD_MAX} bytes divided by the number \
             of containers in the pod, and at most {CONTAINER_MAX} bytes; if the results do not fit, Tekton loses all results of the step; \
             pass --termination-share (for example, 3+1) to the redirector and the sidecar, so that Gleaner makes the results fit"
        )
    })
}

// === impl Content ===

impl Content {
    /// Adds the content of a file. Like Tekton, ignores a file that is missing or not regular.
    fn read(&mut self, key: &str, path: &Path, kind: EntryType) {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path);
        let Some(file) = file.ok().filter(|file| {
            let metadata = file.metadata();
            metadata.is_ok_and(|metadata| metadata.is_file())
        }) else {
            return;
        };
        let mut bytes = Vec::new();
        let room = READ_MAX.saturating_sub(self.len());
        if file.take(room + 1).read_to_end(&mut bytes).is_err() {
            return;
        }
        self.is_over |= bytes.len() as u64 > room;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.entries.push((key.to_owned(), text, kind));
    }

    fn read_artifacts(&mut self, path: &Path, kind: EntryType) {
        self.read(&path.display().to_string(), path, kind);
    }

    fn len(&self) -> u64 {
        self.entries
            .iter()
            .map(|(_, text, _)| text.len() as u64)
            .sum()
    }

    fn size(&self, share: Share) -> Size {
        let entries = self.entries.iter().map(|(key, value, kind)| Entry {
            key,
            value,
            kind: *kind,
        });
        let size = share.size(OF_TEKTON.into_iter().chain(entries));
        match self.is_over {
            // Tekton does not accept a message that exceeds `READ_MAX` after decompression, even if its compressed size is
            // small.
            true => Size {
                compressed: None,
                ..size
            },
            false => size,
        }
    }
}

#[cfg(test)]
mod tests;

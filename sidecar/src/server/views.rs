//! Rendered responses. Each is rendered once per state of the run, and all clients share the bytes.

mod preview;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gleaner_core::collect::problem;
use gleaner_core::document::writer::write_yaml;
use gleaner_core::render::TooLarge;
use gleaner_proto::exit_code;
use gleaner_proto::message::{Phase, Problem, problem_type};
use gleaner_runtime::http::Frames;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::answer::ApiProblem;
use super::workbench::Workbench;
use crate::config::Memory;
use crate::run_actor::Snapshot;

/// The unit in which memory is accounted, in bytes.
const UNIT: usize = 4 << 10;
/// The maximum number of cached views per state: the status, the preview, and JSON and YAML views of all resources, of
/// partial resources, and of a single resource.
const KEPT: usize = 8;

const EVENT_START: &[u8] = b"event: status\ndata: ";
const EVENT_END: &[u8] = b"\n\n";

/// The cache of a run's rendered views.
#[derive(Debug)]
pub struct Views {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// A semaphore that allows only one view to be rendered at a time, so that a step's message waits for at most one rendering.
    turn: Semaphore,
    workbench: Arc<Workbench>,
    /// The available memory for views that are cached or still being sent.
    room: Arc<Semaphore>,
    /// The maximum size of a view, in bytes.
    max: usize,
    /// The cached views, each with its [`Subject::version`].
    kept: Mutex<Vec<(u64, Subject, View)>>,
}

/// The content of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// The status, as a server-sent event.
    Status,
    /// All resources as YAML in which values with variables are marked.
    Preview,
    Resources {
        /// The name of a single resource, or `None` for all resources.
        only: Option<String>,
        format: Format,
        /// True to keep unresolved variables as text.
        partial: bool,
    },
}

impl Subject {
    /// Returns a number that changes whenever the view must be rendered again.
    fn version(&self, snapshot: &Snapshot) -> u64 {
        match self {
            Self::Status => snapshot.version,
            Self::Preview | Self::Resources { .. } => snapshot.content,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// A rendered response that several clients can share.
#[derive(Debug, Clone)]
pub(super) struct View {
    status: StatusCode,
    content_type: &'static str,
    bytes: Bytes,
}

/// The bytes of a view. The memory is released when the view is no longer cached and all clients have received it.
struct Held {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

// === impl Views ===

impl Views {
    /// Returns an empty cache for the states in `snapshots`.
    pub fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        memory: &Memory,
        workbench: Arc<Workbench>,
    ) -> Self {
        Self {
            snapshots,
            turn: Semaphore::new(1),
            workbench,
            room: Arc::new(Semaphore::new(memory.responses / UNIT)),
            max: memory.response,
            kept: Mutex::default(),
        }
    }

    /// Returns a view of the newest state.
    ///
    /// # Errors
    /// Returns a problem if the memory is used up by older views that clients are still reading.
    pub(super) async fn get(&self, subject: Subject) -> Result<View, ApiProblem> {
        let snapshot = self.newest();
        if let Some(view) = self.find(&snapshot, &subject) {
            return Ok(view);
        }
        // Acquiring cannot fail, because the semaphore is never closed.
        let _turn = self.turn.acquire().await;
        let _place = self.workbench.place().await?;
        let snapshot = self.newest();
        if let Some(view) = self.find(&snapshot, &subject) {
            return Ok(view);
        }
        let room = self.make_room(&snapshot).ok_or_else(|| {
            let detail =
                "large responses to other clients are using all available memory; retry later";
            ApiProblem::busy(detail)
        })?;
        let (max, version) = (self.max, subject.version(&snapshot));
        let rendering = {
            let subject = subject.clone();
            move || render(&snapshot, &subject, max)
        };
        let rendered = self.workbench.run(rendering).await?;
        let view = rendered.into_view(room);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((version, subject, view.clone()));
        Ok(view)
    }

    fn newest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    fn find(&self, snapshot: &Snapshot, subject: &Subject) -> Option<View> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept
            .iter()
            .find(|(version, known, _)| known == subject && *version == known.version(snapshot));
        found.map(|(.., view)| view.clone())
    }

    /// Frees memory for a view of the maximum size. Drops cached views of older states first, and then, if necessary, all cached
    /// views.
    fn make_room(&self, snapshot: &Snapshot) -> Option<OwnedSemaphorePermit> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(version, known, _)| *version == known.version(snapshot));
        let take = || {
            Arc::clone(&self.room)
                .try_acquire_many_owned(units(self.max))
                .ok()
        };
        take().or_else(|| {
            kept.clear();
            take()
        })
    }
}

// === impl View ===

impl View {
    /// Returns the bytes of a server-sent event, or `None` if the view is a problem.
    pub(super) fn into_event(self) -> Option<Bytes> {
        (self.status == StatusCode::OK).then_some(self.bytes)
    }

    /// Converts a view that is a server-sent event into a view that contains only the JSON in the event.
    pub(super) fn data(mut self) -> Self {
        if self.status == StatusCode::OK {
            // Keep one line feed, so that the shell prompt after a curl command starts on a new line.
            let end = self.bytes.len() - EVENT_END.len() + 1;
            self.bytes = self.bytes.slice(EVENT_START.len()..end);
        }
        self
    }
}

impl IntoResponse for View {
    fn into_response(self) -> Response {
        let mut response = Response::new(Frames::body(self.bytes));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static(self.content_type);
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

// === rendering, on a separate thread ===

struct Rendered {
    status: StatusCode,
    content_type: &'static str,
    bytes: Vec<u8>,
}

impl Rendered {
    fn problem(problem: &Problem) -> Self {
        let status = StatusCode::from_u16(problem.status);
        let mut bytes = serde_json::to_vec(problem).unwrap_or_default();
        bytes.push(b'\n');
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type: "application/problem+json",
            bytes,
        }
    }

    fn into_view(mut self, mut room: OwnedSemaphorePermit) -> View {
        self.bytes.shrink_to_fit();
        let held = Held {
            _room: room.split(units(self.bytes.len()) as usize),
            bytes: self.bytes,
        };
        View {
            status: self.status,
            content_type: self.content_type,
            bytes: Bytes::from_owner(held),
        }
    }
}

fn render(snapshot: &Snapshot, subject: &Subject, max: usize) -> Rendered {
    let mut page = Page {
        bytes: Vec::new(),
        max,
    };
    let written = match subject {
        Subject::Status => page.status(snapshot).map(|()| "application/json"),
        Subject::Preview => match snapshot.state.traced_preview() {
            Ok(objects) => preview::write(&mut page, &objects).map(|()| "application/json"),
            Err(error) => return Rendered::problem(&not_rendered(&error)),
        },
        Subject::Resources {
            only,
            format,
            partial,
        } => {
            if !partial && snapshot.phase == Phase::Collecting {
                let pending = snapshot.state.pending_names();
                return Rendered::problem(&problem::pending(pending, &[]));
            }
            let objects = match snapshot.state.masked_preview(only.as_deref()) {
                Ok(objects) => objects,
                Err(error) => return Rendered::problem(&not_rendered(&error)),
            };
            let mut objects = objects.into_iter();
            match only {
                Some(only) => {
                    let own = objects.find(|one| one.resource.as_str() == only);
                    let object = own.map(|one| one.object).unwrap_or_default();
                    page.objects(*format, Objects::One(&object))
                }
                None => {
                    let objects: Vec<Value> = objects.map(|one| one.object).collect();
                    page.objects(*format, Objects::All(&objects))
                }
            }
        }
    };
    match written {
        Ok(content_type) => Rendered {
            status: StatusCode::OK,
            content_type,
            bytes: page.bytes,
        },
        Err(_) => Rendered::problem(&too_large(format!(
            "the response would exceed {max} bytes; {REMEDY}"
        ))),
    }
}

const REMEDY: &str = "request one resource at a time (GET /v1/resources/{name}), or raise the sidecar's memory limit";

fn not_rendered(error: &TooLarge) -> Problem {
    let remedy = match error.resource {
        Some(_) => error.remedy(),
        None => REMEDY,
    };
    too_large(format!("{error}; {remedy}"))
}

fn too_large(detail: String) -> Problem {
    let (kind, title) = (problem_type::TOO_LARGE, "too large to be shown");
    problem::new(kind, 413, title, detail, exit_code::OUTPUT)
}

/// The output of a rendering, up to a maximum size.
struct Page {
    bytes: Vec<u8>,
    max: usize,
}

enum Objects<'a> {
    One(&'a Value),
    All(&'a [Value]),
}

impl Page {
    fn status(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.bytes.extend_from_slice(EVENT_START);
        serde_json::to_writer(&mut *self, &snapshot.status())?;
        self.bytes.extend_from_slice(EVENT_END);
        Ok(())
    }

    fn objects(&mut self, format: Format, objects: Objects<'_>) -> io::Result<&'static str> {
        match (format, objects) {
            (Format::Yaml, Objects::One(object)) => {
                write_yaml(self, [object]).map_err(io::Error::other)?;
            }
            (Format::Yaml, Objects::All(objects)) => {
                write_yaml(self, objects).map_err(io::Error::other)?;
            }
            (Format::Json, Objects::One(object)) => serde_json::to_writer(&mut *self, object)?,
            (Format::Json, Objects::All(objects)) => serde_json::to_writer(&mut *self, objects)?,
        }
        Ok(match format {
            // The media type is defined in RFC 9512.
            Format::Yaml => "application/yaml",
            Format::Json => {
                self.bytes.push(b'\n');
                "application/json"
            }
        })
    }
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        io::Write::write_all(self, text.as_bytes()).map_err(|_| fmt::Error)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT).unwrap_or(u32::MAX)
}

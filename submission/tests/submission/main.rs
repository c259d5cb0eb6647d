//! Submissions to an API server that fails in every way that a real one does.

mod apply;
mod create;
mod dependency;
mod mock;
mod names;
mod preflight;
mod responses;
mod restart;
mod retry;
mod rollback;
mod templates;
mod wait;

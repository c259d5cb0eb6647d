//! Submissions to a mock API server that fails in the same ways as a real one.

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

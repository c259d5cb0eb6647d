//! The pure functions of the injector: weaving and wrapping.

mod support;
mod weave;
mod wrap;

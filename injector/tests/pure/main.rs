//! The pure functions of the injector: weaving and wrapping.

mod ahead;
mod support;
mod weave;
mod wrap;

//! The pure functions of the injector: weaving and wrapping.

mod ahead;
mod any_shape;
mod artifacts;
mod bounds;
mod images;
mod kinds;
mod messages;
mod plain;
mod removal;
mod shapes;
mod support;
mod weave;
mod weave_again;
mod wrap;
mod wrap_again;

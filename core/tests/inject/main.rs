//! Tests the pure functions of the injector, which inject into Tasks and pods.

mod ahead;
mod any_shape;
mod artifacts;
mod bounds;
mod images;
mod kinds;
mod messages;
mod plain;
mod pod;
mod pod_again;
mod removal;
mod shapes;
mod structure;
mod support;
mod task;
mod task_again;
mod traces;

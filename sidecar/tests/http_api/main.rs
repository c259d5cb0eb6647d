//! Tests for the sidecar's HTTP API. The sidecar runs as a process, and the tests use its sockets and its loopback address.

mod bounds;
mod callers;
mod commit;
mod documented;
mod ending;
mod events;
mod hostile;
mod lengths;
mod load;
mod memory;
mod messages;
mod openapi;
mod pod;
mod progress;
mod protocol;
mod recovery;
mod room;
mod routes;
mod secrecy;
mod sizes;
mod start;
mod support;
mod traces;
mod waiting;

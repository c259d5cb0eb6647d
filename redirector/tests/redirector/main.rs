//! Tests the redirector as a process. The tests run the real program with a scripted sidecar.

mod arrangements;
mod command;
mod files;
mod finish;
mod init;
mod memory;
mod protocol;
mod report;
mod script;
mod secrecy;
mod signals;
mod stops;
mod support;

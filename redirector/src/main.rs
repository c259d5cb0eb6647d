//! The binary `gleaner-redirector`; see the library for its documentation.
//!
//! It starts at C's `main`, without the start-up of Rust's runtime. That would ignore SIGPIPE before the redirector
//! could see its inherited action, replace closed standard streams with `/dev/null`, and install handlers for a stack
//! overflow: all of it visible to a command that should notice nothing, and it would add a sixth to the overhead of
//! a step.

#![no_main]
// For the attribute below, which the compiler counts as unsafe; there is no unsafe code.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

// glibc hands the arguments to `std::env` before this is called.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    gleaner_redirector::main_without_runtime(std::env::args_os().skip(1))
}

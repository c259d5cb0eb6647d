//! The binary `gleaner-redirector`; see the library for what it does.
//!
//! It begins at C's `main`, without the start-up of Rust's runtime. That would ignore SIGPIPE before the redirector
//! could see what was set, replace with `/dev/null` the closed standard streams, and install handlers for a stack
//! overflow: all of it visible to a command that should notice nothing, and a sixth of the time that a step gets
//! longer.

#![no_main]
// The attribute below, for which the compiler asks for the word; there is no unsafe code.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

// glibc hands the arguments to `std::env` before this is called.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    gleaner_redirector::main_without_runtime(std::env::args_os().skip(1))
}

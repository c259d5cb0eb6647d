//! The binary `gleaner-redirector`; see the library for its documentation.
//!
//! The program starts at C's `main`, without the initialization of Rust's runtime, which would ignore SIGPIPE before the
//! redirector could see the inherited action, replace closed standard streams with `/dev/null`, and install handlers for
//! stack overflows. The command could notice all of this, and it would add a sixth to the overhead of a step.

#![no_main]
// The compiler counts the attribute `no_mangle` below as unsafe; there is no other unsafe code.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

// glibc passes the arguments to `std::env` before it calls this function.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    gleaner_redirector::main_without_runtime(std::env::args_os().skip(1))
}

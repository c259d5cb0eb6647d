//! The program `gleaner-redirector`, which is documented in the library.
//!
//! The program starts at C's `main`, without the initialization of the Rust runtime. The runtime would ignore SIGPIPE before the
//! redirector can read the inherited action, replace closed standard streams with `/dev/null`, and install handlers for stack
//! overflows. The command could detect these changes, and the initialization would increase the overhead of a step by a
//! sixth.

#![no_main]
// The compiler treats the attribute `no_mangle` below as unsafe code; this file contains no other unsafe code.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

// glibc passes the arguments to `std::env` before it calls this function, so the parameters are not used.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    gleaner_redirector::main_without_runtime(std::env::args_os().skip(1))
}

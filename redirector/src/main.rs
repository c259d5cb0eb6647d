//! The binary `gleaner-redirector`; see the library for what it does.

fn main() -> ! {
    gleaner_redirector::main(std::env::args_os().skip(1))
}

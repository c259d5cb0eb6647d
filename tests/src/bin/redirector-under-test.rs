//! The redirector, built for the suites that run it.

fn main() {
    gleaner_redirector::run(std::env::args_os().skip(1)).leave()
}

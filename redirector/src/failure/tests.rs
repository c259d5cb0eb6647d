use gleaner_proto::message::problem_type;

use super::*;

#[test]
fn a_message_stays_on_one_line() {
    assert_eq!(one_line("a\r\n  b\u{1b}[31m\n"), "a   b [31m");
    assert_eq!(one_line(&"ä".repeat(4000)).len(), LINE_MAX);
    assert_eq!(cut("aä", 2), "a");
}

#[test]
fn a_problem_type_becomes_a_reason() {
    let name = |kind| Reason::of_problem(kind, 424, 73).name().to_owned();
    assert_eq!(name(problem_type::NOT_CREATED), "NotCreated");
    assert_eq!(name(problem_type::INTERNAL), "Internal");
    assert_eq!(name("about:blank"), "SidecarRefused");
    assert_eq!(name(""), "SidecarRefused");
    assert_eq!(Reason::of_problem("", 424, 73).code(), 73);
    assert_eq!(Reason::of_problem("", 424, 0).code(), 78);
}

#[test]
fn without_a_problem_document_the_status_determines_the_exit_code() {
    let code = |status| Reason::SidecarRefused(status).code();
    assert_eq!(code(413), 65);
    assert_eq!(code(422), 65);
    for status in [400, 401, 403, 404, 409] {
        assert_eq!(code(status), 78);
    }
    assert_eq!(code(302), 69);
}

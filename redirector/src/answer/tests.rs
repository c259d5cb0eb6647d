use proptest::prelude::*;

use super::*;

fn done(text: &str) -> Answer {
    parse(text.as_bytes(), true).unwrap().expect("complete")
}

fn body(text: &str) -> String {
    String::from_utf8(done(text).body.expect("not too large")).unwrap()
}

#[test]
fn each_way_to_frame_a_body_is_understood() {
    assert_eq!(
        body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"),
        "ab"
    );
    assert_eq!(body("HTTP/1.0 200\r\n\r\nabc"), "abc");
    assert_eq!(body("HTTP/1.1 200 OK\r\ncontent-type: x\r\n\r\n"), "");
    assert_eq!(
        body("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"),
        ""
    );
    assert_eq!(
        done("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n").status,
        413
    );
}

#[test]
fn an_answer_is_not_done_before_its_end() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    for end in 0..whole.len() {
        let received = &whole.as_bytes()[..end];
        assert_eq!(parse(received, false), Ok(None), "{end}");
        assert_eq!(parse(received, true), Err(Malformed::Truncated), "{end}");
    }
    assert_eq!(body(whole), "abc");
}

#[test]
fn what_is_no_answer_is_refused() {
    let refused = |text: &str| parse(text.as_bytes(), false).unwrap_err();
    for status in [
        "SSH-2.0\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 x\r\n\r\n",
        "\r\n\r\n",
    ] {
        assert_eq!(refused(status), Malformed::Status, "{status}");
    }
    assert_eq!(refused("HTTP/1.1 101 Switching\r\n\r\n"), Malformed::Status);
    for header in [
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: ",
        "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: gzip",
        "transfer-encoding: Chunked",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Content-Length: a",
        "no colon",
    ] {
        assert_eq!(
            refused(&format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n")),
            Malformed::Header,
            "{header}"
        );
    }
}

#[test]
fn everything_is_bounded() {
    let head = "HTTP/1.1 200 OK\r\n";
    assert_eq!(
        parse(
            format!("{head}x: {}", "x".repeat(HEAD_MAX)).as_bytes(),
            false
        ),
        Err(Malformed::TooLarge)
    );
    for (status, bound) in [(200, SUCCESS_MAX), (503, BODY_MAX)] {
        for body in [
            format!("Content-Length: {}\r\n\r\n", bound + 1),
            format!("\r\n{}", "x".repeat(bound + 1)),
        ] {
            // At once, and the status stands.
            let answer = parse(format!("HTTP/1.1 {status} X\r\n{body}").as_bytes(), false);
            let without_body = Answer { status, body: None };
            assert_eq!(answer, Ok(Some(without_body)), "{}", &body[..20]);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), ended: bool) {
        let _ = parse(&bytes, ended);
    }

    #[test]
    fn no_text_of_the_kind_makes_it_panic(text in "(HTTP/1.1 [12]0[0-9] x\r\n)?([CT][a-z-]{1,9}: ?[0-9a-f]{0,20}\r\n){0,3}\r\n([0-9a-f]{1,17}(;x)?\r\n.{0,9}\r\n){0,4}", ended: bool) {
        let _ = parse(text.as_bytes(), ended);
    }
}

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
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\n";
    assert_eq!(body(&format!("{chunked}\r\n")), "ab0123456789");
    assert_eq!(
        body(&format!("{chunked}trailer: x\r\n\r\n")),
        "ab0123456789"
    );
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
    for whole in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: x\r\n\r\n",
    ] {
        for end in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..end], false), Ok(None), "{end}");
            assert_eq!(
                parse(&whole.as_bytes()[..end], true),
                Err(Malformed::Truncated),
                "{end}"
            );
        }
        assert_eq!(body(whole), "abc");
    }
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
        "no colon",
    ] {
        assert_eq!(
            refused(&format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n")),
            Malformed::Header,
            "{header}"
        );
    }
    for chunk in ["x\r\n", "\r\n", "-1\r\n", "1\r\nab\r\n"] {
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        assert_eq!(refused(&text), Malformed::Chunk, "{chunk}");
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
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for body in [
        "Content-Length: 1048577\r\n\r\n".to_owned(),
        format!("\r\n{}", "x".repeat(BODY_MAX + 1)),
        format!("{chunked}100001\r\n"),
        format!("{chunked}1;{}", "x".repeat(HEAD_MAX + 9)),
        format!(
            "{chunked}0\r\n{}",
            format!("t: {}\r\n", "x".repeat(1000)).repeat(20)
        ),
    ] {
        // At once, and the status stands.
        let answer = parse(format!("{head}{body}").as_bytes(), false);
        let without_body = Answer {
            status: 200,
            body: None,
        };
        assert_eq!(answer, Ok(Some(without_body)), "{}", &body[..20]);
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

    #[test]
    fn chunks_join_to_what_was_cut(content in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..9)) {
        let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in &content {
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        let answer = parse(&wire, false).unwrap().unwrap();
        prop_assert_eq!(answer.body, Some(content.concat()));
    }
}

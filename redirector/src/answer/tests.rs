use proptest::prelude::*;

use super::*;

/// Returns the status code and the body of a complete response.
fn done(text: &str) -> (u16, String) {
    let (head, begin) = parse(text.as_bytes()).unwrap().expect("complete");
    let mut body = String::new();
    head.body(&text.as_bytes()[begin..])
        .read_to_string(&mut body)
        .unwrap();
    (head.status, body)
}

/// Reads the body of a response that consists of `head` and `rest`, and returns the error.
fn unreadable(head: &str, rest: impl Read) -> Malformed {
    let (head, _) = parse(head.as_bytes()).unwrap().expect("complete");
    let error = io::copy(&mut head.body(rest), &mut io::sink()).unwrap_err();
    *error.get_ref().unwrap().downcast_ref().unwrap()
}

#[test]
fn bodies_with_and_without_a_content_length_are_parsed() {
    let body = |text: &str| done(text).1;
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
        done("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n"),
        (413, String::new())
    );
}

#[test]
fn a_response_is_incomplete_before_its_end() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    for end in 0..head.len() {
        assert_eq!(parse(&head.as_bytes()[..end]), Ok(None), "{end}");
    }
    for end in 0..3 {
        assert_eq!(unreadable(head, &b"abc"[..end]), Malformed::Truncated);
    }
    assert_eq!(done(&format!("{head}abc")).1, "abc");
}

#[test]
fn malformed_responses_are_refused() {
    let refused = |text: &str| parse(text.as_bytes()).unwrap_err();
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
fn heads_and_bodies_over_the_length_limits_are_refused() {
    let head = "HTTP/1.1 200 OK\r\n";
    assert_eq!(
        parse(format!("{head}x: {}", "x".repeat(HEAD_MAX)).as_bytes()),
        Err(Malformed::TooLarge)
    );
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(HEAD_MAX / 25 + 2);
    assert_eq!(parse(interim.as_bytes()), Err(Malformed::TooLarge));
    // If the head specifies a length over the limit, reading fails before the body arrives.
    let announced = format!("{head}Content-Length: {}\r\n\r\n", BODY_MAX + 1);
    assert_eq!(unreadable(&announced, io::empty()), Malformed::TooLong);
    let endless = format!("{head}\r\n");
    let body = |length| io::repeat(b'x').take(length);
    assert_eq!(unreadable(&endless, body(u64::MAX)), Malformed::TooLong);
    assert_eq!(unreadable(&endless, body(BODY_MAX + 1)), Malformed::TooLong);
    let (head, _) = parse(endless.as_bytes()).unwrap().unwrap();
    let read = io::copy(&mut head.body(body(BODY_MAX)), &mut io::sink());
    assert_eq!(read.unwrap(), BODY_MAX);
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_malformed_response_causes_a_panic(text in "(HTTP/1.1 [12]0[0-9] x\r\n)?([CT][a-z-]{1,9}: ?[0-9a-f]{0,20}\r\n){0,3}\r\n([0-9a-f]{1,17}(;x)?\r\n.{0,9}\r\n){0,4}") {
        if let Ok(Some((head, begin))) = parse(text.as_bytes()) {
            let _ = io::copy(&mut head.body(&text.as_bytes()[begin..]), &mut io::sink());
        }
    }
}

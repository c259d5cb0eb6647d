use proptest::prelude::*;
use serde_json::json;

use super::*;

fn array(name: &str, items: &[&str]) -> Param {
    Param::Array {
        name: name.to_owned(),
        items: items.iter().map(|item| (*item).to_owned()).collect(),
    }
}

#[test]
fn a_value_is_never_parsed_as_a_flag() {
    let arguments = Arguments {
        params: vec![
            Param::Text {
                name: "url".into(),
                value: "--context=taskRun.uid=x".into(),
            },
            array(
                "list",
                &["--", "--param=url=other", "array:other", "end:other"],
            ),
            array("other", &[]),
        ],
        ..Arguments::default()
    };
    let read = Arguments::parse(&arguments.to_args()).unwrap();
    assert_eq!(read, arguments);
    assert_eq!(
        Value::from(read.params()),
        json!({
            "url": "--context=taskRun.uid=x",
            "list": ["--", "--param=url=other", "array:other", "end:other"],
            "other": [],
        })
    );
}

#[test]
fn ambiguous_arguments_are_rejected() {
    let hostile = ["a", "end:list", "array:other", "b"];
    let arguments = Arguments {
        params: vec![array("list", &hostile), array("other", &["c"])],
        ..Arguments::default()
    };
    assert_eq!(
        Arguments::parse(&arguments.to_args()),
        Err(ArgumentsError::Ambiguous("list".into()))
    );
    let last = [array("list", &["end:list"])];
    let arguments = Arguments {
        params: last.to_vec(),
        ..Arguments::default()
    };
    // The item has the same text as the marker at the end of the array. The text is not ambiguous here, because the marker is
    // the last argument.
    assert_eq!(Arguments::parse(&arguments.to_args()).unwrap().params, last);
}

#[test]
fn long_text_is_split_into_arguments_that_linux_accepts() {
    let arguments = Arguments {
        declaration: "abcd".repeat(50_000),
        values: "efgh".repeat(25_000),
        ..Arguments::default()
    };
    let args = arguments.to_args();
    assert_eq!(args.len(), 3 + 2);
    assert!(args.iter().all(|argument| argument.len() < 128 << 10));
    assert_eq!(Arguments::parse(&args), Ok(arguments));
}

#[test]
fn arrays_without_frames_are_reported() {
    let args = ["--declaration=e30=", "--array=list", "--", "a"];
    assert_eq!(
        Arguments::parse(&args).unwrap_err().to_string(),
        "the items of the array parameter 'list' are not between 'array:list' and 'end:list'"
    );
    assert!(Arguments::parse(&["--", "a"]).is_err());
    assert!(Arguments::parse(&["--param-key=a=b"]).is_err());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "(array|end):(a|b|c)",
        Just("--".to_owned()),
        Just("--array=a".to_owned()),
        Just("--unwrapped".to_owned()),
    ]
}

proptest! {
    #[test]
    fn arguments_are_parsed_as_written_or_rejected(
        texts in proptest::collection::vec(text(), 0..3),
        a in proptest::collection::vec(text(), 0..4),
        b in proptest::collection::vec(text(), 0..4),
        c in proptest::collection::vec(text(), 0..4),
    ) {
        let mut params: Vec<Param> = texts
            .into_iter()
            .enumerate()
            .map(|(index, value)| Param::Text { name: format!("p{index}"), value })
            .collect();
        for (name, items) in [("a", a), ("b", b), ("c", c)] {
            params.push(Param::Array { name: name.to_owned(), items });
        }
        let arguments = Arguments { unwrapped: true, declaration: "e30=".into(), params, ..Arguments::default() };
        match Arguments::parse(&arguments.to_args()) {
            Ok(read) => prop_assert_eq!(read, arguments),
            Err(error) => prop_assert!(matches!(error, ArgumentsError::Ambiguous { .. }), "{}", error),
        }
    }
}

use super::*;

fn variable(text: &str) -> Part {
    Part::Variable(Reference::parse(text).unwrap())
}

fn literal(text: &str) -> Part {
    Part::Literal(text.to_owned())
}

#[test]
fn a_text_is_parsed_from_left_to_right() {
    let parts = |text: &str| Text::parse(text).unwrap().0;
    assert_eq!(
        parts("$(params.a)@$(params.b)!"),
        [
            variable("params.a"),
            literal("@"),
            variable("params.b"),
            literal("!")
        ]
    );
    assert_eq!(parts("$$(params.a)"), [literal("$(params.a)")]);
    assert_eq!(parts("$$$(params.a)"), [literal("$$(params.a)")]);
    assert_eq!(parts("$ $$ $x ${y}"), [literal("$ $$ $x ${y}")]);
    assert_eq!(parts("$(params[\"a)\"])"), [variable("params[\"a)\"]")]);
    assert_eq!(parts(""), []);
}

#[test]
fn an_unclosed_variable_is_rejected() {
    assert_eq!(Text::parse("a $(params.x"), Err(TextError::Unclosed));
    assert!(Text::parse("$(params.a$(params.b))").is_err());
}

#[test]
fn string_in_a_variable_requests_the_value_as_text() {
    let parts = |text: &str| Text::parse(text).unwrap().0;
    let string = |text: &str| Part::String(Reference::parse(text).unwrap());
    assert_eq!(parts("$(string(params.a))"), [string("params.a")]);
    assert_eq!(
        parts("$(string(params[\"a)(\"]))!$(params.string)"),
        [
            string("params[\"a)(\"]"),
            literal("!"),
            variable("params.string")
        ]
    );
    assert_eq!(
        parts("$$(string(params.a))"),
        [literal("$(string(params.a))")]
    );
    assert_eq!(
        Text::parse("$(string(params.a))").unwrap().as_variable(),
        None
    );
    for (wrong, part) in [
        ("$(str(params.a))", "unknown function 'str'"),
        ("$(String(params.a))", "unknown function 'String'"),
        ("$(string(params.a)x)", "write string(VARIABLE)"),
        ("$(string())", "the variable is empty"),
        ("$(string(string(params.a)))", "is invalid at '(params.a)'"),
        ("$(string(params.a)", "write string(VARIABLE)"),
        ("$(params.a(0))", "is invalid at '(0)'"),
    ] {
        let error = Text::parse(wrong).unwrap_err().to_string();
        assert!(error.contains(part), "{wrong}: {error}");
    }
}

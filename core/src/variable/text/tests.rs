use super::*;

fn variable(text: &str) -> Part {
    Part::Variable(Reference::parse(text).unwrap())
}

fn literal(text: &str) -> Part {
    Part::Literal(text.to_owned())
}

#[test]
fn a_text_comes_apart_from_left_to_right() {
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
fn an_unclosed_variable_is_refused() {
    assert_eq!(Text::parse("a $(params.x"), Err(TextError::Unclosed));
    assert!(Text::parse("$(params.a$(params.b))").is_err());
}

use super::*;

#[test]
fn formatting_a_parsed_variable_returns_its_canonical_form() {
    for text in [
        "params.imageUrl",
        "params[\"a.b\"]",
        "params.list[*]",
        "params.list[0]",
        "params.obj.key",
        "params.obj[\"a.b\"]",
        "steps.kaniko.digest",
        // No step or resource can have such a name, but formatting must still return the parsed text.
        "steps[\"a.b\"].digest",
        "resources[\"a.b\"].url",
        "steps.kaniko.report.images[0].url",
        "context.taskRun.name",
        "context.task.retry-count",
        "resources.img.url",
    ] {
        assert_eq!(Reference::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(
        Reference::parse("inputs.params.a").unwrap().to_string(),
        "params.a"
    );
    assert_eq!(
        Reference::parse("params['a.b']").unwrap().to_string(),
        "params[\"a.b\"]"
    );
}

#[test]
fn an_invalid_variable_is_rejected_with_a_remedy() {
    for (text, part) in [
        ("", "literal"),
        ("param.x", "did you mean 'params'?"),
        ("POD_IP", "literal"),
        ("params", "params.NAME"),
        ("params.", "is invalid at '.'"),
        ("params.a b", "is invalid at ' b'"),
        ("steps.kaniko", "steps.STEP.OUTPUT"),
        ("steps[0].x", "steps.STEP.OUTPUT"),
        ("params.list[*].x", "[*] only at the end"),
        ("params.list[-1]", "is invalid at"),
        ("params.list[+1]", "is invalid at"),
        ("context.taskRun.nme", "did you mean 'taskRun.name'?"),
        ("resources.img", "resources.NAME.FIELD"),
        ("resources.img.url.x", "resources.NAME.FIELD"),
        ("inputs.resources.x", "unknown variable"),
    ] {
        let error = Reference::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

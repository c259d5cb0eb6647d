//! Tests that the API server's messages about an object that contains a secret are never forwarded, regardless of the form in
//! which they quote the secret.

use std::fs;

use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::fault::{Fault, refusal};
use http::Method;
use serde_json::{Value, json};

use super::quoting::{KEY, Pieces, field, forms};
use super::seen_everywhere;
use crate::support::{Setup, api_server, until};

/// A marker in every message from the API server about the Secret.
const MARK: &str = "Qu0tation-mark";

const NOTICE: &str = "the API server's message is withheld because this object contains the secret output 'key' of step 'login'";

const DECLARATION: &str = "\
steps: {login: [{name: key, secret: true}]}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: credentials}
      stringData: {token: \"key=$(steps.login.key)\"}
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note}
      data: {of: $(resources.credentials.name)}
submit: Manual
";

/// Submits the resources to `cluster`, and returns the status and the text of the response. Asserts that the response, and
/// everything that the sidecar outputs before and after a restart, contains no part of the texts in `quoted`.
fn submitted(declaration: &str, cluster: &ApiServer, quoted: &[&str]) -> (u16, String) {
    let setup = Setup::new(declaration)
        .with(cluster)
        .flag("--submit-deadline=1s")
        .flag("--log-level=trace");
    let sidecar = setup.start();
    let step = sidecar.step("login");
    let body = json!({"outputs": {"key": KEY}}).to_string();
    step.outputs("login", &body).ok();
    let answer = step.post("/v1/submit", "");
    let mut seen = seen_everywhere(&sidecar);
    seen.push(("the response".to_owned(), answer.body.clone()));
    until("an Event reports the outcome", || {
        !cluster.events().is_empty()
    });
    let events = Value::from(cluster.events()).to_string();
    seen.push(("the Events".to_owned(), events.into_bytes()));
    sidecar.kill();
    let restarted = setup.start();
    seen.extend(seen_everywhere(&restarted));
    // The journal contains the value, but it must not contain the API server's message about the value.
    let journal = fs::read(setup.path("state/journal")).unwrap();
    let mark = |text: &[u8]| text.windows(MARK.len()).any(|text| text == MARK.as_bytes());
    assert!(!mark(&journal));
    for (place, text) in seen {
        assert!(!mark(&text), "{place}: {}", String::from_utf8_lossy(&text));
        let pieces = Pieces::of(&text);
        for quoted in quoted {
            if let Some(piece) = pieces.of_quotation(quoted) {
                let piece = String::from_utf8_lossy(piece);
                let text = String::from_utf8_lossy(&text);
                panic!("{place} contains '{piece}' of '{quoted}': {text}");
            }
        }
    }
    (answer.status, answer.text().to_owned())
}

/// Returns a refusal message that contains this quotation.
fn words(quoted: &str) -> String {
    format!("{MARK}: data.token: Invalid value: {quoted}")
}

#[test]
fn a_refusal_reveals_no_form_of_quotation() {
    for (form, quoted) in forms() {
        let cluster = api_server();
        let fault = Fault::refuse(422, "Invalid", &words(&quoted));
        cluster.on(Method::POST, "secrets").fail(fault);
        let (status, text) = submitted(DECLARATION, &cluster, &[&quoted]);
        assert_eq!(status, 424, "{form}");
        assert!(text.contains(NOTICE), "{form}: {text}");
        assert!(
            text.contains("422 Unprocessable Entity (Invalid)"),
            "{text}"
        );
    }
}

/// Returns the quotations of [`forms`] without the names of the forms.
fn all_forms() -> Vec<String> {
    forms().into_iter().map(|(_, quoted)| quoted).collect()
}

fn assert_withheld(carrier: &str, declaration: &str, cluster: &ApiServer) -> String {
    let quoted = all_forms();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let (status, text) = submitted(declaration, cluster, &quoted);
    assert_eq!(status, 424, "{carrier}: {text}");
    text
}

#[test]
fn no_part_of_a_refusal_reveals_a_quotation() {
    let quoted = words(&all_forms().join(" "));
    let hidden = |mut status: Value, details: Value| {
        status["details"] = details;
        status
    };
    let causes = |cause: Value| json!({"kind": "Secret", "causes": [cause]});
    let invalid = || refusal(422, "Invalid", "no");
    let carriers = [
        ("another code", 418, refusal(418, "Teapot", &quoted)),
        (
            "a webhook",
            400,
            refusal(
                400,
                "BadRequest",
                &format!("admission webhook \"a\" denied: {quoted}"),
            ),
        ),
        (
            "a policy",
            422,
            refusal(
                422,
                "Invalid",
                &format!("ValidatingAdmissionPolicy 'p' denied: {quoted}"),
            ),
        ),
        (
            "a permission",
            403,
            refusal(
                403,
                "Forbidden",
                &format!("User \"u\" cannot create: {quoted}"),
            ),
        ),
        (
            "a namespace",
            403,
            refusal(403, "Forbidden", &format!("namespaces \"ci\": {quoted}")),
        ),
        (
            "a bound",
            413,
            refusal(413, "RequestEntityTooLarge", &quoted),
        ),
        (
            "the credentials",
            401,
            refusal(401, "Unauthorized", &quoted),
        ),
        (
            "a failure that is retried",
            500,
            refusal(500, "InternalError", &quoted),
        ),
        (
            "a rate limit",
            429,
            refusal(429, "TooManyRequests", &quoted),
        ),
        ("the reason", 422, refusal(422, &quoted, "no")),
        (
            "a cause's message",
            422,
            hidden(
                invalid(),
                causes(
                    json!({"reason": "FieldValueInvalid", "message": quoted, "field": "stringData[token]"}),
                ),
            ),
        ),
        (
            "a cause's reason",
            422,
            hidden(
                invalid(),
                causes(json!({"reason": quoted, "field": "metadata.name"})),
            ),
        ),
        (
            "a cause's field",
            422,
            hidden(
                invalid(),
                causes(
                    json!({"reason": "FieldValueInvalid", "field": format!("stringData[{quoted}]")}),
                ),
            ),
        ),
        (
            "the details' name",
            422,
            hidden(
                invalid(),
                json!({"name": quoted, "group": quoted, "kind": quoted}),
            ),
        ),
        (
            "a body that is not a JSON object",
            403,
            Value::from(format!("<html>{quoted}</html>")),
        ),
        ("another object", 403, json!({"error": quoted})),
    ];
    for (carrier, status, body) in carriers {
        let cluster = api_server();
        cluster
            .on(Method::POST, "secrets")
            .fail(Fault::answer(status, &[], body));
        assert_withheld(carrier, DECLARATION, &cluster);
    }
}

#[test]
fn known_terms_of_a_withheld_refusal_are_forwarded() {
    let cluster = api_server();
    let mut status = refusal(422, "Invalid", &words("x"));
    status["details"] = json!({"causes": [
        {"reason": "FieldValueInvalid", "message": MARK, "field": "stringData[token]"},
        {"reason": "FieldValueRequired", "message": MARK, "field": "metadata.name"},
    ]});
    cluster
        .on(Method::POST, "secrets")
        .fail(Fault::answer(422, &[], status));
    let text = assert_withheld("known words", DECLARATION, &cluster);
    assert!(
        text.contains(
            "FieldValueInvalid at stringData[token], FieldValueRequired at metadata.name"
        ),
        "{text}"
    );
    assert!(text.contains(NOTICE), "{text}");
}

#[test]
fn no_later_request_reveals_a_quotation() {
    let quoted = words(&all_forms().join(" "));
    let refuse = || Fault::refuse(422, "Invalid", &quoted);
    // The API server accepts the dry run but refuses the create.
    let cluster = api_server();
    cluster.on(Method::POST, "secrets").from(2).fail(refuse());
    assert_withheld("the create", DECLARATION, &cluster);

    // The object already exists, but the sidecar cannot read it.
    let cluster = api_server();
    cluster
        .on(Method::POST, "secrets")
        .fail(Fault::refuse(409, "AlreadyExists", &quoted));
    cluster.on(Method::GET, "secrets/").fail(refuse());
    assert_withheld("the read", DECLARATION, &cluster);

    // The object was created. The API server then refuses another object, and also the deletion of the first object. The
    // message about the other object is forwarded.
    let cluster = api_server();
    cluster
        .on(Method::POST, "configmaps")
        .from(2)
        .fail(Fault::refuse(403, "Forbidden", "too strange"));
    cluster.on(Method::DELETE, "secrets").fail(refuse());
    let text = assert_withheld("the rollback", DECLARATION, &cluster);
    assert!(text.contains("too strange"), "{text}");
    let left = serde_json::from_str::<Value>(&text).unwrap()["left"].take();
    assert_eq!(left[0]["object"]["name"], "credentials", "{left}");
    assert!(left[0]["why"].as_str().unwrap().contains(NOTICE), "{left}");
}

#[test]
fn no_condition_of_an_object_with_a_secret_reveals_a_quotation() {
    let quoted = words(&all_forms().join(" "));
    let object = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "credentials", "namespace": "ci", "uid": "u"},
        "status": {"phase": quoted, "conditions": [
            {"type": "Ready", "status": quoted, "reason": quoted, "message": quoted},
        ]},
    });
    for wait in [
        "{condition: Ready, timeout: 1s}",
        "{jsonPath: .status.phase, value: Done, timeout: 1s}",
    ] {
        let cluster = api_server();
        for (method, status) in [(Method::POST, 201), (Method::GET, 200)] {
            let fault = Fault::answer(status, &[], object.clone());
            cluster.on(method, "/secrets").fail(fault);
        }
        let name = "  - name: credentials\n";
        let waiting = DECLARATION.replace(name, &format!("{name}    waitFor: {wait}\n"));
        assert_withheld(wait, &waiting, &cluster);
    }
}

#[test]
fn no_warning_about_an_object_with_a_secret_reveals_a_quotation() {
    let header = forms()
        .into_iter()
        .map(|(_, quoted)| quoted.replace(['\n', 'ä'], " "));
    let header = header.map(|quoted| format!("299 - \"{MARK} {quoted}\""));
    let header: Vec<String> = header.collect();
    let headers: Vec<_> = header
        .iter()
        .map(|text| ("warning", text.as_str()))
        .collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "credentials", "namespace": "ci", "uid": "u"},
    });
    let cluster = api_server();
    cluster
        .on(Method::POST, "secrets")
        .fail(Fault::answer(201, &headers, object));
    let quoted = all_forms();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let (status, text) = submitted(DECLARATION, &cluster, &quoted);
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(NOTICE), "{text}");
}

#[test]
fn the_value_of_a_secret_output_reaches_only_the_object() {
    let cluster = api_server();
    let (status, text) = submitted(DECLARATION, &cluster, &[KEY]);
    assert_eq!(status, 200, "{text}");
    let secret = cluster.get("/api/v1/namespaces/ci/secrets/credentials");
    assert_eq!(secret.unwrap()["stringData"]["token"], field());
}

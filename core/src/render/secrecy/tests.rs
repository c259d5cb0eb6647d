use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::{Declaration, Scope};
use crate::render::{Attempts, Rendered, Values, render};
use crate::run::Run;
use serde_json::json;

use super::*;

const SECRETS: &str = r#"
steps: {login: [{name: token, secret: true}, {name: keys, type: object, secret: true}, {name: open}]}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: credentials, labels: {a.b/c: $(steps.login.open)}}
      stringData: {token: $(steps.login.token), tls.crt: x}
      data: {nested: $(steps.login.keys.inner)}
  - name: settings
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {open: $(steps.login.open)}
  - name: mention
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: mention}
      data: {of: $(resources.credentials.name), and: $(resources.settings.name)}
"#;

fn rendered(declaration: &Declaration) -> Vec<Rendered> {
    let outputs = [
        ("token".to_owned(), "hunter2".into()),
        ("keys".to_owned(), json!({"inner": {"hunter3": "x"}})),
        ("open".to_owned(), "open".into()),
    ];
    let values = Values {
        outputs: [("login".to_owned(), Arc::new(outputs.into()))].into(),
        ..Values::default()
    };
    render(declaration, &values, &Run::default(), &Attempts::new()).unwrap()
}

fn declaration() -> Declaration {
    Declaration::parse(SECRETS, &Scope::default()).unwrap()
}

fn withheld(rendered: &Rendered) -> &Withheld {
    match &rendered.disclosure {
        Disclosure::Withheld(withheld) => withheld,
        Disclosure::Full => panic!("{} is disclosed", rendered.resource),
    }
}

#[test]
fn messages_are_withheld_for_objects_with_secrets_not_for_references_to_them() {
    let disclosed: BTreeMap<_, _> = rendered(&declaration())
        .iter()
        .map(|one| {
            let full = one.disclosure == Disclosure::Full;
            (one.resource.to_string(), full)
        })
        .collect();
    let expected = [
        ("credentials", false),
        ("mention", true),
        ("settings", true),
    ];
    assert_eq!(
        disclosed,
        expected.map(|(name, full)| (name.to_owned(), full)).into()
    );
}

#[test]
fn an_object_with_a_secret_from_another_object_is_shown_without_the_secret() {
    // The declaration check rejects this case, but withholding must not depend on that check.
    let text = SECRETS.replace(
        "metadata: {name: credentials,",
        "metadata: {name: $(steps.login.open),",
    );
    let mut declaration = Declaration::parse(&text, &Scope::default()).unwrap();
    let outputs = Vec::from(std::mem::take(&mut declaration.steps[0]));
    for mut output in outputs {
        output.secret = true;
        declaration.steps[0].push(output);
    }
    let rendered = rendered(&declaration);
    assert_eq!(rendered[2].object["data"]["of"], "open");
    assert_eq!(withheld(&rendered[2]).masked["data"]["of"], SECRET);
    assert_eq!(withheld(&rendered[0]).masked["metadata"]["name"], SECRET);
    assert_eq!(rendered[0].object["metadata"]["name"], "open");
}

#[test]
fn only_the_prefix_of_a_path_that_exists_in_the_masked_object_is_shown() {
    let rendered = rendered(&declaration());
    let withheld = withheld(&rendered[0]);
    assert!(!withheld.masked.to_string().contains("hunter"));
    for (field, shown) in [
        ("stringData[token]", Some("stringData[token]")),
        ("stringData.token", Some("stringData.token")),
        (".stringData.tls.crt", Some(".stringData.tls.crt")),
        ("metadata.labels[a.b/c]", Some("metadata.labels[a.b/c]")),
        ("metadata.labels.hunter2", Some("metadata.labels")),
        ("stringData[hunter2]", Some("stringData")),
        ("data.nested.hunter3", Some("data.nested")),
        ("data[nested][hunter3]", Some("data[nested]")),
        ("stringData.token hunter2", Some("stringData")),
        ("stringDatahunter2", None),
        ("hunter2", None),
        ("aHVudGVyMg==", None),
        ("[hunter2", None),
        ("", None),
    ] {
        assert_eq!(withheld.visible_path(field), shown, "{field}");
    }
}

#[test]
fn the_notice_names_the_secret_output_and_the_audit_log() {
    let rendered = rendered(&declaration());
    assert_eq!(
        withheld(&rendered[0]).notice(),
        "the API server's message is withheld because this object contains the secret output 'token' of step 'login'; see the API \
         server's audit log"
    );
}

#[test]
fn nothing_is_disclosed_about_an_unavailable_object() {
    let Disclosure::Withheld(withheld) = Disclosure::of_unseen("login", "token") else {
        panic!("messages about the object are disclosed");
    };
    assert_eq!(withheld.visible_path("metadata.name"), None);
    assert!(withheld.notice().contains("'token' of step 'login'"));
}

//! If an admission policy's message quotes a secret, Gleaner withholds the whole message.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::PROGRAMS;

/// The beginning of the policy's message.
const MARK: &str = "Qu0tation-mark";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "a_secret_that_a_policy_quotes_appears_nowhere",
            a_secret_that_a_policy_quotes_appears_nowhere,
        )
        .real_only(),
    ]
}

fn declaration(field: &str, text: &str) -> String {
    format!(
        "
steps: {{login: [{{name: token, secret: true}}]}}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {{generateName: credentials-}}
      {field}: {{token: \"{text}\"}}
"
    )
}

/// Creates a policy that forbids creating a Secret with a `token` in the case's namespace. The policy's message quotes the
/// token; the API server limits the message to 5 KiB.
async fn refuse_secrets(server: &Server) {
    let name = format!("quotes-{}", server.namespace());
    let kinds = "/apis/admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]},
            ]},
            "validations": [{
                "expression": "!has(object.data) || !('token' in object.data)",
                "messageExpression": format!("'{MARK} ' + string(object.data.token)"),
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": server.namespace()}}},
        },
    });
    for (plural, object) in [
        ("validatingadmissionpolicies", &policy),
        ("validatingadmissionpolicybindings", &binding),
    ] {
        let created = server.post(&format!("{kinds}/{plural}"), object).await;
        created.expect_status(201);
    }
    let probe = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe"}, "data": {"token": "cHJvYmU="},
    });
    let path = format!("{}?dryRun=All", server.path("v1", "secrets"));
    wait::until(
        "the policy to take effect",
        Duration::from_secs(30),
        async || {
            let answer = server.post(&path, &probe).await;
            answer.refusal().contains(MARK).then_some(())
        },
    )
    .await;
}

async fn a_secret_that_a_policy_quotes_appears_nowhere(server: &Server) {
    refuse_secrets(server).await;
    let short = "hunter2-Kz9Lq".to_owned();
    let long: String = (0..3200_u32)
        .map(|i| char::from(b'a' + u8::try_from(i * i % 25).expect("a letter")))
        .collect();
    let around = [
        ("stringData", ""),
        ("stringData", "bearer "),
        // The value of the field is not valid base64, so it is quoted in the API server's own validation message, not in the
        // policy's message.
        ("data", "bearer "),
    ];
    for value in [&short, &long] {
        for (field, before) in around {
            let text = format!("{before}$(steps.login.token)");
            let mut run =
                Run::new(PROGRAMS, server, &declaration(field, &text)).flag("--log-level=trace");
            run.start().await;
            let step = run.step("login").writes("token", value);
            let ended = step.last().run().await.expect(73).says(&[
                "credentials",
                "the API server's message is withheld because this object contains the secret output 'token' of step 'login'",
            ]);
            let mut seen = vec![
                ("stderr", ended.stderr),
                ("stdout", ended.stdout),
                ("termination message", run.termination()),
                ("results", json!(run.results()).to_string()),
            ];
            run.kill().await;
            run.start().await;
            for path in [
                "/v1/status",
                "/v1/resources",
                "/v1/resources?partial=true",
                "/metrics",
            ] {
                seen.push((path, run.get(path).await.text));
            }
            let finished = run.finish().await.expect(73);
            seen.push(("stderr of finish", finished.stderr));
            let events = server.get(&server.path("v1", "events")).await;
            seen.push(("events", events.json.to_string()));
            seen.push(("log", run.log()));
            let encoded = STANDARD.encode(format!("{before}{value}"));
            for (place, text) in &seen {
                assert!(!text.contains(MARK), "{place}: {text}");
                for quoted in [value, &encoded] {
                    let pieces = quoted.as_bytes().windows(8);
                    for piece in pieces.map(String::from_utf8_lossy) {
                        assert!(!text.contains(&*piece), "{place} contains {piece}: {text}");
                    }
                }
            }
            let secrets = run.objects("v1", "secrets").await;
            assert_eq!(secrets, [Value::Null; 0]);
        }
    }
}

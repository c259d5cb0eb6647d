//! Tests scripts that contain Tekton's artifact variables. Tekton replaces these variables only if the step's command consists of
//! the script alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_core::inject::{Outcome, Skip, pod};
use serde_json::{Value, json};

use crate::pod::{DECLARATION, args, container, tekton_pod};
use crate::support::{injected_pod, settings};

const SCRIPT: &str =
    "#!/bin/sh\nset -e\necho '$(steps.build.outputs.image)' > \"$GLEANER_OUTPUTS/findings\"\n";

/// Returns the pod from [`tekton_pod`], in which the second step runs this script.
fn pod_with(script: &str) -> Value {
    let mut pod = tekton_pod(DECLARATION, "u", &[]);
    let place = pod["spec"]["initContainers"].as_array_mut().unwrap();
    let place = place.iter_mut().find(|c| c["name"] == "place-scripts");
    let text = &mut place.unwrap()["args"][1];
    let before = STANDARD.encode("#!/bin/sh\nexit 3\n");
    assert!(text.as_str().unwrap().contains(&before));
    *text = text
        .as_str()
        .unwrap()
        .replace(&before, &STANDARD.encode(script))
        .into();
    pod
}

/// Returns the scripts that the init container `place-scripts` writes, in order.
fn scripts(pod: &Value) -> Vec<String> {
    let text = container(pod, "place-scripts")["args"][1].as_str().unwrap();
    let parts = text.split("_EOF_'\n").skip(1);
    let encoded = parts.map(|part| part.split('\n').next().unwrap());
    let decoded = encoded.map(|encoded| STANDARD.decode(encoded).unwrap());
    decoded
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect()
}

#[test]
fn a_script_with_artifact_variables_stays_the_command_and_gets_the_redirector_as_its_interpreter() {
    let before = pod_with(SCRIPT);
    let after = injected_pod(&before);
    assert_eq!(args(&after, "step-lint"), args(&before, "step-lint"));
    let (scripts, others) = (scripts(&after), scripts(&before));
    let lines: Vec<&str> = scripts[0].splitn(3, '\n').collect();
    assert_eq!(lines[0], "#!/gleaner/bin/redirector --script");
    let flags: Vec<String> =
        serde_json::from_str(lines[1].strip_prefix("#gleaner: ").unwrap()).unwrap();
    assert_eq!(
        flags,
        [
            "--injected",
            "--step=lint",
            "--output=findings,optional=/workspace/a$HOME/findings",
            "--termination-share=7+1",
        ]
    );
    assert_eq!(lines[2], SCRIPT);
    assert_eq!(
        scripts[1..],
        others[1..],
        "the other scripts must be unchanged"
    );
    let mounts = container(&after, "step-lint")["volumeMounts"].to_string();
    assert!(mounts.contains("/gleaner/bin"), "{mounts}");
    assert_eq!(
        pod::inject(&after, &settings()),
        Ok(Outcome::Skipped(Skip::Done))
    );
}

#[test]
fn containers_that_other_injectors_add_are_also_counted_in_such_a_script() {
    let mut meshed = injected_pod(&pod_with(SCRIPT));
    let containers = meshed["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "mesh", "image": "m"}));
    let again = injected_pod(&meshed);
    assert!(
        scripts(&again)[0].contains("\"--termination-share=8+1\""),
        "{:?}",
        scripts(&again)
    );
    assert_eq!(
        pod::inject(&again, &settings()),
        Ok(Outcome::Skipped(Skip::Done))
    );
}

#[test]
fn a_script_with_arguments_is_injected_as_a_command() {
    let mut before = pod_with(SCRIPT);
    let list = before["spec"]["containers"][1]["args"]
        .as_array_mut()
        .unwrap();
    list.push("argument".into());
    let after = injected_pod(&before);
    assert!(args(&after, "step-lint").contains(&"/gleaner/bin/redirector".to_owned()));
    assert_eq!(scripts(&after), scripts(&before));
}

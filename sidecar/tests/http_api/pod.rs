//! Tests of the sidecar's start in a pod, and of the hook that waits until the sidecar is ready.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::Setup;

const TYPED: &str = "\
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note}
      data: {hosts: '$(params.hosts[0])', zone: $(params.where.zone), url: $(params.imageUrl), run: $(context.taskRun.name)}
submit: Manual
";

/// Returns the setup of a sidecar with the declaration [`TYPED`] and the step `show`. The tests use the step's socket to get the
/// rendered resources.
fn typed() -> Setup {
    Setup::new(TYPED).flag("--step=show")
}

#[test]
fn each_parameter_is_one_argument_as_tekton_substitutes_it() {
    let sidecar = typed()
        .flag("--param-key=where.zone=--x=y")
        .flag("--array=none")
        .flag("--array=hosts")
        .flag("--")
        .flag("array:none")
        .flag("end:none")
        .flag("array:hosts")
        .flag("--param=imageUrl=other")
        .flag("end:hosts")
        .start();
    let yaml = sidecar.step("show").get("/v1/resources").text().to_owned();
    assert!(yaml.contains("hosts: --param=imageUrl=other"), "{yaml}");
    assert!(
        yaml.contains("zone: --x=y") && yaml.contains("url: registry.example/app"),
        "{yaml}"
    );
}

#[test]
fn encoded_values_override_arguments_that_the_kubelet_may_expand() {
    let values = r#"{"params": {"hosts": ["$(HOME)"], "where": {"zone": "$$"}}, "context": {"taskRun.name": "encoded"}, "labels": {"a": "b"}}"#;
    let sidecar = typed()
        .flag(format!("--values={}", STANDARD.encode(values)))
        .start();
    let yaml = sidecar.step("show").get("/v1/resources").text().to_owned();
    for part in [
        "hosts: $(HOME)",
        "zone: $$",
        "run: encoded",
        "a: b",
        "tekton.dev/taskRun: encoded",
    ] {
        assert!(yaml.contains(part), "{part}: {yaml}");
    }
    let (code, said) = Setup::new(TYPED).flag("--values=e30").run();
    assert_eq!(
        (code, said.contains("--values")),
        (Some(78), true),
        "{said}"
    );
}

#[test]
fn outside_tekton_a_flag_sets_the_owner() {
    let sidecar = typed()
        .flag("--param-key=where.zone=z")
        .flag("--owner=batch/v1,Job,nightly,uid-1")
        .flag("--array=hosts")
        .flag("--")
        .flag("array:hosts")
        .flag("h")
        .flag("end:hosts")
        .start();
    let yaml = sidecar.step("show").get("/v1/resources").text().to_owned();
    assert!(!yaml.contains("tekton.dev/taskRun"), "{yaml}");
    let (code, said) = Setup::new(TYPED).flag("--owner=batch/v1,Job,nightly").run();
    assert_eq!(
        (code, said.contains("APIVERSION,KIND,NAME,UID")),
        (Some(64), true),
        "{said}"
    );
}

#[test]
fn the_sidecar_refuses_to_start_in_a_pod_without_injection() {
    let (code, said) = Setup::new(TYPED).flag("--unwrapped").run();
    assert_eq!(code, Some(78));
    assert!(
        said.contains("Gleaner's webhook for pods was not called"),
        "{said}"
    );
}

#[test]
fn ambiguous_arrays_exit_with_78() {
    let setup = Setup::new(TYPED)
        .flag("--array=a")
        .flag("--array=b")
        .flag("--")
        .flag("array:a")
        .flag("end:a")
        .flag("array:b")
        .flag("end:a")
        .flag("array:b")
        .flag("end:b");
    let (code, said) = setup.run();
    assert_eq!(code, Some(78));
    assert!(said.contains("'end:a'"), "{said}");
}

#[test]
fn the_hook_exits_when_the_sidecar_is_ready_and_fails_otherwise() {
    let setup = Setup::new(TYPED);
    let program = env!("CARGO_BIN_EXE_gleaner-sidecar");
    let hook = |wait: &str| {
        let mut command = Command::new(program);
        command
            .env_clear()
            .arg("ready")
            .arg(format!("--run-dir={}", setup.path("run").display()));
        command.arg(format!("--wait={wait}"));
        command
    };
    let refused = hook("50ms").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("not ready after 50ms"), "{said}");
    // As in a pod, the hook starts before the sidecar is ready, and waits for it.
    let mut waiting = hook("20s").spawn().unwrap();
    let sidecar = setup.clone().flag("--step=build").start();
    assert!(waiting.wait().unwrap().success());
    assert!(hook("0s").status().unwrap().success());
    sidecar.kill();
    // The socket file still exists, but no process accepts connections.
    assert!(!hook("0s").status().unwrap().success());
}

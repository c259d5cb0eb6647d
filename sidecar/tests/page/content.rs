//! Tests the page with hostile values, and with only a keyboard.

use gleaner_testkit::api_server::ApiServer;
use serde_json::json;

use crate::checks::Page;
use crate::support::Setup;

/// A declaration with four outputs, which the tests fill with hostile values.
const VALUES: &str = "\
steps: {build: [{name: html}, {name: bidi}, {name: large}, {name: lines}]}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note}
      data:
        html: $(steps.build.html)
        bidi: $(steps.build.bidi)
        large: $(steps.build.large)
        lines: $(steps.build.lines)
submit: Manual
";

pub(crate) fn hostile_values_are_text() {
    let html = "</script><img src=x onerror=\"document.title='taken'\"><b id=taken>bold</b>";
    let outputs = json!({"outputs": {
        "html": html,
        "bidi": "a\u{202e}txt.exe\u{0007}\u{200b}",
        "large": "x".repeat(1_000_000),
        "lines": "first\n  second: $(steps.build.html)\n---\n",
    }});
    let sidecar = Setup::new(VALUES).with(&ApiServer::start()).start();
    sidecar
        .step("build")
        .outputs("build", &outputs.to_string())
        .ok();
    let mut page = Page::of(&sidecar);
    page.has("[data-variable='steps.build.html']", html);
    page.has("[data-yaml=note]", html);
    page.has(
        "[data-variable='steps.build.bidi']",
        "a⟨U+202E⟩txt.exe⟨U+0007⟩⟨U+200B⟩",
    );
    page.has("[data-variable='steps.build.large']", "x… (1000000 bytes)");
    page.has("[data-yaml=note]", "x… (1000000 bytes)");
    // A value with several lines has a single mark.
    page.has("[data-yaml=note]", "second: $(steps.build.html)\n    ---");
    let marks = page
        .browser
        .eval("document.querySelectorAll('[data-yaml=note] mark').length");
    assert_eq!(marks, 4);
    assert_eq!(
        page.browser
            .eval("document.querySelectorAll('img, #taken, script').length"),
        1,
        "only the page's own script"
    );
    assert_ne!(page.browser.eval("document.title"), "taken");
    let length = page.browser.eval("document.body.innerText.length");
    assert!(length.as_u64().unwrap() < 20_000, "{length}");
    page.is_sound("hostile");
}

pub(crate) fn the_page_can_be_used_with_the_keyboard() {
    let sidecar = Setup::new(VALUES).with(&ApiServer::start()).start();
    let mut page = Page::of(&sidecar);
    let focused = "(() => { const one = document.activeElement, style = getComputedStyle(one);
      const box = one.getBoundingClientRect();
      return [one.innerText.split('\\n')[0], style.outlineStyle, box.x >= 0 && box.width > 0]; })()";
    let mut reached = Vec::new();
    for _ in 0..5 {
        page.browser.press("Tab");
        let state = page.browser.eval(focused);
        assert_eq!(
            (&state[1], &state[2]),
            (&json!("solid"), &json!(true)),
            "{state}"
        );
        reached.push(state[0].as_str().unwrap().to_owned());
    }
    assert_eq!(
        reached,
        [
            "Skip to the state of the run",
            "Status",
            "YAML",
            "OpenAPI",
            "apiVersion: v1"
        ]
    );
    let live = "[...document.querySelectorAll('[aria-live], [role=alert]')].map((one) => one.id)";
    assert_eq!(page.browser.eval(live), json!(["summary", "link"]));
}

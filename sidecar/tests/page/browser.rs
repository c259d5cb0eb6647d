//! Controls headless Chromium with the DevTools protocol over pipes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The maximum wait for a response from the browser or for a state of the page. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);
/// The maximum height of a screenshot, in pixels.
const IMAGE_HEIGHT: u32 = 1000;
/// The pause between two checks of a condition.
const PERIOD: Duration = Duration::from_millis(50);

/// A browser with one page; killed on drop.
pub(crate) struct Browser {
    process: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: Value,
    next: u64,
    /// The errors that the page has caused.
    errors: Vec<String>,
    /// The URLs that the page has requested.
    requested: Vec<String>,
    _profile: TempDir,
}

/// Returns the name of the browser program, or an error message if Chromium is not installed.
pub(crate) fn program() -> Result<String, String> {
    let named = std::env::var("GLEANER_CHROMIUM").ok().into_iter();
    let usual = ["chromium", "chromium-browser", "google-chrome"];
    for name in named.chain(usual.map(str::to_owned)) {
        let version = Command::new(&name).arg("--version").output();
        if version.is_ok_and(|ran| ran.status.success()) {
            return Ok(name);
        }
    }
    Err("chromium is missing; install the package `chromium`, or set GLEANER_CHROMIUM".to_owned())
}

impl Browser {
    /// Starts the browser and opens `url`.
    pub(crate) fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads commands from descriptor 3 and writes messages to descriptor 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 0</dev/null 1>&2"#, "sh"])
            .arg(program().unwrap())
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run"])
            .args(["--no-proxy-server", "--hide-scrollbars"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|count| count > 0)
            {
                message.pop();
                let message = std::mem::take(&mut message);
                if sender
                    .send(serde_json::from_slice(&message).unwrap())
                    .is_err()
                {
                    return;
                }
            }
        });
        let mut browser = Self {
            commands: process.stdin.take().unwrap(),
            process,
            messages,
            session: Value::Null,
            next: 0,
            errors: Vec::new(),
            requested: Vec::new(),
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let target = json!({"targetId": page["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", &target)["sessionId"].take();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.resize(1000, 900);
        browser.call("Page.navigate", &json!({"url": url}));
        browser
    }

    /// Sets the size of the viewport, in pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Sets the color scheme that the user prefers: `light` or `dark`.
    pub(crate) fn color_scheme(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Presses a key, such as `Tab`.
    pub(crate) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": 9});
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Evaluates a JavaScript expression in the page and returns its value.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let call = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut result = self.call("Runtime.evaluate", &call);
        let thrown = &result["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        result["result"]["value"].take()
    }

    /// Waits until a JavaScript expression evaluates to true.
    #[track_caller]
    pub(crate) fn until(&mut self, condition: &str) {
        let end = Instant::now() + PATIENCE;
        while self.eval(condition) != true {
            let text = || "document.body?.innerText";
            assert!(
                Instant::now() < end,
                "timed out: {condition}; the page shows: {}",
                self.eval(text())
            );
            thread::sleep(PERIOD);
        }
    }

    /// Returns the visible text of the element that `selector` selects, or an empty string if no element matches.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let selector = json!(selector);
        let text = self.eval(&format!(
            "document.querySelector({selector})?.innerText ?? ''"
        ));
        text.as_str().unwrap().to_owned()
    }

    /// Writes a PNG of the upper part of the page.
    pub(crate) fn screenshot(&mut self, file: &Path) {
        let height = format!("Math.min(document.documentElement.scrollHeight, {IMAGE_HEIGHT})");
        let height = self.eval(&height);
        let width = self.eval("document.documentElement.clientWidth");
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let format = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.call("Page.captureScreenshot", &format);
        let bytes = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Returns the errors that the page has caused so far: exceptions, violations of the Content-Security-Policy, and failed
    /// requests.
    pub(crate) fn errors(&mut self) -> Vec<String> {
        // Make a call and wait for its response, which arrives after all events that earlier actions caused.
        self.eval("null");
        self.errors.clone()
    }

    /// Returns the URLs that the page has requested so far.
    pub(crate) fn requested(&self) -> &[String] {
        &self.requested
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut call = json!({"id": id, "method": method, "params": params});
        if !self.session.is_null() {
            call["sessionId"] = self.session.clone();
        }
        let mut bytes = serde_json::to_vec(&call).unwrap();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        loop {
            let mut message = match self.messages.recv_timeout(PATIENCE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("{method}: no response"),
                Err(RecvTimeoutError::Disconnected) => panic!("{method}: the browser exited"),
            };
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.record(&message);
        }
    }

    fn record(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.errors.push(params.to_string()),
            "Runtime.consoleAPICalled" => self.errors.push(params["args"].to_string()),
            "Log.entryAdded" if params["entry"]["level"] != "verbose" => {
                self.errors.push(params["entry"].to_string());
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap();
                self.requested.push(url.to_owned());
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Kill the whole process group: a remaining child process would write to the profile while the profile is deleted.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

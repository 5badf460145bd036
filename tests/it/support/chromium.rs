//! A real browser, without a window: Chromium, told what to do over a pipe (the DevTools protocol).

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossbeam_channel::{Receiver, unbounded};
use serde_json::{Value, json};

use super::shop::PATIENCE;

/// What it may be called.
const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell", "chrome-headless-shell"];

/// A browser with one page. Dropping it ends it.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    reader: Option<JoinHandle<()>>,
    session: String,
    next: u64,
    /// What happened and was not waited for.
    events: Vec<Value>,
    /// Every address that the page asked for.
    pub requests: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` where there is no Chromium, or one that does not start; the caller says so.
    pub fn start() -> Option<Browser> {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let program = NAMES
            .iter()
            .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|at| at.is_file()))?;
        let profile = tempfile::tempdir().expect("a profile");
        // The protocol is spoken on the descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, messages) = unbounded();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                bytes.pop();
                let message = serde_json::from_slice(&bytes).expect("JSON");
                bytes.clear();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            input,
            messages,
            reader: Some(reader),
            session: String::new(),
            next: 0,
            events: Vec::new(),
            requests: Vec::new(),
            _profile: profile,
        };
        // A stub in its place, which only says how to get one, ends without a word.
        browser.send("Browser.getVersion", json!({}));
        browser.messages.recv_timeout(PATIENCE).ok()?;
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Network", "Accessibility", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// One command of the protocol, and what it gives.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        loop {
            let message = self.receive(method);
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// Sends a command, and gives its number.
    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        // Where it has gone, the answer that does not come says so.
        let _ = self.input.write_all(&bytes);
        self.next
    }

    fn receive(&mut self, what: &str) -> Value {
        let message = self.messages.recv_timeout(PATIENCE);
        let message = message.unwrap_or_else(|error| panic!("the browser says nothing: {what}: {error}"));
        if message["method"] == "Network.requestWillBeSent" {
            let url = message["params"]["request"]["url"].as_str().unwrap_or_default();
            self.requests.push(url.to_owned());
        }
        message
    }

    /// Waits for something to happen after the last [`Browser::forget`].
    fn wait_for(&mut self, event: &str) {
        while !self.events.iter().any(|message| message["method"] == event) {
            let message = self.receive(event);
            self.events.push(message);
        }
    }

    /// What went wrong on the page: exceptions, and what the browser calls an error, such as what the policy of
    /// the page forbids. That an answer is no 200 is the test's to judge.
    pub fn complaints(&self) -> Vec<&Value> {
        let is_complaint = |message: &&Value| {
            let entry = &message["params"]["entry"];
            let is_error = entry["level"] == "error" && entry["source"] != "network";
            message["method"] == "Runtime.exceptionThrown"
                || (message["method"] == "Log.entryAdded" && is_error)
        };
        self.events.iter().filter(is_complaint).collect()
    }

    /// Opens an address and waits until its page is whole.
    pub fn open(&mut self, url: &str) {
        self.events.retain(|message| message["method"] != "Page.loadEventFired");
        self.call("Page.navigate", json!({ "url": url }));
        self.wait_for("Page.loadEventFired");
    }

    /// The value of an expression on the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let given = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", given);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of what a selector names, as it is seen.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText ?? ''", json!(selector)));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses what a selector names with the mouse, and waits for the page that follows.
    pub fn press(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const it = document.querySelector({}); if (!it) return null;
               it.scrollIntoView({{ block: 'center', behavior: 'instant' }}); const box = it.getBoundingClientRect();
               return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        ));
        let (x, y) = (place[0].as_f64(), place[1].as_f64());
        let (Some(x), Some(y)) = (x, y) else { panic!("there is no {selector}: {}", self.text("main")) };
        self.events.retain(|message| message["method"] != "Page.loadEventFired");
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
        self.wait_for("Page.loadEventFired");
    }

    /// Presses a key, as a hand does.
    pub fn key(&mut self, key: &str, code: i64, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Presses Enter, and waits for the page that follows.
    pub fn enter(&mut self) {
        self.events.retain(|message| message["method"] != "Page.loadEventFired");
        self.key("Enter", 13, "\r");
        self.wait_for("Page.loadEventFired");
    }

    /// A window of so many points, `dark` or light.
    pub fn look(&mut self, width: u32, height: u32, dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// A picture of the whole page, in the folder for what tests leave behind.
    pub fn picture(&mut self, name: &str) {
        let shot = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let bytes = STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

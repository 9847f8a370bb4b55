//! `mortise plugin dev` keeps a running server at what the source says: a change is in force without a restart, a source that
//! does not compile leaves the last good plugin there, and what its calls did is shown.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mortise_tests::Client;
use mortise_tests::plugins::{lock_versions, wasm_target};
use mortise_tests::server::{Installation, Server, binary, workspace};
use serde_json::json;

/// A machine that does much else compiles the kit in minutes.
const PATIENCE: Duration = Duration::from_secs(480);

/// `mortise plugin dev` at work; dropped, it is ended.
struct Dev {
    process: Child,
    said: Arc<Mutex<String>>,
}

impl Dev {
    fn start(folder: &Path, server: &Server, token: &str) -> Dev {
        let mut command = author(folder, &["dev"]);
        command.env("MORTISE_SERVER", format!("http://{}/t/demo", server.address()));
        command.env("MORTISE_TOKEN", token).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary can be started");
        let said = Arc::new(Mutex::new(String::new()));
        listen(process.stdout.take().expect("stdout is a pipe"), &said);
        listen(process.stderr.take().expect("stderr is a pipe"), &said);
        Dev { process, said }
    }

    /// Waits until it has said this; the call fails with everything that it said instead.
    #[track_caller]
    fn wait_for(&mut self, words: &str) {
        let begun = Instant::now();
        loop {
            let said = self.said.lock().expect("nobody panics with it").clone();
            if said.contains(words) {
                return;
            }
            let ended = self.process.try_wait().expect("the process is ours");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "no “{words}” ({ended:?}):\n{said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().expect("nobody panics with it");
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// `mortise plugin …` in a folder, in English.
fn author(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("plugin").args(arguments).current_dir(folder);
    command.env("MORTISE_SDK", workspace().join("sdk")).env("MORTISE_LANGUAGE", "en");
    command.env("CARGO_TARGET_DIR", wasm_target());
    command
}

/// What saving an account without a credit code is answered.
fn refusal(administrator: &mut Client) -> String {
    let account = json!({ "name": "Acme Machines" });
    let answer = administrator.json("POST", "/t/demo/api/v1/records/sales-core.account", &account);
    answer.expect("the server answers").expect(422).text()
}

/// Saves until the answer is this, which is soon; the plugin that was there before answers meanwhile.
#[track_caller]
fn wait_for_refusal(administrator: &mut Client, dev: &mut Dev, words: &str) {
    let begun = Instant::now();
    loop {
        let told = refusal(administrator);
        if told.contains(words) {
            return;
        }
        let said = dev.said.lock().expect("nobody panics with it").clone();
        assert!(begun.elapsed() < PATIENCE, "{told}\n{said}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_change_of_the_source_is_in_force_without_a_restart() {
    let installation = Installation::new();
    installation.tenant(&["app-templates/sales-core"]);
    let server = installation.serve();
    let mut administrator = server.administrator();
    let asked = json!({ "name": "dev", "scopes": ["admin"] });
    let token = administrator.json("POST", "/t/demo/api/v1/tokens", &asked).expect("the server answers");
    let token = token.expect(201).json()["token"].as_str().expect("it is shown once").to_owned();

    let place = tempfile::tempdir().expect("the system has a temporary folder");
    let new = ["new", "credit-code", "--entity", "account", "--input", "credit_code"];
    assert!(author(place.path(), &new).status().expect("the binary can be started").success());
    let folder = place.path().join("credit-code");
    lock_versions(&folder);
    let source = folder.join("src/lib.rs");
    let first = std::fs::read_to_string(&source).expect("the scaffold has a source");

    let mut dev = Dev::start(&folder, &server, &token);
    dev.wait_for("Waiting for a change");
    assert!(refusal(&mut administrator).contains("must be filled in"));
    dev.wait_for("validator credit-code: ok");

    let change = |text: &str| std::fs::write(&source, text).expect("the folder is ours");
    let second = first
        .replace("must be filled in", "is what we ask for")
        .replace("    let empty", "    _cx.log().info(\"looked at one\");\n    let empty");
    change(&second);
    wait_for_refusal(&mut administrator, &mut dev, "is what we ask for");
    dev.wait_for("info: looked at one");

    change(&second.replace("    let empty", "    let nothing"));
    dev.wait_for("author.tool_failed");
    assert!(refusal(&mut administrator).contains("is what we ask for"), "the last good one stays");

    change(&second.replace("is what we ask for", "is asked for once more"));
    wait_for_refusal(&mut administrator, &mut dev, "is asked for once more");
}

//! The tutorial for authors of plugins is true: its files are written and its commands run, from its own text, in a folder of
//! their own and against a server that runs; then the plugin does what the tutorial promises.

use std::path::Path;
use std::process::Command;

use mortise_tests::plugins::{lock_versions, wasm_target};
use mortise_tests::server::{Installation, binary, workspace};
use serde_json::json;

/// A fenced piece of the page: what stands behind its fence, and its text.
struct Block {
    info: String,
    text: String,
}

impl Block {
    fn word(&self, key: &str) -> Option<&str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix(key))
    }

    /// Whether it is for this language, or for all.
    fn is_for(&self, language: &str) -> bool {
        let only = self.word("only=").or_else(|| self.word("run="));
        only.is_none_or(|only| only == language)
    }
}

/// The pieces of a page in their order.
fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info: info.to_owned(), text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

/// A folder whose only program is `mortise`.
fn path_with_mortise(folder: &Path) -> std::ffi::OsString {
    let programs = folder.join("bin");
    std::fs::create_dir_all(&programs).expect("the folder is ours");
    std::os::unix::fs::symlink(binary(), programs.join("mortise")).expect("the folder is ours");
    let path = std::env::var_os("PATH").expect("there is a search path");
    std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)))
        .expect("paths can be joined")
}

/// Does what the page says, for one language; the folder in which it was done.
fn follow(page: &str, language: &str, installation: &Installation) -> (tempfile::TempDir, usize) {
    let text =
        std::fs::read_to_string(workspace().join("docs/plugins").join(page)).expect("the page is there");
    let place = tempfile::tempdir().expect("the system has a temporary folder");
    let search = path_with_mortise(place.path());
    let mut commands = 0;
    for block in blocks(&text).iter().filter(|block| block.is_for(language)) {
        if let Some(file) = block.word("file=") {
            let path = place.path().join(file);
            assert!(path.parent().is_some_and(Path::is_dir), "{file} lies in a folder that the scaffold has");
            std::fs::write(path, &block.text).expect("the folder is ours");
        }
        if !block.info.split_whitespace().any(|word| word == "run" || word.starts_with("run=")) {
            continue;
        }
        for line in block.text.lines() {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]).current_dir(place.path()).env("PATH", &search);
            shell.env("MORTISE_SDK", workspace().join("sdk")).env("MORTISE_DATA", installation.data());
            shell.env("CARGO_TARGET_DIR", wasm_target()).env_remove("MORTISE_LANGUAGE");
            let output = shell.output().expect("there is a shell");
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{said}");
            commands += 1;
            if language == "rust" {
                lock_versions(&place.path().join("credit-code"));
            }
        }
    }
    (place, commands)
}

/// Follows a page in one language and tries what it promises.
fn tutorial(page: &str, language: &str) {
    let installation = Installation::new();
    installation.tenant(&["app-templates/sales-core"]);
    let server = installation.serve();
    let (_place, commands) = follow(page, language, &installation);
    assert!(commands >= 5, "{commands} commands were found on the page");
    let mut administrator = server.administrator();
    let account = |code: &str| json!({ "name": "Acme Machines", "credit_code": code });
    let refused = administrator.json(
        "POST",
        "/t/demo/api/v1/records/sales-core.account",
        &account("91350100M000010Y43"),
    );
    let refused = refused.expect("the server answers").expect(422).json();
    assert!(refused.to_string().contains("credit_code"), "{refused:#}");
    let told = ["check digit", "校验位"].iter().any(|words| refused.to_string().contains(words));
    assert!(told, "{refused:#}");
    let taken = administrator.json(
        "POST",
        "/t/demo/api/v1/records/sales-core.account",
        &account("91350100M000100Y43"),
    );
    taken.expect("the server answers").expect(201);
}

#[test]
fn the_tutorial_leads_to_a_working_plugin_in_rust() {
    tutorial("tutorial.md", "rust");
}

#[test]
fn the_tutorial_leads_to_a_working_plugin_in_typescript() {
    tutorial("tutorial.md", "typescript");
}

#[test]
fn the_tutorial_leads_to_a_working_plugin_in_python() {
    tutorial("tutorial.md", "python");
}

#[test]
fn the_chinese_tutorial_leads_to_a_working_plugin_too() {
    tutorial("tutorial.zh-CN.md", "rust");
}

#[test]
fn both_tutorials_have_the_same_steps() {
    let steps = |page: &str| {
        let path = workspace().join("docs/plugins").join(page);
        let text = std::fs::read_to_string(path).expect("the page is there");
        let steps = blocks(&text).into_iter().filter(|block| block.info.contains("run"));
        steps.map(|block| block.text).collect::<Vec<_>>()
    };
    assert_eq!(steps("tutorial.md"), steps("tutorial.zh-CN.md"));
}

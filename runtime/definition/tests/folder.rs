//! Reading an app from its folder: what is passed over, what is refused, nothing outside of the folder is touched.

use std::path::Path;

use mortise_definition::Package;

fn write(folder: &Path, path: &str, content: &[u8]) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().expect("the path is within the folder"))
        .expect("the folder is writable");
    std::fs::write(file, content).expect("the folder is writable");
}

fn app() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    write(folder.path(), "app.json", br#"{"id": "a", "version": "1.0.0", "label": "A"}"#);
    folder
}

fn codes(folder: &Path) -> Vec<String> {
    let problems = Package::read_folder(folder).expect_err("the folder is wrong");
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.file)).collect()
}

#[test]
fn documents_demo_data_and_hidden_files_are_passed_over() {
    let folder = app();
    for path in
        ["README.md", "LICENSE", "demo/names.json", "demo/a/b.bin", ".DS_Store", "views/.swp", ".git/config"]
    {
        write(folder.path(), path, b"\xff");
    }
    let files = Package::read_folder(folder.path()).expect("only the manifest counts").files();
    assert_eq!(files.into_keys().collect::<Vec<_>>(), ["app.json"]);
}

#[test]
fn a_byte_order_mark_does_not_matter() {
    let folder = app();
    write(
        folder.path(),
        "app.json",
        "\u{feff}{\"id\": \"a\", \"version\": \"1.0.0\", \"label\": \"A\"}".as_bytes(),
    );
    assert_eq!(Package::read_folder(folder.path()).expect("the mark is skipped").app.id, "a");
}

#[test]
fn files_that_cannot_be_artifacts_are_refused() {
    let folder = app();
    write(folder.path(), "views/a.json", b"{\"id\": \"\xc3\x28\"}");
    assert_eq!(codes(folder.path()), ["package.not_utf8 views/a.json"]);
    let folder = app();
    write(folder.path(), "views/deep/a.json", b"{}");
    assert_eq!(codes(folder.path()), ["package.unknown_file views/deep"]);
    assert_eq!(codes(&folder.path().join("nowhere")).len(), 1);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let folder = app();
    let outside = tempfile::tempdir().expect("there is room for a folder");
    write(outside.path(), "secret.json", b"{}");
    std::fs::create_dir(folder.path().join("views")).expect("the folder is writable");
    std::os::unix::fs::symlink(outside.path().join("secret.json"), folder.path().join("views/secret.json"))
        .expect("links can be made");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("roles")).expect("links can be made");
    let mut found = codes(folder.path());
    found.sort();
    assert_eq!(found, ["package.unknown_file roles", "package.unknown_file views/secret.json"]);
}

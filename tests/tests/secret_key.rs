//! The key of secrets: made at the first start, asked for at every other, the same on all nodes, and changed on demand.

use std::path::Path;

use mortise_tests::{Installation, people};
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn write_app(folder: &Path) {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let files = [
        ("app.json", json!({"id": "desk", "version": "1.0.0", "label": words("Desk")})),
        ("connectors/out.json", json!({"id": "out", "label": words("Out"), "kind": "webhook"})),
    ];
    for (name, json) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("a folder can be made");
        std::fs::write(path, json.to_string()).expect("a file can be written");
    }
}

/// A tenant with a connector that has a secret.
fn prepare(installation: &Installation) {
    let app = installation.data().join("desk-app");
    write_app(&app);
    installation.tenant(&[&app.to_string_lossy()]);
    let server = installation.serve();
    let body = json!({"url": "https://example.com/in", "secret": SECRET});
    let path = "/t/demo/api/v1/connectors/desk.out";
    server.administrator().json("PUT", path, &body).expect("the server answers").expect(204);
    server.stop();
}

/// What a command says that fails.
fn refused(installation: &Installation, arguments: &[&str]) -> String {
    let output = installation.try_run(arguments, "");
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn locked(installation: &Installation) -> Value {
    let server = installation.serve();
    let all = server
        .administrator()
        .get("/t/demo/api/v1/connectors")
        .expect("the server answers")
        .expect(200)
        .json();
    server.stop();
    let rows = all["rows"].as_array().expect("rows").iter();
    rows.filter(|row| row["key"] == "desk.out").map(|row| json!([row["locked"], row["has_secret"]])).collect()
}

fn check(installation: &Installation) {
    prepare(installation);
    let key = installation.data().join("secret.key");
    let first = std::fs::read_to_string(&key).expect("the first start has made a key");
    assert_eq!(locked(installation), json!([[false, true]]));
    installation.run(&["doctor"]);

    // Without the key, and with another one, nothing starts; in words that help.
    let away = installation.data().join("away");
    std::fs::rename(&key, &away).expect("the file can be moved");
    let told = refused(installation, &["--language", "en", "verify"]);
    assert!(told.contains("there is no key here") && told.contains("secret.key"), "{told}");
    assert!(!key.exists(), "no other key is made in its place");
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("the file can be written");
    let told = installation.try_run(&["--language", "zh-CN", "doctor"], "");
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stdout).contains("而这里的密钥是"));
    let told = installation.try_run(&["--language", "en", "--json", "doctor"], "");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("the one here is"), "{told}");
    std::fs::write(&key, "short").expect("the file can be written");
    assert!(refused(installation, &["--language", "en", "verify"]).contains("32 bytes in base64"));
    std::fs::rename(&away, &key).expect("the file can be moved");

    // Others must not read it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        mode(0o644);
        let told = installation.try_run(&["--language", "en", "--json", "doctor"], "");
        assert!(String::from_utf8_lossy(&told.stdout).contains("chmod 600"));
        mode(0o600);
    }

    installation.run(&["secret", "rotate"]);
    let rotated = std::fs::read_to_string(&key).expect("there is a key");
    assert!(
        rotated.lines().count() == 2 && rotated.ends_with(&first),
        "the old key stays behind the new one"
    );
    std::fs::write(&key, rotated.lines().next().expect("a line")).expect("the file can be written");
    assert_eq!(locked(installation), json!([[false, true]]), "nothing needs the old key any more");

    // A running server changes it, too.
    let server = installation.serve();
    installation.run(&["secret", "rotate"]);
    let all =
        server.administrator().get("/t/demo/api/v1/connectors").expect("the server answers").expect(200);
    assert!(!all.text().contains("\"locked\":true"));
    server.stop();
    installation.run(&["verify", "demo"]);
}

#[test]
fn the_key_is_made_asked_for_and_changed_on_sqlite() {
    let installation = Installation::new();
    check(&installation);
    let file =
        std::fs::read(installation.data().join("tenants/demo/tenant.db")).expect("the tenant has a file");
    assert!(!file.windows(12).any(|bytes| bytes == &SECRET.as_bytes()[6..18]));
}

#[test]
fn the_key_is_made_asked_for_and_changed_on_postgresql() {
    if let Some(url) = mortise_tests::postgres() {
        check(&Installation::on(Some(&url)));
    }
}

#[test]
fn a_node_takes_its_key_from_the_environment_and_is_refused_with_another_one() {
    let installation = Installation::new();
    prepare(&installation);
    let key = installation.data().join("secret.key");
    let text = std::fs::read_to_string(&key).expect("there is a key");
    std::fs::remove_file(&key).expect("the file can be removed");
    let server = installation.serve_with(&[("MORTISE_SECRET_KEY", text.trim())]);
    let (_, token) = people::person(&mut server.administrator(), "reader", &[]);
    assert!(!token.is_empty() && !key.exists());
    let told = refused(&installation, &["--language", "en", "secret", "rotate"]);
    assert!(told.contains("MORTISE_SECRET_KEY"), "{told}");
    server.stop();
}

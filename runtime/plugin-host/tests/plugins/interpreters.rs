//! The exhibits of the museum that carry an interpreter: one in TypeScript, one in Python. They take seconds to compile, and
//! so their machine code is kept between runs of the tests.

use std::path::Path;
use std::sync::Arc;

use mortise_definition::Problem;
use mortise_plugin_host::limits::{Limits, Settings};
use mortise_plugin_host::value::{Entry, Field, Outcome, Value};
use mortise_plugin_host::{Compiler, Package, Permissions, Plugin, PluginHost, compatibility, inspect};

use crate::support::{Memory, invocation, invocation_with};

const KEYWORD_CHECK: &[u8] = include_bytes!("../museum/typescript-0.1.0-keyword-check.plugin");
const SEMANTIC_TAGS: &[u8] = include_bytes!("../museum/python-0.1.0-semantic-tags.plugin");

fn read(exhibit: &[u8]) -> Package {
    Package::read(exhibit, &Settings::default()).unwrap()
}

async fn install(package: &Package) -> Arc<Plugin> {
    let code = Path::new(env!("CARGO_TARGET_TMPDIR")).join("museum");
    let patient = Limits { wall_ms: 20_000, cpu_ms_dynamic: 10_000, ..Limits::BACKGROUND };
    let settings = Settings { background: patient, ..Settings::default() };
    let host = PluginHost::open(settings, &code, Compiler::InProcess).unwrap();
    host.install(package, &semver::Version::new(0, 1, 0)).await.unwrap()
}

async fn run(plugin: &Plugin, granted: Option<Memory>, action: &str, text: &str) -> Vec<Field> {
    let invocation = match granted {
        Some(memory) => invocation_with(plugin.manifest().permissions.clone(), memory),
        None => invocation(),
    };
    let input = [Field::new("text", Value::Text(text.into()))];
    let ran = plugin.run(&invocation, action, &input, None).await;
    match ran.outcome {
        Ok(Outcome::Done(fields)) => fields,
        other => panic!("{other:?} {:?}", ran.record.lines),
    }
}

fn value<'a>(fields: &'a [Field], name: &str) -> &'a Value {
    &fields.iter().find(|field| field.name == name).unwrap().value
}

fn many(texts: &[&str]) -> Value {
    Value::Many(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn exhibits_with_an_interpreter_import_what_their_manifest_says_and_nothing_of_wasi() {
    for package in [read(KEYWORD_CHECK), read(SEMANTIC_TAGS)] {
        let interfaces = inspect("plugin.wasm", &package.component).unwrap();
        assert!(!interfaces.imports.iter().any(|import| import.starts_with("wasi:")), "{interfaces:?}");
        let problems = compatibility(&interfaces, &package.manifest, &semver::Version::new(0, 1, 0));
        assert!(!problems.iter().any(Problem::is_error), "{}: {problems:?}", package.manifest.id);
    }
}

#[tokio::test]
async fn a_conversation_is_checked_for_keywords_in_typescript() {
    let plugin = install(&read(KEYWORD_CHECK)).await;
    let mut asked = invocation();
    let keywords = r#"["报价单", {"keyword": "付款方式", "also": ["payment"]}]"#;
    asked.call.config = vec![Field::new("keywords", Value::Json(keywords.into()))];
    let input = [Field::new("text", Value::Text("Payment in 30 days.".into()))];
    let ran = plugin.run(&asked, "check", &input, None).await;
    let Ok(Outcome::Done(fields)) = ran.outcome else { panic!("{:?}", ran.outcome) };
    assert_eq!(value(&fields, "missing"), &many(&["报价单"]));
    assert_eq!(value(&fields, "covered_percent"), &Value::Integer(50));
}

#[tokio::test]
async fn a_text_is_tagged_in_python_with_the_library_only_if_that_was_granted() {
    let plugin = install(&read(SEMANTIC_TAGS)).await;
    let field = |name: &str, words: &str| Field::new(name, Value::Text(words.into()));
    let term = Entry {
        entity: "term".into(),
        id: Some("t".into()),
        fields: vec![field("name", "集采续标"), field("tag", "政策")],
    };
    let memory = Memory { things: vec![term], ..Memory::default() };
    let fields = run(&plugin, Some(memory), "tag", "明年集采续标").await;
    assert_eq!(value(&fields, "tags"), &many(&["政策"]));
    assert_ne!(plugin.manifest().permissions, Permissions::default());
    let fields = run(&plugin, None, "tag", "明年集采续标").await;
    assert_eq!(value(&fields, "tags"), &many(&[]));
}

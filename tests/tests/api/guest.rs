//! A plugin made of text for these tests and those in the browser: its check refuses names that begin with an X, or breaks
//! down, as it is made; its action does nothing, so that it can ask for something.

use std::collections::BTreeMap;

use mortise_plugin_host::Package;
use mortise_plugin_host::manifest::Manifest;
use serde_json::{Value, json};

/// The id of the plugin.
pub(crate) const ID: &str = "test.names";

/// What its check does.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// Refuses names that begin with an X.
    NoX,
    /// Breaks down.
    Trap,
}

/// The layouts are those of the canonical ABI: the fields of the record stand at 128 of the arguments, a text has the kind 5.
const CHECKING: &str = r#"
  (local $fields i32)
  (local.set $fields (i32.load offset=128 (local.get $p)))
  (if (i32.eq (i32.load8_u offset=8 (local.get $fields)) (i32.const 5))
    (then (if (i32.eq (i32.load8_u (i32.load offset=16 (local.get $fields))) (i32.const 88))
      (then
        (i32.store (i32.const 2060) (i32.const 64)) (i32.store (i32.const 2064) (i32.const 4))
        (i32.store (i32.const 2068) (i32.const 72)) (i32.store (i32.const 2072) (i32.const 25))
        (i64.store (i32.const 1024) (i64.const 0))
        (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1))
        (return (i32.const 1024))))))
  (i64.store (i32.const 1024) (i64.const 0)) (i64.store (i32.const 1032) (i64.const 0))
  (i32.const 1024)"#;

fn module(check: Check) -> String {
    let check = match check {
        Check::NoX => CHECKING,
        Check::Trap => "(unreachable)",
    };
    let functions = format!(
        r#"(data (i32.const 64) "no_x....No name begins with an X.")
          (func (export "mortise:validation/validator@1.0.0#validate") (param $p i32) (result i32) {check})
          (func (export "mortise:workflow/action@1.0.0#run") (param i32) (result i32) (i32.const 4096))"#
    );
    mortise_wit::module_text("", &functions)
}

/// Its manifest, about the first field of an entity; it asks for calling these hosts.
pub(crate) fn manifest(version: &str, (entity, field): (&str, &str), hosts: &[&str]) -> Value {
    let call = |host: &&str| json!({"host": host, "methods": ["GET", "POST"], "credential": "key"});
    json!({
        "id": ID,
        "version": version,
        "title": {"en": "Name check", "zh-CN": "名称检查"},
        "description": {"en": "Refuses names that begin with an X.", "zh-CN": "拒绝以 X 开头的名称。"},
        "runtime": ">=0.1, <3",
        "exports": [
            {"point": "validator", "name": "names", "entity": entity, "input": [field],
             "title": {"en": "Names", "zh-CN": "名称"}},
            {"point": "action", "name": "send"},
        ],
        "permissions": {
            "records.read": [{"entity": entity, "fields": [field]}],
            "http": hosts.iter().map(call).collect::<Vec<_>>(),
            "storage": {"bytes": 1_048_576},
        },
        "settings": [
            {"name": "limit", "type": "integer", "default": 7, "title": {"en": "Limit", "zh-CN": "上限"}},
            {"name": "strict", "type": "boolean", "default": false, "title": {"en": "Strict", "zh-CN": "严格"}},
            {"name": "words", "type": "many", "title": {"en": "Words", "zh-CN": "词语"}},
            {"name": "terms", "type": "json", "title": {"en": "Terms", "zh-CN": "词库"},
             "columns": [
                 {"name": "term", "type": "text", "required": true, "title": {"en": "Term", "zh-CN": "词条"}},
                 {"name": "weight", "type": "integer", "title": {"en": "Weight", "zh-CN": "权重"}},
                 {"name": "also", "type": "many", "title": {"en": "Other words", "zh-CN": "同义词"}},
             ],
             "default": [{"term": "交期", "weight": 2, "also": ["晚到", "late"]}]},
        ],
        "secrets": [{"name": "key", "title": {"en": "Access key", "zh-CN": "访问密钥"},
                     "inject": {"header": "Authorization", "format": "Bearer {}"}}],
    })
}

/// The package.
pub(crate) fn package(manifest: &Value, check: Check) -> Vec<u8> {
    let parsed = Manifest::parse(&manifest.to_string()).expect("the manifest is right");
    let module = wat::parse_str(module(check)).expect("the text is right");
    let (imports, exports) = (parsed.imports(), parsed.export_interfaces());
    let component =
        mortise_wit::componentize(&module, &imports, &exports).expect("it exports what it declares");
    let package =
        Package::of(manifest.to_string(), component, BTreeMap::new()).expect("the manifest is right");
    package.write().expect("memory takes it")
}

//! A plugin made of text, which does what the first letters of a record's first field say: the first letter is for the
//! hook, the second for the validator. Whatever it does not know is fine with it.

use std::collections::BTreeMap;

use mortise_plugin_host::Package;
use mortise_plugin_host::manifest::Manifest;
use serde_json::{Value as Json, json};

/// What it does, letter by letter. The layouts are those of the canonical ABI.
const IMPORTS: &str = r#"(import "mortise:records/read@1.0.0" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32)))
  (import "mortise:budget/budget@1.0.0" "remaining" (func $remaining (param i32)))
  (import "mortise:log/log@1.0.0" "write" (func $write (param i32 i32 i32 i32)))"#;
const FUNCTIONS: &str = r#"(data (i32.const 64) "amount..note....name....state...reason..job.....bad.....got.....sorry...info....hidden..abc.....done....")
  (data (i32.const 192) "not like this...cannot say......seen............")
  ;; A letter of the first field, which is a text; 0 when there is none.
  (func $letter (param $fields i32) (param $place i32) (result i32)
    (if (result i32) (i32.eq (i32.load8_u offset=8 (local.get $fields)) (i32.const 5))
      (then (if (result i32) (i32.gt_u (i32.load offset=20 (local.get $fields)) (local.get $place))
        (then (i32.load8_u (i32.add (i32.load offset=16 (local.get $fields)) (local.get $place))))
        (else (i32.const 0))))
      (else (i32.const 0))))
  ;; One violation about the name.
  (func $violation (param $code i32) (param $code_len i32) (param $text i32) (param $text_len i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 1))
    (i32.store (i32.const 2052) (i32.const 80)) (i32.store (i32.const 2056) (i32.const 4))
    (i32.store (i32.const 2060) (local.get $code)) (i32.store (i32.const 2064) (local.get $code_len))
    (i32.store (i32.const 2068) (local.get $text)) (i32.store (i32.const 2072) (local.get $text_len))
    (i64.store (i32.const 1024) (i64.const 0))
    (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1))
    (i32.const 1024))
  (func $good (result i32)
    (i64.store (i32.const 1024) (i64.const 0)) (i64.store (i32.const 1032) (i64.const 0)) (i32.const 1024))
  ;; Reads the note of the job whose id stands behind the two letters, and complains about what is there.
  (func $look (param $fields i32) (result i32)
    (local $found i32)
    (i32.store (i32.const 512) (i32.const 72)) (i32.store (i32.const 516) (i32.const 4))
    (call $get (i32.const 104) (i32.const 3)
      (i32.add (i32.load offset=16 (local.get $fields)) (i32.const 2)) (i32.const 36)
      (i32.const 512) (i32.const 1) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then (return (i32.const 1024))))
    (if (i32.eqz (i32.load8_u (i32.const 1032))) (then (return (call $good))))
    (local.set $found (i32.load (i32.const 1056)))
    (if (result i32) (i32.eq (i32.load8_u offset=8 (local.get $found)) (i32.const 5))
      (then (call $violation (i32.const 120) (i32.const 3)
        (i32.load offset=16 (local.get $found)) (i32.load offset=20 (local.get $found))))
      (else (call $violation (i32.const 120) (i32.const 3) (i32.const 144) (i32.const 6)))))
  (func (export "mortise:validation/validator@1.0.0#validate") (param $p i32) (result i32)
    (local $fields i32) (local $letter i32) (local $left i32)
    (local.set $fields (i32.load offset=128 (local.get $p)))
    (local.set $letter (call $letter (local.get $fields) (i32.const 1)))
    (if (i32.eq (local.get $letter) (i32.const 66)) ;; B: bad
      (then (return (call $violation (i32.const 112) (i32.const 3) (i32.const 192) (i32.const 13)))))
    (if (i32.eq (local.get $letter) (i32.const 77)) ;; M: an amount has to be there
      (then (if (i32.eqz (i32.load8_u offset=40 (local.get $fields)))
        (then (return (call $violation (i32.const 112) (i32.const 3) (i32.const 64) (i32.const 6)))))))
    (if (i32.eq (local.get $letter) (i32.const 84)) (then (unreachable))) ;; T: trap
    (if (i32.eq (local.get $letter) (i32.const 76)) (then (loop $ever (br $ever)))) ;; L: loop
    (if (i32.eq (local.get $letter) (i32.const 70)) ;; F: fault
      (then
        (i32.store8 (i32.const 1024) (i32.const 1))
        (i32.store (i32.const 1032) (i32.const 128)) (i32.store (i32.const 1036) (i32.const 5))
        (i32.store (i32.const 1040) (i32.const 208)) (i32.store (i32.const 1044) (i32.const 10))
        (i64.store (i32.const 1048) (i64.const 0))
        (return (i32.const 1024))))
    (if (i32.eq (local.get $letter) (i32.const 68)) ;; D: thirty calls to the host
      (then
        (local.set $left (i32.const 30))
        (loop $again
          (call $remaining (i32.const 1024))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $again (local.get $left)))))
    (if (i32.eq (local.get $letter) (i32.const 87)) ;; W: a word for the log
      (then (call $write (i32.const 136) (i32.const 4) (i32.const 224) (i32.const 4))))
    (if (i32.eq (local.get $letter) (i32.const 71)) ;; G: look at another job
      (then (return (call $look (local.get $fields)))))
    (call $good))
  ;; Sets one field: its name, the kind of its value and what goes with that.
  (func $set (param $name i32) (param $len i32) (param $kind i32) (param $value i64) (result i32)
    (i32.store (i32.const 4096) (local.get $name)) (i32.store (i32.const 4100) (local.get $len))
    (i32.store8 (i32.const 4104) (local.get $kind)) (i64.store (i32.const 4112) (local.get $value))
    (i64.store (i32.const 1024) (i64.const 0)) (i32.store8 (i32.const 1032) (i32.const 1))
    (i32.store (i32.const 1040) (i32.const 4096)) (i32.store (i32.const 1044) (i32.const 1))
    (i32.const 1024))
  (func $reject (result i32)
    (i64.store (i32.const 1024) (i64.const 0)) (i32.store8 (i32.const 1032) (i32.const 2))
    (i32.store (i32.const 1040) (i32.const 128)) (i32.store (i32.const 1044) (i32.const 5))
    (i32.store (i32.const 1048) (i32.const 208)) (i32.store (i32.const 1052) (i32.const 10))
    (i64.store (i32.const 1056) (i64.const 0))
    (i32.const 1024))
  (func (export "mortise:hooks/before-save@1.0.0#before-save") (param $p i32) (result i32)
    (local $fields i32) (local $before i32) (local $letter i32)
    (local.set $before (i32.load offset=108 (local.get $p)))
    (if (i32.eqz (i32.load8_u offset=116 (local.get $p))) ;; into the trash
      (then
        (if (i32.eq (call $letter (local.get $before) (i32.const 0)) (i32.const 75)) (then (return (call $reject))))
        (return (call $good))))
    (local.set $fields (i32.load offset=140 (local.get $p)))
    (local.set $letter (call $letter (local.get $fields) (i32.const 0)))
    (if (i32.eq (local.get $letter) (i32.const 67)) ;; C: change
      (then (return (call $set (i32.const 64) (i32.const 6) (i32.const 2) (i64.const 21)))))
    (if (i32.and (i32.eq (local.get $letter) (i32.const 73)) (i32.load8_u offset=84 (local.get $p))) ;; I: increase
      (then (return (call $set (i32.const 64) (i32.const 6) (i32.const 2)
        (i64.add (i64.load offset=48 (local.get $before)) (i64.const 1))))))
    (if (i32.eq (local.get $letter) (i32.const 88)) (then (return (call $reject)))) ;; X: reject
    (if (i32.eq (local.get $letter) (i32.const 84)) (then (unreachable))) ;; T: trap
    (if (i32.eq (local.get $letter) (i32.const 79)) ;; O: a value of the wrong type
      (then (return (call $set (i32.const 64) (i32.const 6) (i32.const 5) (i64.const 0x3_00000098)))))
    (if (i32.eq (local.get $letter) (i32.const 83)) ;; S: the state
      (then (return (call $set (i32.const 88) (i32.const 5) (i32.const 5) (i64.const 0x4_000000a0)))))
    (if (i32.eq (local.get $letter) (i32.const 85)) ;; U: an undeclared field
      (then (return (call $set (i32.const 96) (i32.const 6) (i32.const 5) (i64.const 0x3_00000098)))))
    (if (i32.eq (local.get $letter) (i32.const 81)) ;; Q: what has to be there goes away
      (then (return (call $set (i32.const 80) (i32.const 4) (i32.const 0) (i64.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 90)) ;; Z: points to the record whose id stands behind the letter
      (then
        (i32.store (i32.const 4120) (i32.add (i32.load offset=16 (local.get $fields)) (i32.const 1)))
        (i32.store (i32.const 4124) (i32.const 36))
        (return (call $set (i32.const 104) (i32.const 3) (i32.const 9) (i64.const 0x3_00000068)))))
    (call $good))"#;

/// What it asks for.
pub(crate) fn asked() -> Json {
    json!({"records.read": [{"entity": "job", "fields": ["name", "note", "reason", "amount"]}]})
}

/// Exports of the plugin, with more keys for each of them. Only validators can be put off: what may change a record is passed
/// over then.
pub(crate) fn exports(more: &Json) -> Vec<Json> {
    let mut exports = vec![
        json!({"point": "before-save", "name": "hook", "entity": "job", "input": ["name", "amount"],
            "output": ["amount", "note", "name", "state"]}),
        json!({"point": "validator", "name": "check", "entity": "job", "input": ["name", "amount"]}),
        json!({"point": "before-save", "name": "task-hook", "entity": "task", "input": ["what"], "output": ["job"]}),
        json!({"point": "validator", "name": "task-check", "entity": "task", "input": ["what", "job.amount"]}),
    ];
    for export in &mut exports {
        export.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if export["point"] == "before-save" && export["on_failure"] == "defer" {
            export["on_failure"] = "skip".into();
        }
    }
    exports
}

/// The package, with more keys for each export.
pub(crate) fn guard(more: &Json) -> Vec<u8> {
    package("test.guard", &exports(more))
}

pub(crate) fn package(id: &str, exports: &[Json]) -> Vec<u8> {
    let manifest = json!({
        "id": id, "version": "1.0.0", "title": {"en": "Guard", "zh-CN": "守卫"}, "runtime": ">=0.1, <2",
        "exports": exports, "permissions": asked(),
    });
    let text = manifest.to_string();
    let parsed = Manifest::parse(&text).unwrap();
    let module = wat::parse_str(mortise_wit::module_text(IMPORTS, FUNCTIONS)).unwrap();
    let component =
        mortise_wit::componentize(&module, &parsed.imports(), &parsed.export_interfaces()).unwrap();
    Package::of(text, component, BTreeMap::new()).unwrap().write().unwrap()
}

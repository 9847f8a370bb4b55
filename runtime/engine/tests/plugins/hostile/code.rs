//! From a few lines of text to a package: a module with a memory, an allocator and one exported function for each point,
//! which does what it is told when a record's name begins with a W, and is content otherwise.

use mortise_plugin_host::manifest::{Manifest, Point};
use mortise_wit::{PACKAGES, Package as Wit, module_text};
use serde_json::{Value as Json, json};

use super::guests::Guest;
use crate::support::of_parts;

/// A resource of the plugin's own, in an interface that this server does not know and so ignores.
const OWN: Wit = Wit {
    name: "test:extra",
    version: "1.0.0",
    text: "package test:extra@1.0.0; interface things { resource thing; make: func() -> thing; }",
};
const OWN_INTERFACE: &str = "test:extra/things@1.0.0";

/// A guest, built.
pub(super) struct Component(Vec<u8>);

impl Component {
    pub(super) fn of(guest: &Guest) -> Component {
        let manifest = manifest("test.it", "1.0.0", guest, "reject");
        let parsed = Manifest::parse(&manifest.to_string()).unwrap_or_else(|found| panic!("{found:?}"));
        let functions: String = parsed.points().map(|point| function(point, guest)).collect();
        let module = module(guest.imports, guest.extra, &functions);
        let mut exports = parsed.export_interfaces();
        if guest.extra.contains(OWN_INTERFACE) {
            exports.push(OWN_INTERFACE);
        }
        let packages: Vec<Wit> = PACKAGES.into_iter().chain([OWN]).collect();
        let built = mortise_wit::componentize_against(&packages, &module, &parsed.imports(), &exports);
        Component(built.unwrap_or_else(|error| panic!("{}: {error}", guest.name)))
    }

    pub(super) fn package(&self, id: &str, version: &str, guest: &Guest, policy: &str) -> Vec<u8> {
        of_parts(&manifest(id, version, guest, policy), self.0.clone())
    }
}

fn manifest(id: &str, version: &str, guest: &Guest, policy: &str) -> Json {
    let mut export = json!({"point": guest.point, "name": "it", "entity": "thing", "input": ["name"],
        "on_failure": policy});
    if guest.point == Point::BeforeSave {
        export["output"] = json!(["note", "size", "other"]);
    }
    let mut exports = vec![export];
    if guest.asked.get("http").is_some() {
        // Somebody has to be able to use it at all.
        exports.push(json!({"point": "action", "name": "act"}));
    }
    json!({"id": id, "version": version, "title": {"en": "Guest", "zh-CN": "客人"}, "runtime": ">=0.1, <2",
        "exports": exports, "permissions": guest.asked})
}

/// A module in binary form.
pub(super) fn module(imports: &str, extra: &str, functions: &str) -> Vec<u8> {
    let text = module_text(imports, &format!("{extra}\n{functions}"));
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn function(point: Point, guest: &Guest) -> String {
    let name = format!("{}#{}", point.interface(), point.functions()[0]);
    // Where the fields of the record as it is going to be are pointed to.
    let fields = match point {
        Point::Validator => 128,
        Point::BeforeSave | Point::AfterCommit => 140,
        _ => return format!(r#"(func (export "{name}") (param i32) (result i32) (i32.const 1024))"#),
    };
    let body = &guest.body;
    format!(
        r#"(func (export "{name}") (param i32) (result i32) (local $i i32) (local $name i32)
            (local.set $name (i32.load offset=16 (i32.load offset={fields} (local.get 0))))
            (if (i32.ne (i32.load8_u (local.get $name)) (i32.const 87)) (then (return (i32.const 1024))))
            {body})"#
    )
}

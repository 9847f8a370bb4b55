//! The version policy: what is released never changes. A plugin that was built years ago has to go on working, and one
//! more case in a type is enough to break it.
//!
//! Allowed without a new major version: a new package, a new interface, and a new function, marked `@since`, in an
//! interface that plugins import.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mortise_wit::{CAPABILITIES, PACKAGES};
use wit_parser::{Function, Handle, InterfaceId, Resolve, Stability, Type, TypeDefKind, TypeId};

/// An interface as lines of text: one for each type and each function, by name.
#[derive(Default, PartialEq)]
struct Shape {
    types: BTreeMap<String, String>,
    functions: BTreeMap<String, String>,
    /// Functions that say since when they exist.
    dated: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("released")
}

/// The texts of `released/`, sorted so that each needs only those before it.
fn released() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        texts.push((name, std::fs::read_to_string(path).unwrap()));
    }
    let place = |name: &str| {
        let package = name.rsplit_once('-').unwrap().0;
        PACKAGES.iter().position(|known| known.name == format!("mortise:{package}"))
    };
    texts.sort_by_key(|(name, _)| (place(name), name.clone()));
    texts
}

fn shapes(texts: &[(String, String)]) -> BTreeMap<String, Shape> {
    let mut resolve = Resolve::default();
    for (name, text) in texts {
        resolve.push_str(name, text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    let named = resolve.interfaces.iter().filter_map(|(id, _)| Some((resolve.id_of(id)?, id)));
    named.map(|(name, id)| (name, shape(&resolve, id))).collect()
}

fn shape(resolve: &Resolve, id: InterfaceId) -> Shape {
    let interface = &resolve.interfaces[id];
    let mut shape = Shape::default();
    for (name, id) in &interface.types {
        shape.types.insert(name.clone(), definition(resolve, *id));
    }
    for (name, function) in &interface.functions {
        if matches!(function.stability, Stability::Stable { .. }) {
            shape.dated.push(name.clone());
        }
        shape.functions.insert(name.clone(), signature(resolve, function));
    }
    shape
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params = function.params.iter().map(|param| format!("{}: {}", param.name, ty(resolve, &param.ty)));
    let result = function.result.as_ref().map_or(String::new(), |result| ty(resolve, result));
    format!("func({}) -> {result}", params.collect::<Vec<_>>().join(", "))
}

fn ty(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => match (&resolve.types[*id].name, resolve.types[*id].owner) {
            (Some(name), wit_parser::TypeOwner::Interface(owner)) => {
                let (path, major) = track(&resolve.id_of(owner).unwrap_or_default());
                format!("{path}@{major}.{name}")
            }
            _ => definition(resolve, *id),
        },
        plain => format!("{plain:?}"),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let optional = |inner: &Option<Type>| inner.as_ref().map_or("_".to_owned(), |inner| ty(resolve, inner));
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields =
                record.fields.iter().map(|field| format!("{}: {}", field.name, ty(resolve, &field.ty)));
            format!("record {{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|case| format!("{}({})", case.name, optional(&case.ty)));
            format!("variant {{{}}}", cases.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Enum(cases) => {
            let names: Vec<&str> = cases.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{{}}}", names.join(", "))
        }
        TypeDefKind::Flags(flags) => {
            let names: Vec<&str> = flags.flags.iter().map(|flag| flag.name.as_str()).collect();
            format!("flags {{{}}}", names.join(", "))
        }
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|inner| ty(resolve, inner)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Option(inner) => format!("option<{}>", ty(resolve, inner)),
        TypeDefKind::List(inner) => format!("list<{}>", ty(resolve, inner)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", optional(&result.ok), optional(&result.err))
        }
        TypeDefKind::Type(inner) => ty(resolve, inner),
        TypeDefKind::Handle(Handle::Own(inner)) => format!("own<{}>", ty(resolve, &Type::Id(*inner))),
        TypeDefKind::Handle(Handle::Borrow(inner)) => format!("borrow<{}>", ty(resolve, &Type::Id(*inner))),
        other => format!("{other:?}"),
    }
}

/// Everything that `now` does to what is `frozen` although it must not.
fn offences(frozen: &BTreeMap<String, Shape>, now: &BTreeMap<String, Shape>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, old) in frozen {
        let Some((_, new)) = now.iter().find(|(other, _)| same_track(name, other)) else {
            found.push(format!("{name} is gone"));
            continue;
        };
        for (kind, old, new) in
            [("type", &old.types, &new.types), ("function", &old.functions, &new.functions)]
        {
            for (item, text) in old {
                match new.get(item) {
                    None => found.push(format!("{name}: the {kind} {item} is gone")),
                    Some(other) if other != text => {
                        found.push(format!("{name}: the {kind} {item} was {text}, and now is {other}"));
                    }
                    Some(_) => {}
                }
            }
        }
        let imported = CAPABILITIES.iter().any(|word| word.interface == name);
        for added in new.functions.keys().filter(|function| !old.functions.contains_key(*function)) {
            if !imported {
                found.push(format!("{name} is exported by plugins and cannot gain {added}"));
            } else if !new.dated.contains(added) {
                found.push(format!("{name}: {added} is new and needs `@since`"));
            }
        }
    }
    found
}

/// The same interface in the same major version.
fn same_track(old: &str, new: &str) -> bool {
    track(old) == track(new)
}

/// Name and major version: what decides whether two interfaces fit.
fn track(name: &str) -> (String, String) {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    (path.to_owned(), version.split('.').next().unwrap_or_default().to_owned())
}

fn current() -> Vec<(String, String)> {
    PACKAGES.iter().map(|package| (package.name.to_owned(), package.text.to_owned())).collect()
}

/// Offences of the present texts, after one of them is changed.
fn after(package: &str, from: &str, to: &str) -> Vec<String> {
    let mut texts = current();
    let text = &mut texts.iter_mut().find(|(name, _)| name == package).unwrap().1;
    assert!(text.contains(from), "{package} has no `{from}`");
    *text = text.replacen(from, to, 1);
    offences(&shapes(&released()), &shapes(&texts))
}

#[test]
fn nothing_that_was_released_has_changed() {
    let found = offences(&shapes(&released()), &shapes(&current()));
    assert!(found.is_empty(), "released interfaces are frozen:\n  {}", found.join("\n  "));
}

#[test]
fn every_package_has_a_frozen_copy_of_its_version() {
    for package in PACKAGES {
        let name = package.name.trim_start_matches("mortise:");
        let file = folder().join(format!("{name}-{}.wit", package.version));
        assert!(file.exists(), "{} is missing: copy the package there when it is released", file.display());
    }
}

#[test]
fn a_new_case_a_new_field_and_a_new_parameter_are_noticed() {
    let case = after("mortise:types", "    other(other),", "    other(other),\n    colour(string),");
    assert!(case[0].contains("the type value"), "{case:?}");
    let field = after("mortise:types", "    depth: u32,", "    depth: u32,\n    node: string,");
    assert!(field[0].contains("the type call"), "{field:?}");
    let parameter = after("mortise:log", "message: string)", "message: string, code: string)");
    assert!(parameter[0].contains("the function write"), "{parameter:?}");
}

#[test]
fn an_imported_interface_may_gain_a_dated_function_and_an_exported_one_nothing() {
    let dated = "@since(version = 1.1.0)\n  flush: func();\n  write: func(";
    let mut texts = current();
    let text = &mut texts.iter_mut().find(|(name, _)| name == "mortise:log").unwrap().1;
    *text = text.replace("mortise:log@1.0.0", "mortise:log@1.1.0").replacen("write: func(", dated, 1);
    assert_eq!(offences(&shapes(&released()), &shapes(&texts)), Vec::<String>::new());

    let undated = after("mortise:log", "write: func(", "flush: func();\n  write: func(");
    assert!(undated[0].contains("@since"), "{undated:?}");
    let exported = after("mortise:jobs", "step: func(", "stop: func();\n  step: func(");
    assert!(exported[0].contains("cannot gain stop"), "{exported:?}");
}

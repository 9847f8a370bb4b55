//! What is published of the app language: schemas, the reference, the words of the runtime.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use expect_test::expect;
use mortise_definition::{Kind, locale, schema};
use serde_json::Value;

fn catalogue(language: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language);
    let mut words = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let part: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        for (key, value) in part {
            assert!(words.insert(key.clone(), value).is_none(), "{key} is in two files");
        }
    }
    words
}

/// Names in braces, in any order.
fn placeholders(words: &str) -> BTreeSet<&str> {
    let parts = words.split('{').skip(1).filter_map(|part| part.split_once('}'));
    parts
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}

#[test]
fn every_language_has_the_same_keys_and_no_empty_words() {
    let (en, zh) = (catalogue("en"), catalogue("zh-CN"));
    let missing: Vec<&String> = en.keys().filter(|key| !zh.contains_key(*key)).collect();
    let extra: Vec<&String> = zh.keys().filter(|key| !en.contains_key(*key)).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "missing in zh-CN: {missing:?}; missing in en: {extra:?}"
    );
    for (key, words) in en.iter().chain(&zh) {
        assert!(!words.trim().is_empty() || key.ends_with("separator"), "{key}");
    }
}

#[test]
fn translations_of_problems_use_only_details_that_the_original_has() {
    let (en, zh) = (catalogue("en"), catalogue("zh-CN"));
    for (key, words) in zh.iter().filter(|(key, _)| key.starts_with("error.")) {
        let original = placeholders(&en[key]);
        // English texts of expressions come whole; Chinese ones are made of the details.
        let mut unknown: Vec<&str> = placeholders(words).difference(&original).copied().collect();
        // A detail may itself come in both languages.
        unknown.retain(|name| !name.strip_suffix("_zh").is_some_and(|name| original.contains(name)));
        assert!(unknown.is_empty() || original.contains("message"), "{key}: {unknown:?}");
    }
}

#[test]
fn every_code_in_the_source_has_words() {
    let words = catalogue("en");
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut codes = BTreeSet::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let quoted = source.split('"').skip(1).step_by(2);
        let families = [
            "json",
            "package",
            "schema",
            "app",
            "setting",
            "name",
            "entity",
            "extension",
            "field",
            "number",
            "computed",
            "rollup",
            "check",
            "duplicates",
            "index",
            "ref",
            "menu",
            "view",
            "form",
            "role",
            "tree",
            "data",
            "text",
            "overlay",
            "expr",
            "locale",
            "automation",
            "lifecycle",
            "action",
            "rule",
            "sla",
            "connector",
            "template",
            "decision",
            "calendar",
            "metric",
            "assignment",
            "dashboard",
            "scenario",
            "lint",
        ];
        codes.extend(
            quoted
                .filter(|text| {
                    text.split_once('.').is_some_and(|(family, rest)| {
                        families.contains(&family)
                            && rest != "json"
                            && !rest.is_empty()
                            && rest.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                    })
                })
                .map(|code| format!("error.{code}")),
        );
    }
    assert!(codes.len() > 100, "the search has to find the codes: {codes:?}");
    let silent: Vec<&String> = codes.iter().filter(|code| !words.contains_key(*code)).collect();
    assert!(silent.is_empty(), "no words for {silent:?}");
}

#[test]
fn words_fall_back_to_english_and_then_to_the_key() {
    assert_eq!(
        locale::translate("zh-CN", "error.menu.twice", &[("name", "线索{name}")]),
        "视图“线索{name}”在菜单中重复出现。"
    );
    assert_eq!(locale::translate("fr", "error.tree.empty", &[]), "The tree has no nodes.");
    assert_eq!(locale::translate("fr", "no.such.key", &[]), "no.such.key");
}

#[test]
fn the_language_is_negotiated() {
    for (accepted, chosen) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en-GB", "en"),
        ("fr, en;q=0.1, zh;q=0.5", "zh-CN"),
        ("fr", "en"),
        ("zh;q=0, en", "en"),
        ("", "en"),
        (";;q=,,q=1", "en"),
    ] {
        assert_eq!(locale::negotiate(accepted), chosen, "{accepted}");
    }
}

#[test]
fn more_languages_are_added_by_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("de")).unwrap();
    std::fs::write(
        folder.path().join("de/errors.json"),
        r#"{"error.tree.empty": "Der Baum hat keine Knoten."}"#,
    )
    .unwrap();
    assert_eq!(locale::load_directory(folder.path()).unwrap(), ["de"]);
    assert!(locale::languages().contains(&"de"));
    assert_eq!(locale::translate("de", "error.tree.empty", &[]), "Der Baum hat keine Knoten.");
    assert_eq!(
        locale::translate("de", "error.tree.too_deep", &[("limit", "3")]),
        "The tree has more than 3 levels."
    );
    std::fs::write(folder.path().join("de/broken.json"), "{").unwrap();
    assert_eq!(locale::load_directory(folder.path()).unwrap_err()[0].code, "locale.unreadable");
}

#[test]
fn a_field_is_described_by_its_type() {
    let (_, entity) = schema::schemas().into_iter().find(|(kind, _)| *kind == Kind::Entity.name()).unwrap();
    let field = &entity["$defs"]["Field"];
    let decimal = field["allOf"]
        .as_array()
        .unwrap()
        .iter()
        .find(|branch| branch["if"]["properties"]["type"]["const"] == "decimal");
    let own: BTreeMap<&String, &Value> = decimal.unwrap()["then"]["properties"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, schema)| **schema != true)
        .collect();
    expect![[r#"
        {
          "max": {
            "type": "string",
            "description": "Largest value, as a decimal string."
          },
          "min": {
            "type": "string",
            "description": "Smallest value, as a decimal string."
          },
          "scale": {
            "type": "integer",
            "format": "uint8",
            "minimum": 0,
            "maximum": 9,
            "description": "Places after the point, 0 to 9."
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&own).unwrap());
}

#[test]
fn the_reference_describes_every_kind_and_every_type_of_field() {
    let reference = schema::reference_markdown();
    for kind in Kind::ALL {
        let file =
            if kind == Kind::App { "app.json".to_owned() } else { format!("{}/<id>.json", kind.folder()) };
        assert!(reference.contains(&format!("`{file}`")), "{file}");
    }
    let start = reference.find("### Choice").unwrap();
    let end = start + reference[start..].find("\n### ").unwrap_or(reference.len() - start);
    expect![[r#"
        ### Choice

        One entry of a choice field.

        | Key | Type | Required | Meaning |
        | --- | --- | --- | --- |
        | `value` | text | yes | Stored value. |
        | `label` | [Text](#text) | yes | Name shown to people. |
        | `color` | text |  | Colour of its badge: a Tabler colour name. |
        | `retired` | true or false |  | Kept for old records, no longer offered. |
    "#]]
    .assert_eq(&reference[start..end]);
    let row = reference.lines().find(|line| line.starts_with("| `rollup`")).unwrap();
    expect!["| `rollup` | Value calculated from records that point to this one. | `entity` (required): text. Entity whose records are summed up.<br>`via` (required): text. Reference field of that entity which points to this one.<br>`operation` (required): [RollupOperation](#rollupoperation). What is calculated.<br>`field`: text. Field of that entity (not for `count`).<br>`filter`: text. Only records for which this holds. |"].assert_eq(row);
}

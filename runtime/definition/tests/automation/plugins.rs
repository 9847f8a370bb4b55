//! The actions about plugins: what is said of slips in them, and what the `then` of one that asks a plugin sees.

use expect_test::expect;
use mortise_definition::model::{ActionKind, PluginAsk};
use mortise_expr::Type;
use serde_json::{Value, json};

use super::{Files, check, compiled, put, said, shop};

const RULE: &str = "rules/on_new.json";

fn ask() -> Value {
    json!({"type": "plugin", "plugin": "helper", "action": "look", "input": {"words": "record.title"},
        "returns": {"found": "text", "sure": "boolean"},
        "then": [{"type": "comment", "when": "result.sure == true", "text": "Found."}]})
}

/// The shop, which asks the plugin first when a ticket is new.
fn asking(change: impl FnOnce(&mut Value)) -> Files {
    let mut files = shop();
    put(&mut files, "app.json", "/plugins", json!({"helper": {"id": "acme.helper", "version": ">=1, <2"}}));
    let mut action = ask();
    change(&mut action);
    put(&mut files, RULE, "/do/0", action);
    files
}

fn problems(change: impl FnOnce(&mut Value)) -> String {
    match compiled(&asking(change)) {
        Ok(_) => String::new(),
        Err(problems) => said(&problems),
    }
}

#[test]
fn a_plugin_is_asked_by_its_id_and_its_answer_has_types() {
    let (model, _) = compiled(&asking(|_| ())).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    let action = &model.automation.rules["shop.on_new"].actions[0];
    let ActionKind::Plugin { plugin, optional, asks, input, returns, then } = &action.kind else { panic!() };
    assert_eq!((plugin.as_str(), *optional, asks), ("acme.helper", false, &PluginAsk::Action("look".into())));
    assert_eq!(input[0].0, "words");
    assert_eq!(returns[..], [("found".to_owned(), Type::Text), ("sure".to_owned(), Type::Bool)]);
    assert_eq!(then[0].pointer, "/do/0/then/0");
    assert_eq!(action.with_later().len(), 2);
}

#[test]
fn what_was_known_only_then_cannot_be_named_afterwards() {
    let told = problems(|action| action["then"][0]["when"] = "previous.title == 'x'".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0/then/0/when:1: there is no `previous`; check the spelling, or put texts in quotation marks [expr.unknown_name]
    "#]]
    .assert_eq(&told);
    let told = problems(|action| action["then"][0]["when"] = "result.fond == 'x'".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0/then/0/when:8: there is no `fond` in `result`; did you mean `found`? [expr.unknown_name]
    "#]]
    .assert_eq(&told);
}

#[test]
fn slips_are_told() {
    let told = problems(|action| action["plugin"] = "helpr".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0/plugin: The app uses no plugin named “helpr”. Did you mean “helper”? [ref.plugin]
          Add it to “plugins” in app.json.
    "#]]
    .assert_eq(&told);
    let told = problems(|action| action["connector"] = "door".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0: It is not said what the plugin is to do. [action.plugin_what]
          Give one of “action”, “connector”, “scorer” and “renderer”.
    "#]]
    .assert_eq(&told);
    let told = problems(|action| action["then"][0]["when"] = "result.found".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0/then/0/when:1: the expression gives text, but bool is needed here; compare it with something [expr.type]
    "#]].assert_eq(&told);
}

#[test]
fn a_shop_without_the_plugin_is_told_so() {
    check(
        RULE,
        "/do/0",
        ask(),
        expect![[r#"
        error shop/rules/on_new.json#/do/0/plugin: The app uses no plugin named “helper”. [ref.plugin]
          Add it to “plugins” in app.json.
    "#]],
    );
}

#[test]
fn a_scenario_names_plugins_of_its_app() {
    let mut files = asking(|_| ());
    put(&mut files, "scenarios/first.json", "/plugins", json!(["helper", "helpr"]));
    let told = compiled(&files).map_or_else(|problems| said(&problems), |_| String::new());
    expect![[r#"
        error shop/scenarios/first.json#/plugins/1: The app uses no plugin named “helpr”. Did you mean “helper”? [ref.plugin]
          Add it to “plugins” in app.json.
    "#]]
    .assert_eq(&told);
}

fn signalling(change: impl FnOnce(&mut Value)) -> Files {
    let signal = json!({"type": "signal", "plugin": "helper", "key": "'solved ' + record.title",
        "fields": {"words": "record.title"}});
    asking(|action| {
        *action = signal;
        change(action);
    })
}

fn told_of_a_signal(change: impl FnOnce(&mut Value)) -> String {
    compiled(&signalling(change)).map_or_else(|problems| said(&problems), |_| String::new())
}

#[test]
fn a_signal_goes_to_a_plugin_by_its_id_with_a_text_and_fields() {
    let (model, _) = compiled(&signalling(|_| ())).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    let action = &model.automation.rules["shop.on_new"].actions[0];
    let ActionKind::Signal { plugin, key, fields } = &action.kind else { panic!() };
    assert_eq!((plugin.as_str(), key.ty()), ("acme.helper", &Type::Text));
    assert_eq!(fields[0].0, "words");
}

#[test]
fn slips_in_signals_are_told() {
    let told = told_of_a_signal(|signal| signal["plugin"] = "helpr".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0/plugin: The app uses no plugin named “helpr”. Did you mean “helper”? [ref.plugin]
          Add it to “plugins” in app.json.
    "#]].assert_eq(&told);
    let told = told_of_a_signal(|signal| signal["key"] = "record.visits".into());
    expect![[r#"
        error shop/rules/on_new.json#/do/0/key:1: the expression gives int, but text is needed here; use string(…) [expr.type]
    "#]].assert_eq(&told);
    let told = told_of_a_signal(|signal| signal["fields"] = json!({"Some words": "record.titel"}));
    expect![[r#"
        error shop/rules/on_new.json#/do/0/fields/Some words: “Some words” cannot be a name: use lower-case letters, digits and underscores, starting with a letter. [name.form]
        error shop/rules/on_new.json#/do/0/fields/Some words:8: there is no `titel` in `record`; did you mean `title`? [expr.unknown_name]
    "#]].assert_eq(&told);
    let told = told_of_a_signal(|signal| drop(signal.as_object_mut().unwrap().remove("key")));
    expect![[r#"
        error rules/on_new.json#/do/0: The key “key” is missing. [schema.missing_key]
    "#]]
    .assert_eq(&told);
    let told = told_of_a_signal(|signal| {
        signal["fields"] = (0..51).map(|number| (format!("f{number}"), json!("1"))).collect();
    });
    expect![[r#"
        error shop/rules/on_new.json#/do/0/fields: There are 51 entries; at most 50 are allowed. [automation.too_many]
    "#]].assert_eq(&told);
}

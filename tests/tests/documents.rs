//! Generated pages of the book say what the code says. A page that is out of date fails here; `cargo xtask docs`
//! (which sets `MORTISE_UPDATE_DOCUMENTS`) writes it anew.

#[path = "documents/plugins.rs"]
mod plugins;

use std::collections::BTreeMap;

use mortise_tests::server::workspace;

/// Compares a page with what it should be, or writes it.
#[track_caller]
fn check(page: &str, expected: &str) {
    let path = workspace().join("docs").join(page);
    if std::env::var_os("MORTISE_UPDATE_DOCUMENTS").is_some() {
        std::fs::write(&path, expected).expect("the page can be written");
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/{page} is out of date: run `cargo xtask docs`");
}

#[test]
fn the_page_of_error_codes_lists_every_code_of_the_catalogue() {
    check("errors.md", &errors_page());
}

#[test]
fn the_reference_of_the_app_language_is_what_the_schemas_say() {
    check("app-language.md", &app_language_page());
}

#[test]
fn every_error_of_the_catalogue_says_something_in_both_languages() {
    let (english, chinese) = (catalogue("en"), catalogue("zh-CN"));
    let missing: Vec<&String> = english.keys().filter(|code| !chinese.contains_key(*code)).collect();
    assert!(missing.is_empty(), "without Chinese: {missing:?}");
    assert_eq!(english.len(), chinese.len(), "there are codes without English");
}

fn errors_page() -> String {
    let (english, chinese) = (catalogue("en"), catalogue("zh-CN"));
    let mut page = "# Error codes\n\n\
        Every error carries a stable code; its text comes in the language of the person. This page is generated from the\n\
        catalogues in `runtime/definition/locales` by `cargo xtask docs`. Words in braces are filled in.\n"
        .to_owned();
    let mut family = "";
    for (code, text) in &english {
        let first = code.split('.').next().unwrap_or_default();
        if first != family {
            page.push_str(&format!("\n## {first}\n\n| Code | English | 中文 |\n| --- | --- | --- |\n"));
            family = first;
        }
        let chinese = chinese.get(code).map(Text::cell).unwrap_or_default();
        page.push_str(&format!("| `{code}` | {} | {chinese} |\n", text.cell()));
    }
    page
}

#[derive(Default)]
struct Text {
    says: String,
    hint: String,
}

impl Text {
    fn cell(&self) -> String {
        let plain = |text: &str| text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ");
        let hint = if self.hint.is_empty() { String::new() } else { format!("<br>*{}*", plain(&self.hint)) };
        format!("{}{hint}", plain(&self.says))
    }
}

/// Texts and hints by code.
fn catalogue(language: &str) -> BTreeMap<String, Text> {
    let folder = workspace().join("runtime/definition/locales").join(language);
    let files = std::fs::read_dir(folder).expect("the catalogues are there");
    let words = files.flat_map(|file| {
        let path = file.expect("the folder can be read").path();
        let words = std::fs::read_to_string(path).expect("the catalogue can be read");
        serde_json::from_str::<BTreeMap<String, String>>(&words).expect("the catalogue is JSON")
    });
    let mut codes: BTreeMap<String, Text> = BTreeMap::new();
    for (key, words) in words {
        let Some(code) = key.strip_prefix("error.") else { continue };
        match code.strip_suffix(".hint") {
            Some(code) => codes.entry(code.to_owned()).or_default().hint = words,
            None => codes.entry(code.to_owned()).or_default().says = words,
        }
    }
    codes
}

/// The introduction, the reference of the artifacts, and the functions of expressions.
fn app_language_page() -> String {
    let mut page = include_str!("app_language_head.txt").to_owned();
    page.push_str(&mortise_definition::schema::reference_markdown());
    page.push_str(EXPRESSIONS);
    for function in mortise_expr::functions::CATALOG {
        let sql = if function.sql { "yes" } else { "" };
        let form = function.form.replace('|', "\\|");
        page.push_str(&format!("| `{form}` | {} | {sql} |\n", function.en));
    }
    page
}

const EXPRESSIONS: &str = "
## Expressions

Expressions are [CEL](https://cel.dev). They read `record.<field>`, `settings.<name>` and the person as `user.id`, `user.name`,
`user.department`, `user.roles`, `user.team` (ids of people of the department, and one's own) and `user.department_users` (people of the
department and of those below it, all who report to the person, directly or through others, and the person), and are checked against the types of
the fields when the app is checked.

- A field may be empty. Comparing with an empty value is false, `==` and `!=` work with `null`, and arithmetic with an empty value is empty;
  `coalesce(a, b)` gives a fallback.
- References compare by id: `record.owner == user.id`. A tree value is the path of its codes: `under(record.region, \"31/3101\")`.
- Row scopes, filters of views and rollups run in the database. A function that cannot is refused there when the app is checked.
- Time zone is that of the tenant.

| Function | What it gives | In the database |
| --- | --- | --- |
";

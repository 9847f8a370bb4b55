//! Settings of a plugin on its page: each shown as what it holds (a line, lines, a table). Nothing is taken before all of it
//! can be: what was typed stands there again, with the reason beside what is wrong.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::{humanize, locale};
use mortise_engine::plugins::{PluginInfo, setting_fits};
use mortise_plugin_host::manifest::{Column, Manifest, Setting, ValueKind};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::change::{Fields, done, refused};
use super::show::plugin_page;
use super::table::{self, Place, Row, Slip};
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::admin::{administrator, value};
use crate::pages::visit::Visit;

/// A setting as it was typed.
enum Typed {
    Text(String),
    Rows(Vec<Row>),
}

/// A setting that was typed and not taken, with what is wrong with it.
pub(super) struct Refused {
    name: String,
    typed: Typed,
    message: Option<String>,
}

/// A setting on the page.
#[derive(Serialize)]
pub(super) struct Set {
    name: String,
    label: String,
    kind: ValueKind,
    value: String,
    table: Option<Table>,
    help: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Table {
    columns: Vec<Head>,
    rows: Vec<Row>,
    /// A row that is still to be filled in.
    blank: Row,
    /// The plugin came with other rows, which can be had again.
    can_reset: bool,
}

#[derive(Serialize)]
struct Head {
    name: String,
    label: String,
    kind: ValueKind,
    required: bool,
}

/// All settings; `refused` ones as they were typed.
pub(super) fn sets(visit: &Visit, info: &PluginInfo, manifest: &Manifest, refused: &[Refused]) -> Vec<Set> {
    let set = |setting: &Setting| {
        let refused = refused.iter().find(|refused| refused.name == setting.name);
        set(visit, setting, info.settings.get(&setting.name), refused)
    };
    manifest.settings.iter().map(set).collect()
}

fn set(visit: &Visit, setting: &Setting, own: Option<&Value>, refused: Option<&Refused>) -> Set {
    let default = setting.default.as_ref();
    let nothing = if setting.keyed { json!({}) } else { json!([]) };
    let rows = match refused.map(|refused| &refused.typed) {
        Some(Typed::Rows(rows)) => Some(rows.clone()),
        Some(Typed::Text(_)) => None,
        None => table::rows(setting, own.or(default).unwrap_or(&nothing)),
    };
    let table = rows.map(|rows| Table {
        columns: setting.columns.iter().map(|column| head(visit, column)).collect(),
        rows,
        blank: vec![table::Cell::default(); setting.columns.len()],
        can_reset: own.is_some() && default.is_some(),
    });
    let mut help = Vec::new();
    match setting.kind {
        ValueKind::Many => help.push(visit.t("plugins.setting_many", &[])),
        ValueKind::Json if table.is_none() => help.push(visit.t("plugins.setting_json", &[])),
        _ => {}
    }
    if let (Some(default), true) = (default, own.is_some() && table.is_none()) {
        let value = default_words(visit, setting.kind, default);
        help.push(visit.t("plugins.setting_default", &[("value", &value)]));
    }
    let value = match refused.map(|refused| &refused.typed) {
        Some(Typed::Text(text)) => text.clone(),
        _ => own.or(default).map(|json| plain(setting.kind, json)).unwrap_or_default(),
    };
    let label = setting.title.as_ref().map(|title| title.get(visit.language).to_owned());
    Set {
        label: label.unwrap_or_else(|| humanize(&setting.name).into_owned()),
        kind: setting.kind,
        value,
        table,
        help: Some(help.iter().fold(String::new(), |said, one| locale::sentences(&said, one)))
            .filter(|help| !help.is_empty()),
        error: refused.and_then(|refused| refused.message.clone()),
        name: setting.name.clone(),
    }
}

fn head(visit: &Visit, column: &Column) -> Head {
    let label = column.title.as_ref().map(|title| title.get(visit.language).to_owned());
    let label = label.unwrap_or_else(|| humanize(&column.name).into_owned());
    Head {
        label: match column.kind {
            ValueKind::Many => visit.t("plugins.column_many", &[("column", &label)]),
            _ => label,
        },
        name: column.name.clone(),
        kind: column.kind,
        required: column.required,
    }
}

/// A default within a sentence.
fn default_words(visit: &Visit, kind: ValueKind, json: &Value) -> String {
    match (kind, json) {
        (ValueKind::Boolean, json) => {
            visit.t(if json == &json!(true) { "value.yes" } else { "value.no" }, &[])
        }
        (ValueKind::Many, Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(&visit.t("value.list_separator", &[]))
        }
        (ValueKind::Json, json) => json.to_string(),
        _ => plain(kind, json),
    }
}

/// A JSON value as it stands in an input.
pub(super) fn plain(kind: ValueKind, json: &Value) -> String {
    match (kind, json) {
        (ValueKind::Many, Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        }
        (ValueKind::Json, json) => serde_json::to_string_pretty(json).unwrap_or_default(),
        (_, Value::String(text)) => text.clone(),
        (_, json) => json.to_string(),
    }
}

/// The wire form of what was typed; none when it is no such value, null when nothing was typed.
pub(super) fn typed_json(kind: ValueKind, text: &str) -> Option<Value> {
    let json = match kind {
        ValueKind::Boolean => json!(text == "true"),
        _ if text.is_empty() => Value::Null,
        ValueKind::Integer => json!(text.parse::<i64>().ok()?),
        ValueKind::Float => match text.parse::<i64>() {
            Ok(whole) => json!(whole),
            Err(_) => json!(text.parse::<f64>().ok().filter(|number| number.is_finite())?),
        },
        ValueKind::Many => {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect()
        }
        ValueKind::Json => serde_json::from_str(text).ok()?,
        ValueKind::Text | ValueKind::Decimal | ValueKind::Date | ValueKind::Timestamp => json!(text),
    };
    (json.is_null() || setting_fits(kind, &json)).then_some(json)
}

/// What is wrong with a value of this kind, and how one looks.
fn wrong(visit: &Visit, kind: ValueKind) -> String {
    let word = match kind {
        ValueKind::Integer => "integer",
        ValueKind::Decimal | ValueKind::Float => "number",
        ValueKind::Date => "date",
        ValueKind::Timestamp => "timestamp",
        ValueKind::Text | ValueKind::Boolean | ValueKind::Many | ValueKind::Json => "json",
    };
    visit.t(&format!("plugins.wrong.{word}"), &[])
}

/// What the form has of a setting; none when it has nothing of it.
fn typed(setting: &Setting, form: &[(String, String)]) -> Option<Typed> {
    if let Some(rows) = table::typed(setting, form) {
        return Some(Typed::Rows(rows));
    }
    let name = setting.name.as_str();
    form.iter().any(|(known, _)| known == name).then(|| Typed::Text(value(form, name).to_owned()))
}

/// What was typed as JSON, or as it was typed with what is wrong.
fn take(visit: &Visit, setting: &Setting, typed: &mut Typed) -> Result<Value, String> {
    match typed {
        Typed::Text(text) => typed_json(setting.kind, text).ok_or_else(|| wrong(visit, setting.kind)),
        Typed::Rows(rows) => table::values(setting, rows).map_err(|slips| {
            mark(visit, rows, &slips);
            visit.t("plugins.setting_rows", &[])
        }),
    }
}

/// Writes what is wrong beside each cell.
fn mark(visit: &Visit, rows: &mut [Row], slips: &[(Place, Slip)]) {
    for ((row, column), slip) in slips {
        rows[*row][*column].error = Some(match slip {
            Slip::Missing => locale::translate(visit.language, "error.field.required", &[]),
            Slip::Wrong(kind) => wrong(visit, *kind),
            Slip::Twice => visit.t("plugins.wrong.twice", &[]),
        });
    }
}

/// `POST /admin/plugins/{id}/settings`: all of them or none; empty, or the default, goes back to the default.
pub(in crate::pages) async fn save(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let info = api::one(&visit.by, &id).await?;
    let manifest = api::current(&info).and_then(|version| version.manifest.as_ref());
    let (mut entered, mut changes) = (Vec::new(), Map::new());
    for setting in manifest.into_iter().flat_map(|manifest| &manifest.settings) {
        let Some(mut typed) = typed(setting, &form) else { continue };
        let name = setting.name.clone();
        let json = match value(&form, &format!("{name}/default")) {
            "" => take(&visit, setting, &mut typed),
            _ => Ok(Value::Null),
        };
        let json = json.map(|json| if setting.default.as_ref() == Some(&json) { Value::Null } else { json });
        let own = info.settings.get(&name).unwrap_or(&Value::Null);
        let message = match json {
            Ok(json) if &json == own => None,
            Ok(json) => {
                changes.insert(name.clone(), json);
                None
            }
            Err(message) => Some(message),
        };
        entered.push(Refused { name, typed, message });
    }
    if entered.iter().any(|one| one.message.is_some()) {
        return plugin_page(&visit, &id, &entered, Some(&Failure::invalid(Vec::new()))).await;
    }
    if let Err(error) = visit.tenant.engine.set_plugin_settings(visit.actor(), &id, &changes).await {
        return refused(&visit, &id, &entered, error.into()).await;
    }
    done(&visit, &id, "settings_saved").await
}

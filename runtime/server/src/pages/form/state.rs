//! The live state of a form as JSON: asked for while somebody types, answered by the rules that a save follows.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::source::Operation;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

use super::page::{Similar, similar};
use super::raw::Raw;
use super::{Editing, entity_for, issue_text, read};
use crate::Failure;
use crate::api::body;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Live {
    visible: BTreeMap<String, bool>,
    sections: Vec<bool>,
    required: BTreeMap<String, bool>,
    issues: HashMap<String, Vec<String>>,
    computed: BTreeMap<String, String>,
    suspects: Vec<Similar>,
}

/// `POST /a/{app}/{entity}/form-state?id=`.
pub(in crate::pages) async fn live(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let raw = Raw(pairs);
    let id: Option<Uuid> = visit.look.param("id").and_then(|text| text.parse().ok());
    let operation = if id.is_some() { Operation::Update } else { Operation::Create };
    let entity = entity_for(&visit, &app, &entity, operation)?;
    let editing = match id {
        Some(id) => Editing::of_record(&visit, entity, id, raw.get("_form")).await?,
        None => Editing::of_new(&visit, entity, raw.get("_form")),
    };
    let reading = editing.showing(|show| read::read(show, &editing.layout, &raw));
    let mut state = editing.state(&reading).await?;
    let suspects = match (&editing.entity.duplicates, id) {
        (Some(_), None) => {
            visit.tenant.engine.suspects(visit.actor(), &editing.entity.key, &reading.values, None).await?
        }
        _ => Vec::new(),
    };
    let mut issues: HashMap<String, Vec<String>> = HashMap::new();
    for (path, text) in &reading.issues {
        issues.entry(first(path)).or_default().push(text.clone());
    }
    for issue in &state.issues {
        issues.entry(first(&issue.field)).or_default().push(issue_text(visit.language, &issue.into()));
    }
    for item in editing.layout.items().filter(|item| item.required && !item.read_only) {
        state.required.insert(editing.entity.fields[item.slot].name.to_string(), true);
    }
    let (sections, suspects) = editing.showing(|show| {
        (editing.layout.visible_sections(show, &state.values), similar(show, &editing.entity, &suspects))
    });
    let live = Live {
        visible: state.visible,
        required: state.required,
        computed: state.computed,
        sections,
        issues,
        suspects,
    };
    Ok(body::json(&live))
}

/// The field of a path: messages about rows are told beside the whole field.
fn first(path: &str) -> String {
    path.split('/').next().unwrap_or(path).to_owned()
}

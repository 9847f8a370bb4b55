//! Steps that take something away are shown one by one, and done only when each of them was ticked.

use axum::response::Response;
use mortise_store::catalog::Destructive;
use serde::Serialize;

use super::install::destructive_text;
use crate::Failure;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Page {
    confirm: Confirm,
}

#[derive(Serialize)]
struct Confirm {
    text: String,
    action: String,
    back: String,
    button: String,
    fields: Vec<(String, String)>,
    steps: Vec<(String, String)>,
}

/// The steps that were ticked.
pub(super) fn confirmed(form: &[(String, String)]) -> Vec<String> {
    form.iter().filter(|(name, _)| name == "confirm_step").map(|(_, step)| step.clone()).collect()
}

/// Asks for each step. `action` is posted to again, with these fields; `back` is where one goes instead.
pub(super) fn page(
    visit: &Visit,
    steps: &[Destructive],
    (action, back): (&str, &str),
    button: &str,
    fields: Vec<(String, String)>,
) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let step = |step: &Destructive| (step.key.clone(), destructive_text(visit, &model, step));
    let confirm = Confirm {
        text: visit.t("apps.destructive", &[]),
        action: visit.base.path(action),
        back: visit.base.path(back),
        button: visit.t(button, &[]),
        fields,
        steps: steps.iter().map(step).collect(),
    };
    visit.page("admin/confirm.html", &visit.t(button, &[]), Page { confirm })
}

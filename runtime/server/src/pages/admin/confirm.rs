//! Steps that take something away are shown one by one, and done only when each of them was ticked.

use axum::response::Response;
use mortise_engine::Recomputed;
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
    /// Nothing is taken away.
    gentle: bool,
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
    let steps = steps.iter().map(step).collect();
    let title = visit.t(button, &[]);
    ask(visit, (&title, visit.t("apps.destructive", &[])), steps, (action, back), button, fields)
}

/// The key under which moved clocks are confirmed.
pub(super) const CLOCKS: &str = "clocks";

/// Asks whether clocks may move; the tick comes back as the step [`CLOCKS`].
pub(super) fn clocks(
    visit: &Visit,
    moved: &Recomputed,
    places: (&str, &str),
    button: &str,
    fields: Vec<(String, String)>,
) -> Result<Response, Failure> {
    let steps = vec![(CLOCKS.to_owned(), clocks_text(visit, moved))];
    let title = visit.t("clock.confirm", &[]);
    ask(visit, (&title, visit.t("clock.moves", &[])), steps, places, button, fields)
}

/// How many clocks move, in words.
pub(super) fn clocks_text(visit: &Visit, moved: &Recomputed) -> String {
    let [running, changed, late] =
        [moved.running, moved.changed, moved.newly_late].map(|count| count.to_string());
    visit.t("clock.moved", &[("running", &running), ("changed", &changed), ("late", &late)])
}

fn ask(
    visit: &Visit,
    (title, text): (&str, String),
    steps: Vec<(String, String)>,
    (action, back): (&str, &str),
    button: &str,
    fields: Vec<(String, String)>,
) -> Result<Response, Failure> {
    let confirm = Confirm {
        gentle: steps.iter().all(|(key, _)| key == CLOCKS),
        text,
        action: visit.base.path(action),
        back: visit.base.path(back),
        button: visit.t(button, &[]),
        fields,
        steps,
    };
    visit.page("admin/confirm.html", title, Page { confirm })
}

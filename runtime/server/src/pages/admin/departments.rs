//! Departments as a tree, changed in dialogs on one page.

use axum::extract::{Form, Path};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::{administrator, optional, value};
use crate::Failure;
use crate::api::departments::{self, DepartmentInput, DepartmentView};
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

/// Levels that are indented; deeper ones stand below each other.
const DEPTH_SHOWN: usize = 5;

#[derive(Serialize)]
struct Page {
    departments: Vec<Row>,
    blank: Row,
}

#[derive(Serialize, Default)]
struct Row {
    id: Option<String>,
    name: String,
    parent: Option<String>,
    depth: usize,
    people: usize,
}

/// Departments in order of the tree.
fn in_order(
    all: &[DepartmentView],
    parent: Option<Uuid>,
    depth: usize,
    out: &mut Vec<(usize, DepartmentView)>,
) {
    for one in all.iter().filter(|one| one.parent == parent) {
        // More rows than departments would be a circle.
        if out.len() >= all.len() {
            return;
        }
        out.push((depth, one.clone()));
        in_order(all, Some(one.id), depth + 1, out);
    }
}

async fn page(visit: &Visit, failure: Option<&Failure>) -> Result<Response, Failure> {
    let all = departments::all(&visit.state, visit).await?;
    let directory = visit.tenant.engine.directory();
    let mut ordered = Vec::with_capacity(all.len());
    in_order(&all, None, 0, &mut ordered);
    let row = |(depth, one): (usize, DepartmentView)| Row {
        people: directory.users().filter(|user| user.active && user.department == Some(one.id)).count(),
        id: Some(one.id.to_string()),
        name: one.name,
        parent: one.parent.map(|id| id.to_string()),
        depth: depth.min(DEPTH_SHOWN),
    };
    let page = Page { departments: ordered.into_iter().map(row).collect(), blank: Row::default() };
    visit.page_telling("admin/departments.html", &visit.t("departments.title", &[]), page, failure)
}

/// `GET /admin/departments`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, None).await
}

fn input(form: &[(String, String)]) -> DepartmentInput {
    DepartmentInput {
        name: Some(value(form, "name").to_owned()),
        parent: Some(optional(form, "parent").map(|text| text.parse().unwrap_or(Uuid::nil()))),
        position: None,
    }
}

async fn answer(visit: &Visit, done: Result<(), Failure>, told: &str) -> Result<Response, Failure> {
    match done {
        Ok(()) => Ok(visit.go_with("/admin/departments", &Toast::good(visit.t(told, &[])))),
        Err(failure) if failure.issues().is_empty() => Err(failure),
        Err(failure) => page(visit, Some(&failure)).await,
    }
}

/// `POST /admin/departments`.
pub(in crate::pages) async fn create(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let done = departments::create(&visit.state, &by, input(&form)).await;
    answer(&visit, done.map(drop), "departments.saved").await
}

/// `POST /admin/departments/{id}`.
pub(in crate::pages) async fn update(
    visit: Visit,
    Path(id): Path<Uuid>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let done = departments::update(&visit.state, &by, id, input(&form)).await;
    answer(&visit, done.map(drop), "departments.saved").await
}

/// `POST /admin/departments/{id}/delete`.
pub(in crate::pages) async fn delete(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let done = departments::remove(&visit.state, &by, id).await;
    answer(&visit, done, "departments.deleted").await
}

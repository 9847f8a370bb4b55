//! People of a tenant: who they are, where they belong, which roles they have.

use axum::extract::{Form, Path};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::{administrator, optional, value};
use crate::Failure;
use crate::api::users::{self, UserInput, UserView};
use crate::pages::flash::Toast;
use crate::pages::lookup;
use crate::pages::problem::Problem;
use crate::pages::sessions;
use crate::pages::visit::Visit;

/// Code of a change to what somebody else has changed since.
const STALE: &str = "record.stale";

type Pairs = Form<Vec<(String, String)>>;

#[derive(Serialize)]
struct ListPage {
    q: String,
    users: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    login: String,
    department: Option<String>,
    roles: Vec<String>,
    admin: bool,
    active: bool,
}

/// `GET /admin/users?q=`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let q = visit.look.param("q").unwrap_or_default().trim().to_lowercase();
    let fits = |user: &UserView| {
        let texts = [Some(&user.name), Some(&user.login), user.email.as_ref(), user.phone.as_ref()];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&q))
    };
    let role = |key: &String| {
        model.roles.get(key).map_or(key.clone(), |role| role.label.get(visit.language).to_owned())
    };
    let row = |user: UserView| Row {
        id: user.id.to_string(),
        department: user.department.and_then(|id| directory.department(id)).map(|one| one.name.clone()),
        // Apps often have roles of the same name: said once, it is understood.
        roles: user.roles.iter().map(role).fold(Vec::new(), |mut names, name| {
            if !names.contains(&name) {
                names.push(name);
            }
            names
        }),
        name: user.name,
        login: user.login,
        admin: user.administrator,
        active: user.active,
    };
    let mut all = users::all(&visit.state, &visit).await?;
    all.sort_by_key(|user| !user.active);
    let page = ListPage { users: all.into_iter().filter(fits).map(row).collect(), q };
    visit.page("admin/users.html", &visit.t("users.title", &[]), page)
}

#[derive(Serialize)]
struct UserPage {
    problem: Option<Problem>,
    action: String,
    user: UserContext,
    sessions: Vec<sessions::Row>,
    fields: Vec<Field>,
    roles: Vec<RoleGroup>,
}

#[derive(Serialize, Default)]
struct UserContext {
    id: Option<String>,
    name: String,
    active: bool,
    admin: bool,
    version: Option<i64>,
}

#[derive(Serialize, Default)]
struct Field {
    id: String,
    name: &'static str,
    label: String,
    kind: &'static str,
    value: String,
    title: String,
    source: String,
    help: Option<String>,
    required: bool,
    autocomplete: &'static str,
    options: Vec<Choice>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
}

#[derive(Serialize)]
struct RoleGroup {
    app: String,
    roles: Vec<Role>,
}

#[derive(Serialize)]
struct Role {
    key: String,
    label: String,
    description: Option<String>,
    selected: bool,
}

/// What the form holds, be it of a user or as it was sent.
struct Typed {
    texts: Vec<(&'static str, String)>,
    admin: bool,
    roles: Vec<String>,
}

const NAMES: [&str; 8] =
    ["name", "login", "email", "phone", "department", "supervisor", "language", "password"];

impl Typed {
    fn of_user(user: &UserView) -> Typed {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        Typed {
            texts: vec![
                ("name", user.name.clone()),
                ("login", user.login.clone()),
                ("email", user.email.clone().unwrap_or_default()),
                ("phone", user.phone.clone().unwrap_or_default()),
                ("department", id(user.department)),
                ("supervisor", id(user.supervisor)),
                ("language", user.language.clone().unwrap_or_default()),
            ],
            admin: user.administrator,
            roles: user.roles.clone(),
        }
    }

    fn of_form(form: &[(String, String)]) -> Typed {
        Typed {
            texts: NAMES.iter().map(|name| (*name, value(form, name).to_owned())).collect(),
            admin: value(form, "admin") == "true",
            roles: form.iter().filter(|(name, _)| name == "roles").map(|(_, key)| key.clone()).collect(),
        }
    }

    fn get(&self, name: &str) -> &str {
        self.texts.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }
}

/// The inputs. Over a user that somebody else has changed, each says what is `stored` where that differs.
fn fields(
    visit: &Visit,
    typed: &Typed,
    new: bool,
    failure: Option<&Failure>,
    stored: Option<&Typed>,
) -> Vec<Field> {
    let directory = visit.tenant.engine.directory();
    let error = |name: &str| {
        let issue = failure?.issues().iter().find(|issue| issue.field == name)?;
        Some(issue.text(visit.language))
    };
    let other = |name: &str| {
        let now = stored.map(|stored| stored.get(name)).filter(|now| *now != typed.get(name))?;
        let id: Option<Uuid> = now.parse().ok();
        let words = match name {
            "department" => id.and_then(|id| directory.department(id)).map(|one| one.name.clone()),
            "supervisor" => id.and_then(|id| directory.user(id)).map(|user| user.name.clone()),
            "password" => return None,
            _ => Some(now.to_owned()),
        };
        let words = words.filter(|words| !words.is_empty()).unwrap_or_else(|| "–".to_owned());
        Some(visit.t("users.stored_now", &[("value", &words)]))
    };
    let field = |name: &'static str, kind: &'static str| Field {
        id: format!("user-{name}"),
        label: visit.t(&format!("users.{name}"), &[]),
        value: if name == "password" { String::new() } else { typed.get(name).to_owned() },
        required: matches!(name, "name" | "login"),
        error: error(name).or_else(|| other(name)),
        autocomplete: if name == "password" { "new-password" } else { "off" },
        name,
        kind,
        ..Field::default()
    };
    let mut departments: Vec<Choice> = directory
        .departments()
        .map(|one| Choice { value: one.id.to_string(), label: one.name.clone() })
        .collect();
    departments.sort_by(|one, other| one.label.cmp(&other.label));
    let languages = mortise_definition::locale::languages().into_iter().map(|tag| Choice {
        value: tag.to_owned(),
        label: mortise_definition::locale::translate(tag, "ui.language.name", &[]),
    });
    let supervisor = typed.get("supervisor").parse().ok().and_then(|id| directory.user(id));
    let help = if new { "users.password_new_help" } else { "users.password_keep_help" };
    vec![
        field("name", "text"),
        field("login", "text"),
        field("email", "email"),
        field("phone", "tel"),
        Field { options: departments, ..field("department", "select") },
        Field {
            source: lookup::users_address(&visit.by),
            title: supervisor.map(|user| user.name.clone()).unwrap_or_default(),
            ..field("supervisor", "user")
        },
        Field { options: languages.collect(), ..field("language", "select") },
        Field { help: Some(visit.t(help, &[])), ..field("password", "password") },
    ]
}

fn roles(visit: &Visit, typed: &Typed) -> Vec<RoleGroup> {
    let model = visit.tenant.engine.model();
    let groups = model.apps.iter().enumerate().map(|(index, app)| RoleGroup {
        app: app.label.get(visit.language).to_owned(),
        roles: model
            .roles
            .values()
            .filter(|role| role.app == index)
            .map(|role| Role {
                key: role.key.clone(),
                label: role.label.get(visit.language).to_owned(),
                description: role.description.as_ref().map(|text| text.get(visit.language).to_owned()),
                selected: typed.roles.contains(&role.key),
            })
            .collect(),
    });
    groups.filter(|group| !group.roles.is_empty()).collect()
}

async fn page(
    visit: &Visit,
    user: Option<&UserView>,
    typed: &Typed,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let context = UserContext {
        id: user.map(|user| user.id.to_string()),
        name: user.map(|user| user.name.clone()).unwrap_or_default(),
        active: user.is_some_and(|user| user.active),
        admin: typed.admin,
        version: user.map(|user| user.version),
    };
    let stale = failure.is_some_and(|failure| failure.code() == STALE);
    let stored = user.filter(|_| stale).map(Typed::of_user);
    let path =
        context.id.clone().map_or_else(|| "/admin/users/new".to_owned(), |id| format!("/admin/users/{id}"));
    let title = if user.is_some() { context.name.clone() } else { visit.t("users.new", &[]) };
    let page = UserPage {
        problem: failure.map(|failure| match Problem::of(failure, visit.language) {
            problem if stale => problem.with_hint(visit.t("users.stale", &[])),
            problem => problem,
        }),
        sessions: match user {
            Some(user) => sessions::rows(visit, user.id).await?,
            None => Vec::new(),
        },
        action: visit.base.path(&path),
        fields: fields(visit, typed, user.is_none(), failure, stored.as_ref()),
        roles: roles(visit, typed),
        user: context,
    };
    let mut response = visit.page("admin/user.html", &title, page)?;
    if let Some(failure) = failure {
        *response.status_mut() = failure.status();
    }
    Ok(response)
}

/// `GET /admin/users/new`.
pub(in crate::pages) async fn new(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, None, &Typed { texts: Vec::new(), admin: false, roles: Vec::new() }, None).await
}

/// `GET /admin/users/{id}`.
pub(in crate::pages) async fn edit(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let user = users::one(&visit.state, &visit, id).await?;
    page(&visit, Some(&user), &Typed::of_user(&user), None).await
}

/// What the form says; a field that holds no id where one belongs is reported by the API's check.
fn input(form: &[(String, String)]) -> UserInput {
    let id = |name: &str| optional(form, name).map(|text| text.parse().unwrap_or(Uuid::nil()));
    let typed = Typed::of_form(form);
    UserInput {
        login: Some(value(form, "login").to_owned()),
        name: Some(value(form, "name").to_owned()),
        password: optional(form, "password"),
        email: Some(optional(form, "email")),
        phone: Some(optional(form, "phone")),
        active: None,
        administrator: Some(typed.admin),
        language: Some(optional(form, "language")),
        department: Some(id("department")),
        supervisor: Some(id("supervisor")),
        roles: Some(typed.roles),
    }
}

/// `POST /admin/users/new`.
pub(in crate::pages) async fn create(visit: Visit, Form(form): Pairs) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    match users::create(&visit.state, &by, input(&form)).await {
        Ok(user) => Ok(saved(&visit, &user)),
        Err(failure) if failure.status().is_client_error() => {
            page(&visit, None, &Typed::of_form(&form), Some(&failure)).await
        }
        Err(failure) => Err(failure),
    }
}

/// `POST /admin/users/{id}`.
pub(in crate::pages) async fn update(
    visit: Visit,
    Path(id): Path<Uuid>,
    Form(form): Pairs,
) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    // Without a version the form is not ours; then the last one wins, as in the API.
    let version = value(&form, "version").parse().ok();
    match users::update(&visit.state, &by, id, version, input(&form)).await {
        Ok(user) => Ok(saved(&visit, &user)),
        Err(failure) if failure.issues().is_empty() && failure.code() != STALE => Err(failure),
        Err(failure) => {
            let user = users::one(&visit.state, &visit, id).await?;
            page(&visit, Some(&user), &Typed::of_form(&form), Some(&failure)).await
        }
    }
}

fn saved(visit: &Visit, user: &UserView) -> Response {
    visit.go_with("/admin/users", &Toast::good(visit.t("users.saved", &[("name", &user.name)])))
}

/// `POST /admin/users/{id}/deactivate`.
pub(in crate::pages) async fn deactivate(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    set_active(&visit, id, false, "users.deactivated").await
}

/// `POST /admin/users/{id}/activate`.
pub(in crate::pages) async fn activate(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    set_active(&visit, id, true, "users.activated").await
}

async fn set_active(visit: &Visit, id: Uuid, active: bool, told: &str) -> Result<Response, Failure> {
    let by = administrator(visit)?;
    let input = UserInput { active: Some(active), ..UserInput::default() };
    let toast = match users::update(&visit.state, &by, id, None, input).await {
        Ok(user) => Toast::good(visit.t(told, &[("name", &user.name)])),
        Err(failure) => match failure.issues().first() {
            Some(issue) => Toast::error(issue.text(visit.language)),
            None => return Err(failure),
        },
    };
    Ok(visit.go_with(&format!("/admin/users/{id}"), &toast))
}

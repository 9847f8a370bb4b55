//! Moving a card: to another column of a board, which is a step of the records' course or a change of a field, or to another day.
//! The answer says what became of it and how things stand now; what stands in the way is explained, never worked around.

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use mortise_definition::model::{Slot, system};
use mortise_definition::source::ViewKind;
use mortise_engine::{Command, Error, Op, Record, RunOptions, TransitionOffer, values};
use mortise_expr::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use uuid::Uuid;

use super::refusal::{self, Refusal};
use super::{Scene, board, condition, days};
use crate::Failure;
use crate::pages::list::params::Params;
use crate::pages::list::{entity_of, query_of, title_of, view_of};
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// What the script tells of a move while it goes on; `{title}` and `{lane}` are filled in by it.
const TEXTS: [&str; 7] = ["picked", "over", "done", "cancelled", "left", "failed", "working"];

/// A card that is to be moved.
#[derive(Deserialize)]
pub(in crate::pages) struct Moving {
    /// Parameters of the list that is shown.
    #[serde(default)]
    here: String,
    view: String,
    /// Column or day to which it goes.
    to: String,
    /// The version that the person has seen.
    version: i64,
    /// The transition, where several lead there.
    transition: Option<String>,
}

/// What became of it.
#[derive(Serialize, Default)]
struct Answer {
    /// `done`, `stale`, `refused`, `form` or `choose`.
    kind: &'static str,
    message: Option<String>,
    /// An explanation or a question.
    html: Option<String>,
    /// A form that asks for what is needed.
    href: Option<String>,
    /// The card as it is now; none when it is not in the view any more.
    card: Option<String>,
    /// The column or day where it is now.
    lane: Option<String>,
    heads: Vec<board::Head>,
}

/// What a move is.
enum Step {
    Run(Command),
    Answer(Answer),
}

/// One of several ways to where a card was dropped.
#[derive(Serialize)]
struct Way {
    id: String,
    label: String,
    color: String,
}

/// The words of the script, as JSON.
pub(super) fn texts(scene: &Scene<'_>) -> String {
    let text = |key: &&str| ((*key).to_owned(), scene.t(&format!("move.{key}"), &[]).into());
    serde_json::Value::Object(TEXTS.iter().map(text).collect()).to_string()
}

/// `POST /a/{app}/{entity}/{id}/move`.
pub(in crate::pages) async fn take(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(moving): Form<Moving>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let params = Params::parse(&moving.here).rewound().with("view", moving.view.as_str());
    let view = view_of(&visit, &entity, &params).ok_or_else(|| Failure::not_found("http.not_found"))?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, &entity));
    let scene =
        Scene { visit: &visit, show: &show, entity: &entity, view: &view, params: &params, path: &path };
    let record = visit.tenant.engine.read(visit.actor(), &entity.key, id).await?;
    let answer = if record.version() == moving.version {
        match step(&scene, &record, &moving).await? {
            Step::Answer(answer) => answer,
            Step::Run(command) => run(&scene, &record, command).await?,
        }
    } else {
        stale(&scene, &record).await?
    };
    let status = match answer.kind {
        "refused" => StatusCode::UNPROCESSABLE_ENTITY,
        "stale" => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    };
    Ok((status, crate::api::body::json(&answer)).into_response())
}

async fn step(scene: &Scene<'_>, record: &Record, moving: &Moving) -> Result<Step, Failure> {
    let nowhere = || Failure::not_found("query.value").with("name", "to").with("value", &moving.to);
    match (scene.view.kind, scene.view.layout.by, scene.view.layout.start) {
        (ViewKind::Board, Some(by), _) => {
            let field = &scene.entity.fields[by];
            let value = board::value_of(field, &moving.to).ok_or_else(nowhere)?;
            match board::lifecycle_field(scene) {
                Some(state) if state == by => course(scene, record, &value, moving).await,
                _ => Ok(Step::Run(change(scene, record, &[(by, value)]))),
            }
        }
        (ViewKind::Calendar, _, Some(start)) => {
            let day = moving.to.parse().map_err(|_| nowhere())?;
            Ok(Step::Run(change(scene, record, &days::moved(scene, record, start, day))))
        }
        _ => Err(nowhere()),
    }
}

fn change(scene: &Scene<'_>, record: &Record, changes: &[(Slot, Value)]) -> Command {
    let pair =
        |(slot, value): &(Slot, Value)| (scene.entity.fields[*slot].name.to_string(), values::to_json(value));
    Command::Update {
        entity: scene.entity.key.clone(),
        id: record.id(),
        version: Some(record.version()),
        values: changes.iter().map(pair).collect(),
    }
}

/// The transition that leads to a state: taken at once where nothing is asked.
async fn course(scene: &Scene<'_>, record: &Record, to: &Value, moving: &Moving) -> Result<Step, Failure> {
    let engine = &scene.visit.tenant.engine;
    let offers = engine.transitions(scene.visit.actor(), &scene.entity.key, record).await?;
    let fits = |offer: &&TransitionOffer| {
        to.as_text() == Some(&*offer.to) && moving.transition.as_ref().is_none_or(|id| *id == offer.id)
    };
    let ways: Vec<&TransitionOffer> = offers.iter().filter(fits).collect();
    let offer = match ways.as_slice() {
        [] => return refuse(scene, &refusal::no_way(scene, record, to, &offers)).map(Step::Answer),
        [only] => only,
        several => return choose(scene, several).map(Step::Answer),
    };
    if !offer.requires.is_empty() {
        let href = format!("{}/{}/transitions/{}", scene.path, record.id(), offer.id);
        return Ok(Step::Answer(Answer { kind: "form", href: Some(href), ..Answer::default() }));
    }
    if !offer.ready {
        return refuse(scene, &refusal::not_ready(scene, record, offer)).map(Step::Answer);
    }
    Ok(Step::Run(Command::Transition {
        entity: scene.entity.key.clone(),
        id: record.id(),
        version: Some(record.version()),
        transition: offer.id.clone(),
        values: Map::new(),
    }))
}

async fn run(scene: &Scene<'_>, record: &Record, command: Command) -> Result<Answer, Failure> {
    let visit = scene.visit;
    match visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await {
        Ok(_) => fresh(scene, record.id(), Answer { kind: "done", ..Answer::default() }).await,
        Err(Error::Stale { .. }) => stale(scene, record).await,
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() {
                return Err(failure);
            }
            refuse(scene, &refusal::of(scene, record, &failure))
        }
    }
}

fn choose(scene: &Scene<'_>, ways: &[&TransitionOffer]) -> Result<Answer, Failure> {
    let way = |offer: &&TransitionOffer| Way {
        id: offer.id.clone(),
        label: offer.label.get(scene.visit.language).to_owned(),
        color: offer.color.clone().unwrap_or_default(),
    };
    let ways: Vec<Way> = ways.iter().map(way).collect();
    let html = fragment(scene, "views/choose.html", json!({ "ways": ways }))?;
    Ok(Answer { kind: "choose", html: Some(html), ..Answer::default() })
}

fn refuse(scene: &Scene<'_>, refusal: &Refusal) -> Result<Answer, Failure> {
    let message = Some(refusal.title().to_owned());
    let html = fragment(scene, "views/refused.html", json!({ "refusal": refusal }))?;
    Ok(Answer { kind: "refused", html: Some(html), message, ..Answer::default() })
}

/// Somebody changed the record meanwhile: it is shown as it is now, and whoever moved it decides again.
async fn stale(scene: &Scene<'_>, record: &Record) -> Result<Answer, Failure> {
    let title = title_of(scene.show, scene.entity, record);
    let message = Some(scene.t("move.stale", &[("title", &title)]));
    fresh(scene, record.id(), Answer { kind: "stale", message, ..Answer::default() }).await
}

/// The card and what stands above the columns, as they are now.
async fn fresh(scene: &Scene<'_>, id: Uuid, mut answer: Answer) -> Result<Answer, Failure> {
    let visit = scene.visit;
    let (Some(mut query), _) = query_of(visit, scene.entity, scene.params) else { return Ok(answer) };
    (query.limit, query.total, query.cursor) = (1, false, None);
    let own = [vec![condition(system::ID, Op::Eq, Value::Id(id))]];
    let parts = visit.tenant.engine.parts(visit.actor(), &query, &own).await?;
    let layout = &scene.view.layout;
    if let Some(record) = parts.first().and_then(|part| part.rows.first()) {
        let card = scene.cards().card(record);
        let time = layout.start.and_then(|start| days::clock(scene, &record.values[start]));
        let parts = json!({ "card": card, "movable": true, "time": time, "color": scene.color(record) });
        answer.lane = match scene.view.kind {
            ViewKind::Board => layout.by.map(|by| board::lane_of(&record.values[by])),
            _ => layout
                .start
                .and_then(|start| days::of(scene, &record.values[start]))
                .map(|day| day.to_string()),
        };
        let template = match scene.view.kind {
            ViewKind::Board => "views/one_card.html",
            _ => "views/one_event.html",
        };
        answer.card = Some(fragment(scene, template, parts)?);
    }
    if let (ViewKind::Board, Some(by)) = (scene.view.kind, layout.by) {
        answer.heads = board::heads(scene, &query, by).await?;
    }
    Ok(answer)
}

/// A piece of a page, from its template as all pages are.
fn fragment(scene: &Scene<'_>, template: &str, parts: serde_json::Value) -> Result<String, Failure> {
    let templates = &scene.visit.state.pages.templates;
    let html = templates.render(scene.visit.language, template, minijinja::Value::from(Serde(parts)));
    html.map_err(|error| Failure::internal(format!("{error:#}")))
}

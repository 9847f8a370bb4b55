//! Lists that are not drawn as a table: boards, calendars, timelines, maps and galleries. Filters, search and tabs above them are
//! those of the list; here is only what stands below. Each is read by a few statements, however many parts it has; what
//! the person may not see never shapes a drawing: then the view is a table.

mod board;
mod calendar;
mod card;
mod days;
mod gallery;
mod map;
mod moving;
mod refusal;
mod timeline;

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::{EntityModel, Slot, ViewModel};
use mortise_definition::source::ViewKind;
use mortise_engine::{Condition, Op, Query};
use mortise_expr::Value;
use serde::Serialize;

pub(super) use moving::take;

use self::card::{Card, Cards};
use super::list::params::Params;
use super::list::{entity_of, query_of, view_of};
use super::shell::entity_path;
use super::show::Show;
use super::visit::Visit;
use crate::Failure;

/// A view that is drawn otherwise than as a table.
#[derive(Serialize)]
pub(super) struct Drawn {
    /// The template that draws it.
    template: &'static str,
    /// Nothing is in it, and an empty drawing would tell nothing: then the list says so.
    empty: bool,
    /// What the template needs.
    #[serde(flatten)]
    parts: Parts,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Parts {
    Board(board::Board),
    Calendar(calendar::Calendar),
    Timeline(timeline::Timeline),
    Map(map::Map),
    Gallery(gallery::Gallery),
}

/// All that a drawing depends on.
struct Scene<'a> {
    visit: &'a Visit,
    show: &'a Show<'a>,
    entity: &'a EntityModel,
    view: &'a ViewModel,
    params: &'a Params,
    /// Address of the list, with base.
    path: &'a str,
}

impl Scene<'_> {
    fn cards(&self) -> Cards<'_> {
        Cards { show: self.show, entity: self.entity, view: self.view, path: self.path }
    }

    fn t(&self, key: &str, args: &[(&str, &str)]) -> String {
        self.visit.t(&format!("views.{key}"), args)
    }

    /// The same list with one parameter set.
    fn href(&self, name: &str, value: &str) -> String {
        self.params.rewound().with(name, value).href(self.path)
    }

    /// Where the records of one part of it are read.
    fn part_href(&self, name: &str, value: &str) -> String {
        let params = self.params.rewound().with("view", &*self.view.key).query();
        let part = serde_urlencoded::to_string([(name, value)]).unwrap_or_default();
        format!("{}/cards?{params}&{part}", self.path)
    }

    /// The colour of a record by the choice that gives it.
    fn color(&self, record: &mortise_engine::Record) -> Option<String> {
        use super::show::Cell;
        let slot = self.view.layout.color?;
        match self.show.cell(self.entity, record, slot) {
            Cell::Badge(badge) => Some(badge.color),
            _ => None,
        }
    }
}

/// Draws a view, unless it is a table or shaped by a field that the person may not see.
pub(super) async fn draw(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    query: &Query,
) -> Result<Option<Drawn>, Failure> {
    let Some(view) = view_of(visit, entity, params) else { return Ok(None) };
    let layout = &view.layout;
    let shaping = [layout.by, layout.start, layout.end, layout.place, layout.image];
    if !shaping.into_iter().flatten().all(|slot| visit.by.sees(entity, slot)) {
        return Ok(None);
    }
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, entity));
    let scene = Scene { visit, show: &show, entity, view: &view, params, path: &path };
    let (template, empty, parts) = match (view.kind, layout.by, layout.start, layout.place, layout.image) {
        (ViewKind::Board, Some(by), ..) => {
            let board = board::draw(&scene, query, by).await?;
            ("views/board.html", board.is_empty(), Parts::Board(board))
        }
        (ViewKind::Calendar, _, Some(start), ..) => {
            ("views/calendar.html", false, Parts::Calendar(calendar::draw(&scene, query, start).await?))
        }
        (ViewKind::Timeline, _, Some(start), ..) => {
            ("views/timeline.html", false, Parts::Timeline(timeline::draw(&scene, query, start).await?))
        }
        (ViewKind::Map, _, _, Some(place), _) => {
            let map = map::draw(&scene, query, place).await?;
            ("views/map.html", map.is_empty(), Parts::Map(map))
        }
        (ViewKind::Gallery, .., Some(image)) => {
            let gallery = gallery::draw(&scene, query, image).await?;
            ("views/gallery.html", gallery.is_empty(), Parts::Gallery(gallery))
        }
        _ => return Ok(None),
    };
    Ok(Some(Drawn { template, empty, parts }))
}

/// One condition on one field.
fn condition(slot: Slot, op: Op, value: Value) -> Condition {
    Condition { slot, op, values: vec![value], text: String::new() }
}

#[derive(Serialize)]
struct More {
    cards: Vec<Card>,
    more: Option<String>,
    /// Cards of a board can be moved.
    movable: bool,
}

/// `GET /a/{app}/{entity}/cards?…&lane=` (a column of a board) or `&place=` (a place on the map): its records, from a cursor on.
pub(super) async fn cards(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let entity: Arc<EntityModel> = entity_of(&visit, &app, &entity)?;
    let params = Params::read(visit.look.params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let view = view_of(&visit, &entity, &params).ok_or_else(|| Failure::not_found("http.not_found"))?;
    let (query, _) = query_of(&visit, &entity, &params);
    let mut query = query.ok_or_else(|| Failure::bad_request("query.filter"))?;
    let lane = visit.look.param("lane").zip(view.layout.by);
    let place = visit.look.param("place").zip(view.layout.place);
    let (name, value, one) = match (lane, place) {
        (Some((lane, by)), _) => {
            let unknown = || Failure::not_found("query.value").with("name", "lane").with("value", lane);
            let value = board::value_of(&entity.fields[by], lane).ok_or_else(unknown)?;
            ("lane", lane, condition(by, Op::Eq, value))
        }
        (_, Some((place, slot))) => ("place", place, condition(slot, Op::Under, Value::text(place))),
        _ => return Err(Failure::not_found("http.not_found")),
    };
    query.conditions.push(one);
    (query.limit, query.total) = (board::LANE_PAGE, false);
    let page = visit.tenant.engine.list(visit.actor(), &query).await?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, &entity));
    let scene =
        Scene { visit: &visit, show: &show, entity: &entity, view: &view, params: &params, path: &path };
    let more = page.next.map(|cursor| board::more_href(&scene, name, value, &cursor));
    let cards = scene.cards().all(&page.rows);
    let movable = name == "lane" && view.layout.by.is_some_and(|by| board::movable(&scene, by));
    let template = if visit.htmx { "views/cards.html" } else { "views/all_cards.html" };
    visit.page(template, entity.plural.get(visit.language), More { cards, more, movable })
}

//! Boards: a column of cards for each value of a field. One statement counts and adds up all columns, one reads the first
//! cards of all of them; the rest of a column comes when somebody asks for it.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_engine::{Condition, Group, Op, Part, Query};
use mortise_expr::Value;
use serde::Serialize;

use super::card::Card;
use super::{Scene, condition};
use crate::Failure;
use crate::pages::list::field_label;
use crate::pages::show::{Cell, grouped};

/// Cards of a column at first, and each time that more are asked for.
pub(super) const LANE_PAGE: u64 = 20;
/// Columns at most; nobody finds a card among more.
const LANES_MAX: usize = 30;
/// The column of records without a value.
const NONE: &str = "-";

/// A board as its template needs it.
#[derive(Serialize)]
pub(super) struct Board {
    url: String,
    view: String,
    /// The field by which it is divided.
    by: String,
    /// Its columns are steps of a course.
    course: bool,
    movable: bool,
    sum: Option<String>,
    lanes: Vec<Lane>,
    /// There are more columns than are shown.
    cut: bool,
    /// What the script says.
    texts: String,
}

impl Board {
    /// Whether there is no card at all.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.cards.is_empty())
    }
}

/// A column.
#[derive(Serialize)]
struct Lane {
    #[serde(flatten)]
    head: Head,
    label: String,
    color: Option<String>,
    cards: Vec<Card>,
    more: Option<String>,
    /// The form of a new record in this column.
    add: Option<String>,
}

/// What stands above a column.
#[derive(Serialize)]
pub(super) struct Head {
    id: String,
    count: String,
    sum: Option<String>,
}

/// A column before its cards are known.
struct Column {
    value: Value,
    label: String,
    color: Option<String>,
}

/// Reads and describes a board.
pub(super) async fn draw(scene: &Scene<'_>, query: &Query, by: Slot) -> Result<Board, Failure> {
    let engine = &scene.visit.tenant.engine;
    let sum = sum_of(scene);
    let groups = engine.groups(scene.visit.actor(), query, by, sum).await?;
    let mut columns = columns(scene, by, &groups).await?;
    if query.conditions.iter().any(|one| one.slot == by) {
        columns.retain(|column| groups.iter().any(|group| group.value == column.value));
    }
    let cut = columns.len() > LANES_MAX;
    columns.truncate(LANES_MAX);
    // Columns without cards are not asked for: to find nothing takes the longest.
    let has_cards = |column: &Column| groups.iter().any(|group| group.value == column.value);
    let cases: Vec<Vec<Condition>> = columns
        .iter()
        .filter(|column| has_cards(column))
        .map(|column| vec![condition(by, Op::Eq, column.value.clone())])
        .collect();
    let first = Query { limit: LANE_PAGE, cursor: None, total: false, ..query.clone() };
    let mut parts = engine.parts(scene.visit.actor(), &first, &cases).await?.into_iter();
    let lanes = columns.into_iter().map(|column| {
        let part = if has_cards(&column) { parts.next() } else { None };
        lane(scene, &groups, column, part.unwrap_or_default())
    });
    let field = &scene.entity.fields[by];
    Ok(Board {
        url: scene.path.to_owned(),
        view: scene.view.key.clone(),
        by: field_label(scene.show, field),
        course: lifecycle_field(scene) == Some(by),
        movable: movable(scene, by),
        sum: sum.map(|slot| field_label(scene.show, &scene.entity.fields[slot])),
        lanes: lanes.collect(),
        cut,
        texts: super::moving::texts(scene),
    })
}

/// The number that is added up, if the person may see it.
fn sum_of(scene: &Scene<'_>) -> Option<Slot> {
    scene.view.layout.sum.filter(|slot| scene.visit.by.sees(scene.entity, *slot))
}

/// What stands above the columns now, after a card was moved.
pub(super) async fn heads(scene: &Scene<'_>, query: &Query, by: Slot) -> Result<Vec<Head>, Failure> {
    let engine = &scene.visit.tenant.engine;
    let groups = engine.groups(scene.visit.actor(), query, by, sum_of(scene)).await?;
    Ok(groups.iter().map(|group| head(scene, &group.value, Some(group))).collect())
}

/// The field that holds the state of the records' course.
pub(super) fn lifecycle_field(scene: &Scene<'_>) -> Option<Slot> {
    let automation = &scene.show.model.automation;
    automation.by_entity.get(scene.entity.index)?.lifecycle.as_ref().map(|lifecycle| lifecycle.field)
}

/// Whether the person may move cards at all; whether this one, the engine says when it is moved.
pub(super) fn movable(scene: &Scene<'_>, by: Slot) -> bool {
    match lifecycle_field(scene) {
        Some(state) if state == by => scene.visit.may(scene.entity, Operation::Update),
        _ => scene.visit.by.opens(scene.entity, Operation::Update, by),
    }
}

/// The name of a column in addresses.
pub(super) fn lane_of(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Id(id) => id.to_string(),
        _ => NONE.to_owned(),
    }
}

/// The value that the name of a column means.
pub(super) fn value_of(field: &FieldModel, lane: &str) -> Option<Value> {
    if lane == NONE {
        return Some(Value::Null);
    }
    match field.kind {
        FieldKind::Boolean => lane.parse().ok().map(Value::Bool),
        FieldKind::Choice { .. } => Some(Value::text(lane)),
        FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team => lane.parse().ok().map(Value::Id),
        _ => None,
    }
}

/// Where the next cards of a part are read.
pub(super) fn more_href(scene: &Scene<'_>, name: &str, value: &str, cursor: &str) -> String {
    let cursor = serde_urlencoded::to_string([("cursor", cursor)]).unwrap_or_default();
    format!("{}&{cursor}", scene.part_href(name, value))
}

fn lane(scene: &Scene<'_>, groups: &[Group], column: Column, part: Part) -> Lane {
    let head = head(scene, &column.value, groups.iter().find(|group| group.value == column.value));
    Lane {
        add: adding(scene, &column.value),
        more: part.next.map(|cursor| more_href(scene, "lane", &head.id, &cursor)),
        cards: scene.cards().all(&part.rows),
        label: column.label,
        color: column.color,
        head,
    }
}

/// Where a record is made that has this value from the start: the state of a course is nobody's to choose.
fn adding(scene: &Scene<'_>, value: &Value) -> Option<String> {
    let by = scene.view.layout.by.filter(|by| lifecycle_field(scene) != Some(*by))?;
    let may = scene.visit.may(scene.entity, Operation::Create)
        && scene.visit.by.opens(scene.entity, Operation::Create, by);
    let name = &*scene.entity.fields[by].name;
    let query = serde_urlencoded::to_string([(name, lane_of(value).as_str())]).ok()?;
    (may && !value.is_null()).then(|| format!("{}/new?{query}", scene.path))
}

fn head(scene: &Scene<'_>, value: &Value, group: Option<&Group>) -> Head {
    let sum = group.zip(sum_of(scene)).filter(|(group, _)| !group.sum.is_null());
    Head {
        id: lane_of(value),
        count: grouped(group.map_or(0, |group| group.count)),
        sum: sum.map(|(group, slot)| scene.show.words(&scene.entity.fields[slot], &group.sum)),
    }
}

/// The columns: all values that a record can be given where they are few, else those that records have.
async fn columns(scene: &Scene<'_>, by: Slot, groups: &[Group]) -> Result<Vec<Column>, Failure> {
    let field = &scene.entity.fields[by];
    let mut columns: Vec<Column> = match &field.kind {
        FieldKind::Choice { choices } => choices
            .iter()
            .filter(|choice| !choice.retired)
            .map(|choice| column(scene, field, Value::text(choice.value.as_str())))
            .collect(),
        FieldKind::Boolean => [true, false].map(|yes| column(scene, field, Value::Bool(yes))).into(),
        FieldKind::Reference { entity } => {
            references(scene, &scene.show.model.entities[*entity], groups).await?
        }
        _ => people(scene, field, groups),
    };
    // Also what was retired, or went, while records still have it.
    for group in groups {
        if !columns.iter().any(|column: &Column| column.value == group.value) {
            let mut left = column(scene, field, group.value.clone());
            if left.label.is_empty() {
                left.label = scene.t("board.gone", &[]);
            }
            match group.value {
                Value::Null => columns.insert(0, left),
                _ => columns.push(left),
            }
        }
    }
    Ok(columns)
}

fn column(scene: &Scene<'_>, field: &FieldModel, value: Value) -> Column {
    let color = match scene.show.value(field, &value, None) {
        Cell::Badge(badge) => Some(badge.color),
        _ => None,
    };
    let label = match &value {
        Value::Null => scene.t("board.none", &[("field", &field_label(scene.show, field))]),
        Value::Bool(true) => scene.visit.t("value.yes", &[]),
        Value::Bool(false) => scene.visit.t("value.no", &[]),
        // The id of a record that is gone tells nobody anything.
        Value::Id(_) if matches!(field.kind, FieldKind::Reference { .. }) => String::new(),
        value => scene.show.words(field, value),
    };
    Column { value, label, color }
}

/// People or teams that have records, and whoever looks.
fn people(scene: &Scene<'_>, field: &FieldModel, groups: &[Group]) -> Vec<Column> {
    let me = matches!(field.kind, FieldKind::User).then(|| Value::Id(scene.visit.user().id));
    let others = groups.iter().map(|group| group.value.clone()).filter(|value| Some(value) != me.as_ref());
    let mut others: Vec<Column> = others
        .filter(|value| !value.is_null())
        .take(LANES_MAX)
        .map(|value| column(scene, field, value))
        .collect();
    others.sort_by(|one, other| one.label.cmp(&other.label));
    me.map(|me| column(scene, field, me)).into_iter().chain(others).collect()
}

/// Records that are referred to: all in the order of their first view where they are few, else the most frequent.
async fn references(
    scene: &Scene<'_>,
    target: &EntityModel,
    groups: &[Group],
) -> Result<Vec<Column>, Failure> {
    if !scene.visit.may(target, Operation::Read) {
        return Ok(Vec::new());
    }
    let (engine, actor) = (&scene.visit.tenant.engine, scene.visit.actor());
    let first = scene.show.model.views_of(target).next();
    let sort = first.map(|view| view.sort.clone());
    let mut query = Query {
        limit: u64::try_from(LANES_MAX).unwrap_or(u64::MAX),
        total: false,
        columns: Some(vec![target.title]),
        ..Query::all(&target.key)
    };
    query.sort = sort.unwrap_or(query.sort);
    let page = engine.list(actor, &query).await?;
    let mut records = page.rows;
    let known = |id: &Value| records.iter().any(|record| record.values[system::ID] == *id);
    let asked = groups.iter().map(|group| &group.value).filter(|value| !value.is_null());
    let missing: Vec<Value> = asked.clone().filter(|id| !known(id)).take(LANES_MAX).cloned().collect();
    if page.next.is_some() {
        let frequent: Vec<&Value> = asked.take(LANES_MAX).collect();
        records.retain(|record| frequent.contains(&&record.values[system::ID]));
    }
    if !missing.is_empty() {
        query.conditions =
            vec![Condition { slot: system::ID, op: Op::In, values: missing, text: String::new() }];
        records.extend(engine.list(actor, &query).await?.rows);
    }
    let column = |record: &mortise_engine::Record| Column {
        value: record.values[system::ID].clone(),
        label: crate::pages::list::title_of(scene.show, target, record),
        color: None,
    };
    Ok(records.iter().map(column).collect())
}

#[cfg(test)]
mod tests {
    use mortise_expr::Value;

    use super::lane_of;

    #[test]
    fn every_value_of_a_board_has_a_name_in_addresses() {
        let id = uuid::Uuid::from_u128(7);
        let values = [Value::Null, Value::Bool(false), Value::text("won"), Value::Id(id)];
        let names = values.each_ref().map(lane_of);
        assert_eq!(names, ["-".to_owned(), "false".to_owned(), "won".to_owned(), id.to_string()]);
    }
}

//! Values on their way from generators to records: typed enough to be compared, copied and calculated with, turned into wire
//! form by the field that takes them.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel};
use mortise_expr::Decimal;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::source::List;

/// A value that a generator made.
#[derive(Debug, Clone)]
pub(super) enum Item<'a> {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    Row(&'a List, usize),
    Id(Uuid),
    Moment(DateTime<Utc>),
    Day(NaiveDate),
    Place(f64, f64),
    Texts(Vec<String>),
    Lines(Vec<Vec<(&'a str, Item<'a>)>>),
    Json(&'a Json),
}

impl<'a> Item<'a> {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Item::Null)
    }

    /// The text in templates and comparisons; nothing for null.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Item::Null | Item::Lines(_) => None,
            Item::Bool(yes) => Some(yes.to_string()),
            Item::Number(number) => Some(number.to_string()),
            Item::Text(text) => Some(text.clone()),
            Item::Row(list, row) => list.rows[*row].first().cloned(),
            Item::Id(id) => Some(id.to_string()),
            Item::Moment(instant) => Some(instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            Item::Day(day) => Some(day.to_string()),
            Item::Place(lat, lon) => Some(format!("{lat}, {lon}")),
            Item::Texts(texts) => Some(texts.join(", ")),
            Item::Json(json) => Some(json.to_string()),
        }
    }

    /// A column of a list's row; an empty cell is null.
    pub(super) fn part(&self, part: &str) -> Result<Item<'a>, String> {
        match self {
            Item::Null => Ok(Item::Null),
            Item::Row(list, row) => match list.columns.iter().position(|column| column == part) {
                Some(column) if list.rows[*row][column].is_empty() => Ok(Item::Null),
                Some(column) => Ok(Item::Text(list.rows[*row][column].clone())),
                None => Err(format!("the list has no column `{part}`")),
            },
            _ => Err(format!("`{part}` is asked of a value without columns")),
        }
    }

    /// The moment of a day (its beginning) or of a moment.
    pub(super) fn moment(&self, tz: Tz) -> Option<DateTime<Utc>> {
        match self {
            Item::Moment(instant) => Some(*instant),
            Item::Day(day) => instant(day.and_time(NaiveTime::MIN), tz),
            _ => None,
        }
    }
}

/// The moment of a local time; a time that a clock change skipped means an hour later.
pub(super) fn instant(local: chrono::NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    let found = tz.from_local_datetime(&local).earliest();
    let found = found.or_else(|| tz.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest());
    found.map(|found| found.with_timezone(&Utc))
}

/// A record, ready but for references that are given by key.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) values: Map<String, Json>,
    /// Place in the values (JSON pointer), entity, key.
    pub(super) references: Vec<(String, usize, String)>,
}

/// Puts an item into a draft, in the wire form of its field.
pub(super) struct Wire<'d> {
    pub(super) entities: &'d [std::sync::Arc<EntityModel>],
    pub(super) tz: Tz,
}

impl Wire<'_> {
    pub(super) fn put(&self, draft: &mut Draft, field: &FieldModel, item: &Item) {
        let name = field.name.to_string();
        let pointer = format!("/{name}");
        if let Some(json) = self.json(field, item, &pointer, &mut draft.references) {
            draft.values.insert(name, json);
        }
    }

    fn json(
        &self,
        field: &FieldModel,
        item: &Item,
        pointer: &str,
        references: &mut Vec<(String, usize, String)>,
    ) -> Option<Json> {
        Some(match (item, &field.kind) {
            (Item::Null, _) => return None,
            (Item::Json(json), FieldKind::Reference { entity }) => {
                let text = json.as_str()?.to_owned();
                references.push((pointer.to_owned(), *entity, text.clone()));
                Json::String(text)
            }
            (Item::Json(json), _) => (*json).clone(),
            (Item::Bool(yes), FieldKind::Boolean | FieldKind::Json) => Json::Bool(*yes),
            (Item::Number(number), FieldKind::Integer { .. }) => Json::from(number.rescale(0)?.mantissa),
            (Item::Texts(texts), _) => Json::from(texts.clone()),
            (Item::Place(lat, lon), _) => serde_json::json!({ "lat": lat, "lon": lon }),
            (Item::Moment(instant), FieldKind::Date) => {
                Json::String(instant.with_timezone(&self.tz).date_naive().to_string())
            }
            (Item::Day(_), FieldKind::Datetime) => Json::String(Item::Moment(item.moment(self.tz)?).text()?),
            (Item::Lines(rows), FieldKind::Lines { entity, .. }) => {
                let child = &self.entities[*entity];
                let object = |(index, row): (usize, &Vec<(&str, Item)>)| {
                    let members = row.iter().filter_map(|(name, item)| {
                        let field = child.field(name)?;
                        let pointer = format!("{pointer}/{index}/{name}");
                        Some(((*name).to_owned(), self.json(field, item, &pointer, references)?))
                    });
                    Json::Object(members.collect())
                };
                Json::Array(rows.iter().enumerate().map(object).collect())
            }
            (Item::Id(id), _) => Json::String(id.to_string()),
            (item, FieldKind::Reference { entity }) => {
                let key = item.text()?;
                references.push((pointer.to_owned(), *entity, key.clone()));
                Json::String(key)
            }
            (item, _) => Json::String(item.text()?),
        })
    }
}

//! Values as people see them: a cell for lists and record pages, with colour, link or picture where the field has one.
//! Never asks the database; titles of references come with the record.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use mortise_definition::locale::translate;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model, Slot};
use mortise_definition::source::Choice;
use mortise_engine::values::{self, ValueContext};
use mortise_engine::{Directory, FileInfo, Record};
use mortise_expr::{Context, Expression, Value};
use serde::Serialize;
use uuid::Uuid;

use super::shell::entity_path;
use crate::SignedIn;

/// A value ready for a template; `kind` says how it is drawn.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Cell {
    /// Nothing.
    None,
    /// Words on one line.
    Text {
        /// The words.
        text: String,
    },
    /// A node of a tree: its last names in lists, all of them on its own page.
    Path {
        /// The last names.
        short: String,
        /// All names.
        text: String,
    },
    /// Words on several lines.
    Long {
        /// The words.
        text: String,
    },
    /// One choice.
    Badge(Badge),
    /// Several choices.
    Badges {
        /// The choices.
        items: Vec<Badge>,
    },
    /// Another record.
    Link {
        /// Its title.
        text: String,
        /// Its page, with base.
        href: String,
    },
    /// Telephone, mail, web.
    External {
        /// What is shown.
        text: String,
        /// Where it leads.
        href: String,
        /// In a window of its own.
        new_tab: bool,
    },
    /// A person.
    User {
        /// Name.
        text: String,
    },
    /// Yes or no.
    Bool {
        /// Yes.
        on: bool,
    },
    /// A moment or a day.
    Time {
        /// As people say it.
        text: String,
        /// For programs.
        iso: String,
        /// In full.
        exact: String,
    },
    /// Files.
    Files {
        /// Each of them.
        items: Vec<FileLink>,
    },
    /// A photo or signature.
    Picture {
        /// Its address.
        href: String,
        /// What it shows.
        text: String,
        /// Drawn by hand.
        signature: bool,
    },
    /// JSON.
    Json {
        /// Indented.
        text: String,
    },
}

/// A choice with its colour.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Badge {
    /// Name.
    pub text: String,
    /// Tabler colour.
    pub color: String,
}

/// A file that can be opened.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FileLink {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address with base.
    pub href: String,
    /// A picture.
    pub image: bool,
}

/// All that the look of a value depends on.
pub(super) struct Show<'a> {
    /// Who looks.
    pub by: &'a SignedIn,
    /// Definitions.
    pub model: &'a Model,
    /// People.
    pub directory: &'a Directory,
    /// Present time.
    pub now: DateTime<Utc>,
    /// Names of files, where they were looked up.
    pub files: &'a [FileInfo],
}

impl<'a> Show<'a> {
    /// What shows values as they are now to whoever looks, without names of files.
    pub(super) fn new(by: &'a SignedIn, model: &'a Model, directory: &'a Directory) -> Self {
        Show { by, model, directory, now: by.tenant.engine.now(), files: &[] }
    }

    /// Whether a condition of an app over a record holds; one that cannot be told hides nothing.
    pub(super) fn holds(&self, app: usize, when: &Expression, values: &[Value]) -> bool {
        if !when.outside().is_empty() {
            // Only the engine can ask plugins.
            return self.by.tenant.engine.holds(self.by.actor(), app, values, when).unwrap_or(true);
        }
        let roots: [&[Value]; 3] = [values, &self.by.user().root, &self.model.apps[app].setting_values];
        when.test(&Context { now: self.now, tz: self.by.user().tz, roots: &roots, functions: None })
            .unwrap_or(true)
    }

    /// What values are shown and read with.
    pub(super) fn values(&self) -> ValueContext<'a> {
        ValueContext {
            model: self.model,
            directory: self.directory,
            tz: self.by.user().tz,
            language: self.by.language,
        }
    }

    /// The words for a value.
    pub(super) fn words(&self, field: &FieldModel, value: &Value) -> String {
        values::display(field, value, &self.values())
    }

    fn t(&self, key: &str, args: &[(&str, &str)]) -> String {
        translate(self.by.language, &format!("ui.{key}"), args)
    }

    /// A field of a record.
    pub(super) fn cell(&self, entity: &EntityModel, record: &Record, slot: Slot) -> Cell {
        self.value(&entity.fields[slot], &record.values[slot], record.title(slot))
    }

    /// A value of a field; `title` names the referenced record.
    pub(super) fn value(&self, field: &FieldModel, value: &Value, title: Option<&str>) -> Cell {
        let text = || self.words(field, value);
        match (&field.kind, value) {
            (_, Value::Null) => Cell::None,
            (FieldKind::Choice { choices }, Value::Text(code)) => {
                Cell::Badge(badge(choices, code, self.by.language))
            }
            (FieldKind::Choices { choices }, Value::List(items)) => Cell::Badges {
                items: items
                    .iter()
                    .filter_map(Value::as_text)
                    .map(|code| badge(choices, code, self.by.language))
                    .collect(),
            },
            (FieldKind::Reference { entity }, Value::Id(id)) => self.reference(*entity, *id, title),
            (FieldKind::User, Value::Id(_)) => Cell::User { text: text() },
            (FieldKind::Tree { region, .. }, Value::Text(_)) => path(text(), if *region { 2 } else { 1 }),
            (FieldKind::Phone, Value::Text(number)) => {
                external(phone(number), format!("tel:{number}"), false)
            }
            (FieldKind::Email, Value::Text(address)) => external(text(), format!("mailto:{address}"), false),
            // Only http and https pass the check of the field, so that no script hides in a link.
            (FieldKind::Url, Value::Text(address)) => external(text(), address.to_string(), true),
            (FieldKind::GeoPoint, Value::Geo(point)) => external(
                text(),
                format!(
                    "https://www.openstreetmap.org/?mlat={0}&mlon={1}#map=15/{0}/{1}",
                    point.lat, point.lon
                ),
                true,
            ),
            (FieldKind::File { signature, image: true, .. }, Value::Id(id)) => Cell::Picture {
                href: self.file_address(*id),
                text: field.label.get(self.by.language).to_owned(),
                signature: *signature,
            },
            (FieldKind::File { .. }, value) => Cell::Files { items: self.file_links(value) },
            (FieldKind::LongText { .. }, _) => Cell::Long { text: text() },
            (FieldKind::Json, Value::Json(json)) => {
                Cell::Json { text: serde_json::to_string_pretty(json.as_ref()).unwrap_or_default() }
            }
            (_, Value::Bool(on)) => Cell::Bool { on: *on },
            (_, Value::DateTime(at)) => self.moment(*at),
            (_, Value::Date(day)) => self.day(*day),
            _ => Cell::Text { text: text() },
        }
    }

    fn reference(&self, entity: usize, id: Uuid, title: Option<&str>) -> Cell {
        let target = &self.model.entities[entity];
        let Some(title) = title else { return Cell::Text { text: "…".to_owned() } };
        let text = if title.is_empty() { self.t("record.untitled", &[]) } else { title.to_owned() };
        Cell::Link { text, href: self.by.base.path(&format!("{}/{id}", entity_path(self.model, target))) }
    }

    fn file_address(&self, id: Uuid) -> String {
        self.by.base.path(&format!("/api/v1/files/{id}"))
    }

    /// Links to the files of a value.
    pub(super) fn file_links(&self, value: &Value) -> Vec<FileLink> {
        let ids: Vec<Uuid> = file_ids(value).collect();
        let link = |(index, id): (usize, &Uuid)| {
            let info = self.files.iter().find(|info| info.id == *id);
            FileLink {
                id: id.to_string(),
                name: info.map_or_else(|| format!("{}", index + 1), |info| info.name.clone()),
                href: self.file_address(*id),
                image: info.is_some_and(|info| {
                    info.content_type.starts_with("image/") && info.content_type != "image/svg+xml"
                }),
            }
        };
        ids.iter().enumerate().map(link).collect()
    }

    /// A moment, as people say it: how long ago today, else the day.
    pub(super) fn moment(&self, at: DateTime<Utc>) -> Cell {
        let local = at.with_timezone(&self.by.user().tz);
        Cell::Time {
            text: self.ago(at),
            iso: at.to_rfc3339(),
            exact: local.format("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }

    /// A moment in words.
    pub(super) fn ago(&self, at: DateTime<Utc>) -> String {
        let zone = self.by.user().tz;
        let (local, today) = (at.with_timezone(&zone), self.now.with_timezone(&zone));
        let passed = self.now - at;
        let clock = local.format("%H:%M").to_string();
        if passed >= TimeDelta::zero() && passed < TimeDelta::hours(12) {
            return match passed.num_minutes() {
                0 => self.t("time.now", &[]),
                minutes @ 1..60 => self.t("time.minutes", &[("count", &minutes.to_string())]),
                minutes => self.t("time.hours", &[("count", &(minutes / 60).to_string())]),
            };
        }
        let day = local.date_naive();
        let today = today.date_naive();
        let near = [
            ("time.yesterday", today.pred_opt()),
            ("time.today", Some(today)),
            ("time.tomorrow", today.succ_opt()),
        ];
        if let Some((key, _)) = near.iter().find(|(_, near)| *near == Some(day)) {
            return self.t(key, &[("time", &clock)]);
        }
        format!("{} {clock}", self.day_words(day))
    }

    fn day(&self, day: NaiveDate) -> Cell {
        Cell::Time { text: self.day_words(day), iso: day.to_string(), exact: day.to_string() }
    }

    /// A day in words, with the year when it is another one.
    pub(super) fn day_words(&self, day: NaiveDate) -> String {
        let this_year = self.now.with_timezone(&self.by.user().tz).year() == day.year();
        let (month, number) = (day.month().to_string(), day.day().to_string());
        let month_name = self.t(&format!("time.month_{month}"), &[]);
        let args = [
            ("year", &*day.year().to_string()),
            ("month", &*month),
            ("month_name", &*month_name),
            ("day", &*number),
        ];
        self.t(if this_year { "time.day" } else { "time.day_year" }, &args)
    }
}

/// `12345` → `12,345`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A node of a tree with its last names: of a place two tell where it is, of anything else one.
fn path(text: String, names: usize) -> Cell {
    let all: Vec<&str> = text.split(" / ").collect();
    let short = all[all.len().saturating_sub(names)..].join(" / ");
    Cell::Path { short, text }
}

/// A telephone number as people read it: mobile numbers of China in their three groups, others as they are.
fn phone(number: &str) -> String {
    match number.strip_prefix("+86") {
        Some(local)
            if local.len() == 11
                && local.starts_with('1')
                && local.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("{} {} {}", &local[..3], &local[3..7], &local[7..])
        }
        _ => number.to_owned(),
    }
}

/// Ids of the files of a value.
pub(super) fn file_ids(value: &Value) -> impl Iterator<Item = Uuid> {
    let items = match value {
        Value::List(items) => items.as_ref(),
        other => std::slice::from_ref(other),
    };
    items.iter().filter_map(Value::as_id)
}

fn external(text: String, href: String, new_tab: bool) -> Cell {
    Cell::External { text, href, new_tab }
}

/// The badge of a choice; a value that is no longer in the list is shown as it is.
fn badge(choices: &[Choice], code: &str, language: &str) -> Badge {
    let choice = choices.iter().find(|choice| choice.value == code);
    Badge {
        text: choice.map_or(code, |choice| choice.label.get(language)).to_owned(),
        color: choice.and_then(|choice| choice.color.clone()).unwrap_or_else(|| "gray".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, grouped, path, phone};

    #[test]
    fn numbers_and_places_are_short_in_lists() {
        assert_eq!(phone("+8613800138000"), "138 0013 8000");
        assert_eq!(phone("+861062328899"), "+861062328899");
        assert_eq!(phone("+14155550100"), "+14155550100");
        let Cell::Path { short, text } = path("江苏省 / 苏州市 / 吴中区".to_owned(), 2) else {
            panic!("a path")
        };
        assert_eq!((&*short, &*text), ("苏州市 / 吴中区", "江苏省 / 苏州市 / 吴中区"));
    }

    #[test]
    fn thousands_are_separated() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}

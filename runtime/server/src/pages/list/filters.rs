//! Filters of a list: quick ones above it, the drawer with one control per field, and the chips that say what is set.

use chrono::{Datelike, Days, Months, NaiveDate};
use mortise_definition::locale::translate;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, ViewModel, system};
use mortise_definition::source::Choice;
use mortise_engine::{Condition, Op, Query};
use mortise_expr::{Type, Value};
use serde::Serialize;

use super::columns::filterable_system;
use super::params::Params;
use crate::pages::show::Show;
use crate::pages::{lookup, trees};

/// Choices shown by their names in a chip; more are counted.
const NAMED_IN_CHIP: usize = 3;

/// One of several.
#[derive(Serialize)]
pub(super) struct FilterOption {
    value: String,
    label: String,
    color: Option<String>,
    selected: bool,
    active: bool,
    href: String,
}

/// A quick filter above the list.
#[derive(Serialize)]
pub(super) struct Quick {
    label: String,
    active: Option<String>,
    options: Vec<FilterOption>,
    clear: String,
}

/// A control of the drawer.
#[derive(Default, Serialize)]
pub(super) struct Filter {
    id: String,
    label: String,
    name: String,
    kind: &'static str,
    input: &'static str,
    set: bool,
    value: String,
    title: String,
    contains: String,
    gte: String,
    lte: String,
    empty: bool,
    empty_name: String,
    may_be_empty: bool,
    source: String,
    options: Vec<FilterOption>,
}

/// What is set, with a way to take it away.
#[derive(Serialize)]
pub(super) struct Chip {
    label: String,
    pub(super) text: String,
    remove: String,
    /// Stands for the expression of the address.
    pub(super) expression: bool,
}

/// All filters of a list.
pub(super) struct Filters<'a> {
    pub(super) show: &'a Show<'a>,
    pub(super) entity: &'a EntityModel,
    pub(super) params: &'a Params,
    /// Address of the list, with base.
    pub(super) path: &'a str,
    /// Titles of the records that conditions name.
    pub(super) titles: &'a [(Slot, String)],
}

impl Filters<'_> {
    fn t(&self, key: &str, args: &[(&str, &str)]) -> String {
        translate(self.show.by.language, &format!("ui.{key}"), args)
    }

    fn label(&self, field: &FieldModel) -> String {
        field_label(self.show, field)
    }

    fn sees(&self, slot: Slot) -> bool {
        self.show.by.sees(self.entity, slot)
    }

    /// Values of a field's equality conditions.
    fn chosen(&self, field: &FieldModel) -> Vec<&str> {
        let eq = self.params.get(&format!("where.{}", field.name));
        let many = self.params.get(&format!("where.{}.in", field.name));
        eq.into_iter().chain(many.into_iter().flat_map(|list| list.split(','))).collect()
    }

    /// The view's quick filters.
    pub(super) fn quick(&self, view: Option<&ViewModel>) -> Vec<Quick> {
        let slots = view.map(|view| view.quick_filters.as_slice()).unwrap_or_default();
        let fields = slots.iter().filter(|slot| self.sees(**slot)).map(|slot| &self.entity.fields[*slot]);
        fields.filter_map(|field| self.quick_one(field)).collect()
    }

    fn quick_one(&self, field: &FieldModel) -> Option<Quick> {
        let without = self.params.without_field(&field.name);
        let chosen = self.chosen(field);
        let option = |value: &str, label: String, color: Option<String>| {
            let active = chosen.contains(&value);
            let href = match active {
                true => without.href(self.path),
                false => without.with(&format!("where.{}", field.name), value).href(self.path),
            };
            FilterOption { value: value.to_owned(), label, color, selected: active, active, href }
        };
        let options: Vec<FilterOption> = match &field.kind {
            FieldKind::Choice { choices } => choices
                .iter()
                .filter(|choice| !choice.retired)
                .map(|choice| option(&choice.value, self.choice_label(choice), choice.color.clone()))
                .collect(),
            FieldKind::Choices { choices } => return Some(self.quick_choices(field, choices, &without)),
            FieldKind::Boolean => {
                vec![
                    option("true", self.t("value.yes", &[]), None),
                    option("false", self.t("value.no", &[]), None),
                ]
            }
            FieldKind::User => vec![option("me", self.t("filter.me", &[]), None)],
            FieldKind::Tree { tree, .. } => return self.quick_tree(field, tree, &without),
            FieldKind::Date | FieldKind::Datetime | FieldKind::System => {
                return self.quick_dates(field, &without);
            }
            _ => return None,
        };
        let active = options.iter().filter(|option| option.active).map(|option| option.label.clone());
        let active = active.reduce(|list, label| format!("{list}, {label}"));
        Some(Quick { label: self.label(field), active, options, clear: without.href(self.path) })
    }

    fn quick_choices(&self, field: &FieldModel, choices: &[Choice], without: &Params) -> Quick {
        let name = format!("where.{}.contains", field.name);
        let now = self.params.get(&name);
        let option = |choice: &Choice| FilterOption {
            active: now == Some(choice.value.as_str()),
            selected: false,
            href: without.with(&name, &*choice.value).href(self.path),
            value: choice.value.clone(),
            label: self.choice_label(choice),
            color: choice.color.clone(),
        };
        let options: Vec<FilterOption> =
            choices.iter().filter(|choice| !choice.retired).map(option).collect();
        let active = options.iter().find(|option| option.active).map(|option| option.label.clone());
        Quick { label: self.label(field), active, options, clear: without.href(self.path) }
    }

    /// The first level of a tree; deeper ones are in the drawer.
    fn quick_tree(&self, field: &FieldModel, tree: &str, without: &Params) -> Option<Quick> {
        let tree = self.show.model.trees.get(tree)?;
        let name = format!("where.{}.under", field.name);
        let now = self.params.get(&name);
        let top = tree.by_path.iter().filter(|(_, entry)| entry.depth == 0);
        let options: Vec<FilterOption> = top
            .map(|(path, entry)| FilterOption {
                value: path.clone(),
                label: entry.label.get(self.show.by.language).to_owned(),
                color: None,
                selected: false,
                active: now == Some(path.as_str()),
                href: without.with(&name, path.as_str()).href(self.path),
            })
            .collect();
        let active = now
            .and_then(|path| tree.by_path.get(path))
            .map(|entry| entry.label.get(self.show.by.language).to_owned());
        Some(Quick { label: self.label(field), active, options, clear: without.href(self.path) })
    }

    fn quick_dates(&self, field: &FieldModel, without: &Params) -> Option<Quick> {
        let moment = match self.entity.shape.members()[field.slot].ty {
            Type::Date => false,
            Type::DateTime => true,
            _ => return None,
        };
        let today = self.show.now.with_timezone(&self.show.by.user().tz).date_naive();
        let name = |op: &str| format!("where.{}.{op}", field.name);
        let now = (self.params.get(&name("gte")), self.params.get(&name("lt")));
        let option = |key: &str, from: Option<NaiveDate>, before: Option<NaiveDate>| {
            let (from, before) = (from.map(|day| day.to_string()), before.map(|day| day.to_string()));
            let mut params = without.clone();
            for (op, day) in [("gte", &from), ("lt", &before)] {
                if let Some(day) = day {
                    params = params.with(&name(op), day.as_str());
                }
            }
            FilterOption {
                value: key.to_owned(),
                label: self.t(&format!("filter.{key}"), &[]),
                color: None,
                selected: false,
                active: now == (from.as_deref(), before.as_deref()),
                href: params.href(self.path),
            }
        };
        let week = today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday())))?;
        let month = today.with_day(1)?;
        let mut options = vec![
            option("today", Some(today), today.checked_add_days(Days::new(1))),
            option("week", Some(week), week.checked_add_days(Days::new(7))),
            option("month", Some(month), month.checked_add_months(Months::new(1))),
        ];
        if !moment || field.slot >= system::FIRST {
            options.push(option("before_today", None, Some(today)));
        }
        let active = options.iter().find(|option| option.active).map(|option| option.label.clone());
        Some(Quick { label: self.label(field), active, options, clear: without.href(self.path) })
    }

    fn choice_label(&self, choice: &Choice) -> String {
        choice.label.get(self.show.by.language).to_owned()
    }

    /// One control per field that can be filtered.
    pub(super) fn drawer(&self) -> Vec<Filter> {
        let fields = self
            .entity
            .declared()
            .iter()
            .chain(self.entity.fields.iter().filter(|field| filterable_system(field.slot)));
        fields
            .filter(|field| field.stored() && self.sees(field.slot))
            .filter_map(|field| self.control(field))
            .collect()
    }

    fn control(&self, field: &FieldModel) -> Option<Filter> {
        let mut filter = self.blank(field);
        filter.kind = self.fill(field, &mut filter)?;
        Some(filter)
    }

    /// What all kinds of filters have.
    fn blank(&self, field: &FieldModel) -> Filter {
        let name = format!("where.{}", field.name);
        let value = |op: &str| self.params.get(&format!("{name}{op}")).unwrap_or_default().to_owned();
        let mut pairs = self.params.pairs();
        Filter {
            id: format!("filter-{}", field.name),
            label: self.label(field),
            set: pairs.any(|(known, _)| super::params::condition_field(known) == Some(&field.name)),
            value: value(""),
            contains: value(".contains"),
            gte: value(".gte"),
            lte: value(".lte"),
            empty: value(".empty") == "true",
            empty_name: format!("{name}.empty"),
            may_be_empty: !field.required && field.slot >= system::FIRST || field.slot == system::OWNER,
            name,
            ..Filter::default()
        }
    }

    /// Fills in what is particular to the field's type; gives the kind of control, none where there is no filter.
    fn fill(&self, field: &FieldModel, filter: &mut Filter) -> Option<&'static str> {
        let by = self.show.by;
        Some(match (&field.kind, &self.entity.shape.members()[field.slot].ty) {
            (FieldKind::Choice { choices }, _) => {
                filter.options = self.options(field, choices);
                "options"
            }
            (FieldKind::Choices { choices }, _) => {
                // One of them is looked for: the engine's "contains" of a list.
                filter.options = self.options(field, choices);
                for option in &mut filter.options {
                    option.selected = option.value == filter.contains;
                }
                "choices"
            }
            (FieldKind::Boolean, _) => "bool",
            (FieldKind::Tree { tree, .. }, _) => {
                filter.source = trees::address(by, self.show.model, tree);
                filter.name.push_str(".under");
                filter.value = self.params.get(&filter.name).unwrap_or_default().to_owned();
                filter.title = self.show.words(field, &Value::text(filter.value.as_str()));
                "tree"
            }
            (FieldKind::Reference { .. }, _) => {
                filter.source = lookup::reference_address(by, self.show.model, self.entity, field);
                filter.title = self.title(field.slot);
                "reference"
            }
            (FieldKind::User, _) => {
                filter.source = lookup::users_address(by);
                filter.title = self.person(&filter.value, true);
                "user"
            }
            (FieldKind::Team, _) => {
                filter.source = lookup::teams_address(by);
                filter.title = self.person(&filter.value, false);
                "team"
            }
            (_, Type::Int | Type::Decimal(_)) => {
                filter.input = "number";
                "range"
            }
            (_, Type::Date | Type::DateTime) => {
                filter.input = "date";
                "range"
            }
            (FieldKind::LongText { .. } | FieldKind::Text { .. } | FieldKind::Autonumber { .. }, _)
            | (FieldKind::Phone | FieldKind::Email | FieldKind::Url, _) => "text",
            _ => return None,
        })
    }

    fn options(&self, field: &FieldModel, choices: &[Choice]) -> Vec<FilterOption> {
        let chosen = self.chosen(field);
        let option = |choice: &Choice| FilterOption {
            value: choice.value.clone(),
            label: self.choice_label(choice),
            color: choice.color.clone(),
            selected: chosen.contains(&choice.value.as_str()),
            active: false,
            href: String::new(),
        };
        choices.iter().map(option).collect()
    }

    fn title(&self, slot: Slot) -> String {
        self.titles.iter().find(|(at, _)| *at == slot).map(|(_, title)| title.clone()).unwrap_or_default()
    }

    fn person(&self, value: &str, user: bool) -> String {
        let Ok(id) = value.parse() else { return String::new() };
        let directory = self.show.directory;
        match user {
            true => directory.user(id).map(|user| user.name.clone()),
            false => directory.department(id).map(|department| department.name.clone()),
        }
        .unwrap_or_default()
    }

    /// What is set.
    pub(super) fn chips(&self, query: &Query) -> Vec<Chip> {
        let mut chips: Vec<Chip> = Vec::new();
        for condition in &query.conditions {
            let field = &self.entity.fields[condition.slot];
            let label = self.label(field);
            let text = self.words(field, condition);
            match chips.iter_mut().find(|chip| chip.label == label) {
                Some(chip) => chip.text = format!("{} {text}", chip.text),
                None => chips.push(Chip {
                    label,
                    text,
                    remove: self.params.without_field(&field.name).href(self.path),
                    expression: false,
                }),
            }
        }
        if let Some(search) = &query.search {
            let remove = self.params.rewound().without(|name| name == "q").href(self.path);
            chips.push(Chip {
                label: self.t("filter.search", &[]),
                text: format!("“{search}”"),
                remove,
                expression: false,
            });
        }
        if let Some(source) = self.params.get("filter").filter(|_| query.filter.is_some()) {
            let remove = self.params.rewound().without(|name| name == "filter").href(self.path);
            chips.push(Chip {
                label: self.t("filter.expression", &[]),
                text: source.to_owned(),
                remove,
                expression: true,
            });
        }
        chips
    }

    fn words(&self, field: &FieldModel, condition: &Condition) -> String {
        let shown = |value: &Value| match (&field.kind, value) {
            (FieldKind::Reference { .. }, Value::Id(_)) => self.title(field.slot),
            (_, Value::Bool(_)) => self.show.words(field, value),
            _ => self.show.words(field, value),
        };
        let first = condition.values.first().map(shown).unwrap_or_default();
        let said = |key: &str| self.t(key, &[("value", &first)]);
        match condition.op {
            Op::Eq => first,
            Op::Ne => said("filter.not"),
            Op::Lt => said("filter.below"),
            Op::Lte => said("filter.at_most"),
            Op::Gt => said("filter.above"),
            Op::Gte => said("filter.at_least"),
            Op::Under => first,
            Op::In => {
                let names: Vec<String> = condition.values.iter().take(NAMED_IN_CHIP).map(shown).collect();
                let more = condition.values.len().saturating_sub(NAMED_IN_CHIP);
                let list = names.join(&self.t("value.list_separator", &[]));
                if more > 0 { format!("{list} +{more}") } else { list }
            }
            Op::Contains if matches!(field.kind, FieldKind::Choices { .. }) => {
                self.show.words(field, &Value::list(condition.values.iter().cloned()))
            }
            Op::Contains => said("filter.text_contains"),
            Op::Starts => said("filter.text_starts"),
            Op::Empty if condition.values.first().is_some_and(Value::is_true) => self.t("filter.empty", &[]),
            Op::Empty => self.t("filter.not_empty", &[]),
        }
    }
}

/// The label of a field; those of the system are in the catalogue.
pub(in crate::pages) fn field_label(show: &Show, field: &FieldModel) -> String {
    if field.slot < system::FIRST {
        translate(show.by.language, &format!("ui.field.{}", field.name), &[])
    } else {
        field.label.get(show.by.language).to_owned()
    }
}

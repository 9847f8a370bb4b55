//! Filters for people who write no expressions: rows of field, comparison and value, in groups of "all of" and "any of".
//! Rows become an expression, an expression of that form becomes rows again, and either is said as a sentence. What is
//! written otherwise stays text: nothing is ever changed by being looked at.

mod read;
mod write;

use mortise_definition::locale::translate;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel};
use mortise_expr::{Type, Value};
use serde::{Deserialize, Serialize};

use super::columns::filterable_system;
use super::filters::field_label;
use crate::pages::show::Show;
use crate::pages::{lookup, trees};

pub(super) use read::read;
pub(super) use write::{Wrong, write};

/// Rows of one filter at most: as many as its expression may have conditions.
pub(super) const ROWS_MAX: usize = 30;

/// How the parts of a group belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Join {
    /// All of them hold.
    And,
    /// At least one holds.
    Or,
}

/// A row, or a group of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Node {
    /// Rows that belong together.
    Group(Group),
    /// A row.
    Row(Row),
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::pages) struct Group {
    pub(super) join: Join,
    pub(super) items: Vec<Node>,
}

/// A comparison of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) field: String,
    pub(super) op: Op,
    /// As typed; several values are separated by line breaks.
    #[serde(default)]
    pub(super) value: String,
    /// Words for a value that is an id.
    #[serde(default)]
    pub(super) title: String,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    Contains,
    Starts,
    Ends,
    /// One of several choices.
    Any,
    /// A list has the choice.
    Has,
    Under,
    Mine,
    Yes,
    No,
    /// So many days ago or later.
    Last,
    /// At most so many days from now.
    Within,
    Empty,
    Filled,
}

impl Op {
    /// Its name in the catalogue and in the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Op::Eq => "eq",
            Op::Ne => "ne",
            Op::Lt => "lt",
            Op::Lte => "lte",
            Op::Gt => "gt",
            Op::Gte => "gte",
            Op::Contains => "contains",
            Op::Starts => "starts",
            Op::Ends => "ends",
            Op::Any => "any",
            Op::Has => "has",
            Op::Under => "under",
            Op::Mine => "mine",
            Op::Yes => "yes",
            Op::No => "no",
            Op::Last => "last",
            Op::Within => "within",
            Op::Empty => "empty",
            Op::Filled => "filled",
        }
    }
}

/// What a field is to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Day,
    Moment,
    Bool,
    Choice,
    Choices,
    Record,
    User,
    Team,
    Tree,
}

impl Kind {
    /// What a field is, none where it cannot be compared.
    pub(super) fn of(entity: &EntityModel, field: &FieldModel) -> Option<Kind> {
        Some(match (&field.kind, &entity.shape.members()[field.slot].ty) {
            (FieldKind::Choice { .. }, _) => Kind::Choice,
            (FieldKind::Choices { .. }, _) => Kind::Choices,
            (FieldKind::Reference { .. }, _) => Kind::Record,
            (FieldKind::User, _) => Kind::User,
            (FieldKind::Team, _) => Kind::Team,
            (FieldKind::Tree { .. }, _) => Kind::Tree,
            (FieldKind::File { .. } | FieldKind::Lines { .. }, _) => return None,
            (_, Type::Bool) => Kind::Bool,
            (_, Type::Int | Type::Decimal(_)) => Kind::Number,
            (_, Type::Date) => Kind::Day,
            (_, Type::DateTime) => Kind::Moment,
            (_, Type::Text) => Kind::Text,
            _ => return None,
        })
    }

    /// Comparisons in the order in which they are offered.
    pub(super) fn ops(self) -> &'static [Op] {
        use Op::{
            Any, Contains, Empty, Ends, Eq, Filled, Gt, Gte, Has, Last, Lt, Lte, Mine, Ne, No, Starts, Under,
        };
        match self {
            Kind::Text => &[Contains, Eq, Ne, Starts, Ends, Filled, Empty],
            Kind::Number => &[Eq, Ne, Gt, Gte, Lt, Lte, Filled, Empty],
            Kind::Day | Kind::Moment => &[Last, Op::Within, Eq, Gte, Lte, Gt, Lt, Filled, Empty],
            Kind::Bool => &[Op::Yes, No],
            Kind::Choice => &[Any, Ne, Filled, Empty],
            Kind::Choices => &[Has, Filled, Empty],
            Kind::Record | Kind::Team => &[Eq, Ne, Filled, Empty],
            Kind::User => &[Mine, Eq, Ne, Filled, Empty],
            Kind::Tree => &[Under, Filled, Empty],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Day | Kind::Moment => "date",
            Kind::Bool => "bool",
            Kind::Choice => "choice",
            Kind::Choices => "choices",
            Kind::Record | Kind::User | Kind::Team => "pick",
            Kind::Tree => "tree",
        }
    }
}

/// The fields of an entity by name, as far as the person sees them.
pub(super) struct Fields<'a> {
    pub(super) show: &'a Show<'a>,
    pub(super) entity: &'a EntityModel,
}

/// A field as the script needs it.
#[derive(Serialize)]
pub(super) struct Offered {
    name: String,
    label: String,
    kind: &'static str,
    ops: Vec<&'static str>,
    options: Vec<(String, String)>,
    source: String,
}

impl<'a> Fields<'a> {
    /// A field of this name with its kind.
    pub(super) fn find(&self, name: &str) -> Option<(&'a FieldModel, Kind)> {
        let field = self.entity.field(name)?;
        let open = field.stored() && self.show.by.sees(self.entity, field.slot);
        Some((field, Kind::of(self.entity, field).filter(|_| open)?))
    }

    /// All fields that can be compared.
    pub(super) fn offered(&self) -> Vec<Offered> {
        let system = self.entity.fields.iter().filter(|field| filterable_system(field.slot));
        let fields = self.entity.declared().iter().chain(system);
        fields
            .filter_map(|field| self.find(&field.name))
            .map(|(field, kind)| self.offer(field, kind))
            .collect()
    }

    fn offer(&self, field: &FieldModel, kind: Kind) -> Offered {
        let language = self.show.by.language;
        let options = match &field.kind {
            FieldKind::Choice { choices } | FieldKind::Choices { choices } => choices
                .iter()
                .map(|choice| (choice.value.clone(), choice.label.get(language).to_owned()))
                .collect(),
            _ => Vec::new(),
        };
        let (by, model) = (self.show.by, self.show.model);
        Offered {
            name: field.name.to_string(),
            label: field_label(self.show, field),
            kind: kind.name(),
            ops: kind.ops().iter().map(|op| op.name()).collect(),
            options,
            source: match (&field.kind, kind) {
                (FieldKind::Tree { tree, .. }, _) => trees::address(by, model, tree),
                (_, Kind::Record) => lookup::reference_address(by, model, self.entity, field),
                (_, Kind::User) => lookup::users_address(by),
                (_, Kind::Team) => lookup::teams_address(by),
                _ => String::new(),
            },
        }
    }

    fn t(&self, key: &str, args: &[(&str, &str)]) -> String {
        translate(self.show.by.language, &format!("ui.builder.{key}"), args)
    }

    /// A filter as a sentence.
    pub(super) fn sentence(&self, group: &Group) -> String {
        let part = |node: &Node| match node {
            Node::Row(row) => self.row_words(row),
            Node::Group(inner) if inner.items.len() == 1 => self.sentence(inner),
            Node::Group(inner) => self.t("in_brackets", &[("words", &self.sentence(inner))]),
        };
        let between = match group.join {
            Join::And => self.t("and", &[]),
            Join::Or => self.t("or", &[]),
        };
        group.items.iter().map(part).collect::<Vec<_>>().join(&between)
    }

    fn row_words(&self, row: &Row) -> String {
        let Some((field, kind)) = self.find(&row.field) else { return row.field.clone() };
        let value = self.value_words(field, kind, row);
        let label = field_label(self.show, field);
        // Days are earlier and later, numbers smaller and larger.
        let compared = matches!(row.op, Op::Eq | Op::Lt | Op::Lte | Op::Gt | Op::Gte);
        let day = if compared && matches!(kind, Kind::Day | Kind::Moment) { "date_" } else { "" };
        let one = row.op == Op::Any && !row.value.trim().contains('\n');
        let said = if one { "is" } else { row.op.name() };
        self.t(&format!("says.{day}{said}"), &[("label", &label), ("value", &value)])
    }

    fn value_words(&self, field: &FieldModel, kind: Kind, row: &Row) -> String {
        let said = |text: &str| match kind {
            Kind::Choice | Kind::Tree => self.show.words(field, &Value::text(text)),
            Kind::Choices => self.show.words(field, &Value::list([Value::text(text)])),
            Kind::User | Kind::Team => match text.parse() {
                Ok(id) => self.show.words(field, &Value::Id(id)),
                Err(_) => text.to_owned(),
            },
            Kind::Record if !row.title.is_empty() => row.title.clone(),
            Kind::Text => self.t("quoted", &[("value", text)]),
            _ => text.to_owned(),
        };
        let between = translate(self.show.by.language, "ui.value.list_separator", &[]);
        row.value.split('\n').filter(|text| !text.is_empty()).map(said).collect::<Vec<_>>().join(&between)
    }

    /// Puts the words beside ids that the directory knows; those of records have to be looked up.
    pub(super) fn name(&self, group: &mut Group) {
        for node in &mut group.items {
            match node {
                Node::Group(inner) => self.name(inner),
                Node::Row(row) => {
                    let Some((field, kind)) = self.find(&row.field) else { continue };
                    if matches!(kind, Kind::User | Kind::Team | Kind::Tree) {
                        row.title = self.value_words(field, kind, row);
                    }
                }
            }
        }
    }
}

impl Group {
    /// The rows of this group and those within.
    pub(super) fn rows_mut(&mut self) -> Vec<&mut Row> {
        let mut rows = Vec::new();
        for node in &mut self.items {
            match node {
                Node::Row(row) => rows.push(row),
                Node::Group(inner) => rows.extend(inner.rows_mut()),
            }
        }
        rows
    }
}

//! Resolves what fields hold: options are checked, names of entities and trees become positions. Expressions are
//! left for later, because their types depend on what is resolved here.

use mortise_expr::{Decimal, INT_LIMIT, SCALE_LIMIT, Type};
use regex::{Regex, RegexBuilder};

use super::draft::{Draft, DraftField, DraftKind};
use super::names::Names;
use super::place::Place;
use crate::model::{FieldKind, NumberPattern, PhotoRules, Slot};
use crate::number::{COUNTER_DIGITS_MAX, NumberError, PATTERN_CHARS_MAX};
use crate::problem::Problems;
use crate::source::{Capture, Choice, Field, FieldType, RollupOperation};

const TEXT_LENGTH: u32 = 200;
const LONG_TEXT_LENGTH: u32 = 20_000;
const FILE_MIB: u32 = 25;
const MONEY_SCALE: u8 = 2;
/// Compiled size of a field's pattern; a hundred times what telephone or tax numbers need.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Resolves the kinds and, where no expression is involved, the types of all fields.
pub(super) fn resolve<'a>(drafts: &mut [Draft<'a>], names: &Names<'a>, problems: &mut Problems) {
    for entity in 0..drafts.len() {
        for slot in crate::model::system::FIRST..drafts[entity].fields.len() {
            let resolver = Resolver { drafts, names, entity, field: &drafts[entity].fields[slot] };
            let kind = resolver.kind(problems).unwrap_or(DraftKind::Broken);
            let field = &mut drafts[entity].fields[slot];
            field.ty = if let DraftKind::Ready(kind) = &kind { Some(type_of(kind)) } else { None };
            field.kind = kind;
        }
    }
}

/// The type of a value in expressions.
fn type_of(kind: &FieldKind) -> Type {
    match kind {
        FieldKind::Text { .. }
        | FieldKind::LongText { .. }
        | FieldKind::Choice { .. }
        | FieldKind::Tree { .. }
        | FieldKind::Phone
        | FieldKind::Email
        | FieldKind::Url
        | FieldKind::Autonumber { .. } => Type::Text,
        FieldKind::Choices { .. } => Type::List(Box::new(Type::Text)),
        FieldKind::Integer { .. } | FieldKind::System => Type::Int,
        FieldKind::Decimal { scale, .. } => Type::Decimal(*scale),
        FieldKind::Boolean => Type::Bool,
        FieldKind::Date => Type::Date,
        FieldKind::Datetime => Type::DateTime,
        FieldKind::Duration => Type::Duration,
        FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team => Type::Id,
        FieldKind::GeoPoint => Type::Geo,
        FieldKind::File { many: true, .. } => Type::List(Box::new(Type::Id)),
        FieldKind::File { many: false, .. } => Type::Id,
        FieldKind::Json | FieldKind::Lines { .. } => Type::Json,
        FieldKind::Computed { value } => value.ty().clone(),
        FieldKind::Rollup { .. } => Type::Null,
    }
}

struct Resolver<'r, 'a> {
    drafts: &'r [Draft<'a>],
    names: &'r Names<'a>,
    entity: usize,
    field: &'r DraftField<'a>,
}

impl<'a> Resolver<'_, 'a> {
    fn kind(&self, problems: &mut Problems) -> Option<DraftKind<'a>> {
        let source: &'a Field = self.field.source?;
        let place = &self.field.place;
        check_options(source, place, problems);
        Some(DraftKind::Ready(match &source.kind {
            FieldType::Text { max_length, pattern } => FieldKind::Text {
                max_length: max_length.unwrap_or(TEXT_LENGTH),
                pattern: self.pattern(pattern.as_deref(), problems)?,
            },
            FieldType::LongText { max_length } => {
                FieldKind::LongText { max_length: max_length.unwrap_or(LONG_TEXT_LENGTH) }
            }
            FieldType::Integer { min, max } => {
                let (min, max) = (min.unwrap_or(-INT_LIMIT), max.unwrap_or(INT_LIMIT));
                if min > max || min < -INT_LIMIT || max > INT_LIMIT {
                    problems.push(place.error("field.range").arg("min", min).arg("max", max));
                }
                FieldKind::Integer { min, max }
            }
            FieldType::Decimal { scale, min, max } => self.decimal(*scale, min, max, None, problems)?,
            FieldType::Money { currency, min, max } => {
                let currency = currency.clone().unwrap_or_else(|| "CNY".to_owned());
                self.decimal(MONEY_SCALE, min, max, Some(currency), problems)?
            }
            FieldType::Boolean {} => FieldKind::Boolean,
            FieldType::Date {} => FieldKind::Date,
            FieldType::Datetime {} => FieldKind::Datetime,
            FieldType::Duration {} => FieldKind::Duration,
            FieldType::Choice { choices } => FieldKind::Choice { choices: self.choices(choices, problems) },
            FieldType::Choices { choices } => FieldKind::Choices { choices: self.choices(choices, problems) },
            FieldType::Tree { tree, leaf_only } => self.tree(tree, *leaf_only, false, problems)?,
            FieldType::Region { tree } => self.tree(tree, false, true, problems)?,
            FieldType::Reference { entity } => {
                let entity = self.names.entity(self.field.app, entity, &place.key("entity"), problems)?;
                FieldKind::Reference { entity }
            }
            FieldType::Lines { entity, via } => {
                let (entity, via) = self.via(entity, via, problems)?;
                FieldKind::Lines { entity, via }
            }
            FieldType::User {} => FieldKind::User,
            FieldType::Team {} => FieldKind::Team,
            FieldType::Phone {} => FieldKind::Phone,
            FieldType::Email {} => FieldKind::Email,
            FieldType::Url {} => FieldKind::Url,
            FieldType::GeoPoint {} => FieldKind::GeoPoint,
            FieldType::File { max_mib } => file(false, false, *max_mib, false),
            FieldType::Files { max_mib } => file(true, false, *max_mib, false),
            FieldType::Photo { capture, watermark } => FieldKind::File {
                many: false,
                image: true,
                max_mib: FILE_MIB,
                signature: false,
                photo: PhotoRules { camera: *capture == Capture::Camera, watermark: *watermark },
            },
            FieldType::Signature {} => file(false, true, None, true),
            FieldType::Json {} => FieldKind::Json,
            FieldType::Autonumber { pattern } => self.autonumber(pattern, problems)?,
            FieldType::Computed { value } => return Some(DraftKind::Computed(value)),
            FieldType::Rollup { entity, via, operation, field, filter } => {
                return self.rollup((entity, via), *operation, field.as_deref(), filter.as_deref(), problems);
            }
        }))
    }

    fn pattern(&self, pattern: Option<&str>, problems: &mut Problems) -> Option<Option<Regex>> {
        let Some(pattern) = pattern else { return Some(None) };
        // The pattern is compiled on its own first, so that `a)|(b` cannot escape from the anchors.
        let own = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
        let whole = own.and_then(|_| {
            RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES_MAX).build()
        });
        match whole {
            Ok(regex) => Some(Some(regex)),
            Err(error) => {
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                problems.push(self.field.place.key("pattern").error("field.pattern").arg("detail", reason));
                None
            }
        }
    }

    fn decimal(
        &self,
        scale: u8,
        min: &Option<String>,
        max: &Option<String>,
        currency: Option<String>,
        problems: &mut Problems,
    ) -> Option<FieldKind> {
        let place = &self.field.place;
        if scale > SCALE_LIMIT {
            problems.push(place.key("scale").error("field.scale").arg("limit", SCALE_LIMIT));
            return None;
        }
        let mut bound = |text: &Option<String>, key| -> Option<Option<Decimal>> {
            let Some(text) = text else { return Some(None) };
            let parsed = text.parse::<Decimal>().ok().filter(|number| number.scale <= scale);
            let parsed = parsed.and_then(|number| number.rescale(scale));
            if parsed.is_none() {
                problems.push(place.key(key).error("field.bound").arg("value", text).arg("scale", scale));
            }
            parsed.map(Some)
        };
        let (min, max) = (bound(min, "min")?, bound(max, "max")?);
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            problems.push(place.error("field.range").arg("min", min).arg("max", max));
        }
        Some(FieldKind::Decimal { scale, min, max, currency })
    }

    fn choices(&self, choices: &[Choice], problems: &mut Problems) -> Vec<Choice> {
        let place = self.field.place.key("choices");
        if choices.is_empty() {
            problems.push(place.error("field.no_choices"));
        }
        for (index, choice) in choices.iter().enumerate() {
            let place = place.index(index).key("value");
            if choice.value.is_empty() {
                problems.push(place.error("field.empty_choice"));
            }
            if choices[..index].iter().any(|other| other.value == choice.value) {
                problems.push(place.error("field.duplicate_choice").arg("value", &choice.value));
            }
        }
        choices.to_vec()
    }

    fn tree(&self, name: &str, leaf_only: bool, region: bool, problems: &mut Problems) -> Option<FieldKind> {
        let tree = self.names.tree(self.field.app, name, &self.field.place.key("tree"), problems)?;
        Some(FieldKind::Tree { tree, leaf_only, region })
    }

    /// The entity of child records and its field that points here.
    fn via(&self, entity: &str, via: &str, problems: &mut Problems) -> Option<(usize, Slot)> {
        let place = &self.field.place;
        let child = self.names.entity(self.field.app, entity, &place.key("entity"), problems)?;
        let place = place.key("via");
        let slot = self.drafts[child].find(via, &place, problems)?;
        let pointer = &self.drafts[child].fields[slot];
        let target = pointer.source.and_then(|source| match &source.kind {
            // What is wrong with that reference itself is reported where it is declared.
            FieldType::Reference { entity } => {
                self.names.entity(pointer.app, entity, &place, &mut Problems::default())
            }
            _ => None,
        });
        if target != Some(self.entity) {
            let problem = place.error("field.via").arg("name", via).arg("child", &self.drafts[child].key);
            problems.push(problem.arg("entity", &self.drafts[self.entity].key));
            return None;
        }
        Some((child, slot))
    }

    fn autonumber(&self, pattern: &str, problems: &mut Problems) -> Option<FieldKind> {
        let code = match NumberPattern::parse(pattern) {
            Ok(pattern) => return Some(FieldKind::Autonumber { pattern }),
            Err(NumberError::TooLong) => "number.too_long",
            Err(NumberError::UnknownPart) => "number.unknown_part",
            Err(NumberError::NoCounter) => "number.no_counter",
            Err(NumberError::TwoCounters) => "number.two_counters",
            Err(NumberError::CounterTooLong) => "number.counter_too_long",
        };
        let problem = self.field.place.key("pattern").error(code).arg("pattern", pattern);
        problems.push(problem.arg("chars", PATTERN_CHARS_MAX).arg("digits", COUNTER_DIGITS_MAX));
        None
    }

    fn rollup(
        &self,
        (entity, via): (&str, &str),
        operation: RollupOperation,
        field: Option<&str>,
        filter: Option<&'a str>,
        problems: &mut Problems,
    ) -> Option<DraftKind<'a>> {
        let (entity, via) = self.via(entity, via, problems)?;
        let place = self.field.place.key("field");
        let field = match (operation, field) {
            (RollupOperation::Count, None) => None,
            (RollupOperation::Count, Some(_)) => {
                problems.push(place.error("rollup.count_field"));
                return None;
            }
            (_, None) => {
                problems.push(self.field.place.error("rollup.no_field"));
                return None;
            }
            (_, Some(name)) => Some(self.drafts[entity].find(name, &place, problems)?),
        };
        Some(DraftKind::Rollup { entity, via, operation, field, filter })
    }
}

fn file(many: bool, image: bool, max_mib: Option<u32>, signature: bool) -> FieldKind {
    let max_mib = max_mib.unwrap_or(FILE_MIB);
    FieldKind::File { many, image, max_mib, signature, photo: PhotoRules::default() }
}

/// Options that every type has but not every type can honour.
fn check_options(field: &Field, place: &Place, problems: &mut Problems) {
    use FieldType as T;
    let kind = &field.kind;
    let given_by_system = matches!(kind, T::Autonumber { .. } | T::Computed { .. } | T::Rollup { .. });
    let opaque = matches!(
        kind,
        T::Lines { .. }
            | T::Choices { .. }
            | T::GeoPoint {}
            | T::File { .. }
            | T::Files { .. }
            | T::Photo { .. }
            | T::Signature {}
            | T::Json {}
    );
    let text = matches!(
        kind,
        T::Text { .. } | T::LongText { .. } | T::Phone {} | T::Email {} | T::Url {} | T::Autonumber { .. }
    );
    let lines = matches!(kind, T::Lines { .. });
    let misplaced = [
        ("required", field.required && given_by_system),
        ("required_when", field.required_when.is_some() && given_by_system),
        ("valid_when", field.valid_when.is_some() && given_by_system),
        ("default", field.default.is_some() && (given_by_system || lines)),
        ("search", field.search && !text),
        (
            "unique",
            field.unique && (opaque || matches!(kind, T::LongText { .. } | T::Boolean {} | T::Rollup { .. })),
        ),
        ("index", field.index && (opaque || matches!(kind, T::LongText { .. }))),
    ];
    for (option, _) in misplaced.into_iter().filter(|(_, wrong)| *wrong) {
        problems.push(place.key(option).error("field.option").arg("option", option));
    }
    if field.message.is_some() && field.valid_when.is_none() {
        problems.push(place.key("message").warning("field.message_unused"));
    }
    if field.valid_when.is_some() && field.message.is_none() {
        problems.push(place.key("valid_when").warning("field.no_message"));
    }
    if field.required && field.required_when.is_some() {
        problems.push(place.key("required_when").warning("field.required_twice"));
    }
}

//! Making records from generators. Deterministic: the same seed, base time, definitions and people give the same records.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model, TreeModel};
use serde_json::Value as Json;
use uuid::Uuid;

use super::dice::{Dice, stream};
use super::generator::{Generator, Made};
use super::item::{Draft, Item, Wire};
use super::simple::{Scope, constant, digit, get, in_office, named, number, sample, text};
use super::source::{Demo, EntityDemo};
use crate::apps::spoken;
use crate::people::Directory;

/// Kilometres of a degree of latitude.
const DEGREE_KM: f64 = 111.32;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Makes records.
pub(super) struct Maker<'a> {
    pub(super) demo: &'a Demo,
    pub(super) model: &'a Model,
    pub(super) people: &'a Directory,
    pub(super) seed: u64,
    pub(super) base: DateTime<Utc>,
    /// Records made so far, by entity.
    made: HashMap<usize, Kept<'a>>,
    /// Names of fields that other generators copy or compare.
    wanted: HashSet<&'a str>,
    users: HashMap<String, Vec<Uuid>>,
    leaves: HashMap<(String, String), Arc<[String]>>,
}

/// What is remembered of records of an entity.
#[derive(Default)]
struct Kept<'a> {
    ids: Vec<Uuid>,
    position: HashMap<Uuid, usize>,
    values: HashMap<&'a str, Vec<Item<'a>>>,
    /// Positions by field and text of the value.
    groups: HashMap<&'a str, HashMap<String, Vec<usize>>>,
}

/// Where a value is made: its field, the values before it, its record.
struct Place<'s, 'a> {
    app: &'a str,
    field: Option<&'a FieldModel>,
    scope: &'s Scope<'a>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        demo: &'a Demo,
        model: &'a Model,
        people: &'a Directory,
        seed: u64,
        base: DateTime<Utc>,
    ) -> Maker<'a> {
        let mut wanted = HashSet::new();
        for entity in &demo.entities {
            wanted_of(&entity.made, &mut wanted);
        }
        let (made, users, leaves) = (HashMap::new(), HashMap::new(), HashMap::new());
        Maker { demo, model, people, seed, base, made, wanted, users, leaves }
    }

    fn tz(&self) -> Tz {
        self.people.tz
    }

    /// The id of a record: ordered by index, the same in every run.
    pub(super) fn id(&self, file: &EntityDemo, index: u64) -> Uuid {
        let mut dice = Dice::new(self.seed, stream(&[&file.app, &file.entity]), index);
        let start = u64::try_from((self.base - TimeDelta::days(1)).timestamp_millis()).unwrap_or(0);
        let mut bytes = [0u8; 16];
        bytes[..6].copy_from_slice(&(start + index).to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&dice.next().to_be_bytes()[..2]);
        bytes[8..].copy_from_slice(&dice.next().to_be_bytes());
        // Version 7, variant of RFC 9562.
        bytes[6] = 0x70 | (bytes[6] & 0x0F);
        bytes[8] = 0x80 | (bytes[8] & 0x3F);
        Uuid::from_bytes(bytes)
    }

    /// A generated record.
    pub(super) fn record(
        &mut self,
        file: &'a EntityDemo,
        entity: &'a EntityModel,
        index: u64,
    ) -> Result<Draft, String> {
        let scope = self.values(&file.app, entity, &file.made, index)?;
        let mut draft = Draft::default();
        let wire = Wire { entities: &self.model.entities, tz: self.tz() };
        for named in &file.made.fields {
            let field =
                entity.field(&named.name).ok_or_else(|| format!("there is no field `{}`", named.name))?;
            if let Some((_, item)) = scope.iter().rev().find(|(name, _)| *name == named.name) {
                wire.put(&mut draft, field, item);
            }
        }
        let id = self.id(file, index);
        self.keep(entity, id, &scope);
        Ok(draft)
    }

    /// A fixed record.
    pub(super) fn fixed(
        &mut self,
        file: &'a EntityDemo,
        entity: &'a EntityModel,
        index: u64,
    ) -> Result<Draft, String> {
        let record = &file.records[usize::try_from(index).unwrap_or_default()];
        let mut draft = Draft::default();
        let wire = Wire { entities: &self.model.entities, tz: self.tz() };
        let mut scope: Scope<'a> = Vec::new();
        for (name, json) in record {
            let field = entity.field(name).ok_or_else(|| format!("there is no field `{name}`"))?;
            let own = self.person(field, json).or_else(|| spoken(field, json, self.people).map(Item::Text));
            let plain = if json.is_null() { Item::Null } else { Item::Json(json) };
            wire.put(&mut draft, field, own.as_ref().unwrap_or(&plain));
            scope.push((name, own.unwrap_or_else(|| constant(json))));
        }
        let id = self.id(file, index);
        self.keep(entity, id, &scope);
        Ok(draft)
    }

    /// Fixed records name people by their login.
    fn person(&self, field: &FieldModel, json: &Json) -> Option<Item<'a>> {
        let login = json.as_str().filter(|_| matches!(field.kind, FieldKind::User))?;
        self.people.users().find(|user| user.login == login).map(|user| Item::Id(user.id))
    }

    /// All named values of a record, `let` first.
    fn values(
        &mut self,
        app: &'a str,
        entity: &'a EntityModel,
        made: &'a Made,
        index: u64,
    ) -> Result<Scope<'a>, String> {
        let mut scope: Scope<'a> = Vec::with_capacity(made.lets.len() + made.fields.len());
        let lets = made.lets.iter().map(|named| (named, None));
        let fields = made.fields.iter().map(|named| (named, entity.field(&named.name)));
        for (named, field) in lets.chain(fields) {
            let mut dice = Dice::new(self.seed, named.stream ^ stream(&[app]), index);
            let place = Place { app, field, scope: &scope };
            let item = self.item(&named.generator, &mut dice, &place);
            let item = item.map_err(|reason| format!("{}: {reason}", named.name))?;
            scope.push((&named.name, item));
        }
        Ok(scope)
    }

    fn item(
        &mut self,
        generator: &'a Generator,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        match generator {
            Generator::Constant(json) => Ok(constant(json)),
            Generator::Text(pieces) => text(pieces, place.scope),
            Generator::Get(path) => get(path, place.scope),
            Generator::List(name) => {
                let demo: &'a Demo = self.demo;
                let list = demo.list(place.app, name).ok_or_else(|| format!("there is no list `{name}`"))?;
                Ok(Item::Row(list, dice.by_weight(&list.sums)))
            }
            Generator::Digits(figures) => {
                Ok(Item::Text(figures.iter().map(|figure| digit(figure, dice)).collect()))
            }
            Generator::Number { min, max, skew, step, places } => {
                let places = match place.field.map(|field| &field.kind) {
                    Some(FieldKind::Decimal { scale, .. }) => *scale,
                    Some(FieldKind::Integer { .. }) => 0,
                    _ => *places,
                };
                Ok(Item::Number(number(dice.skewed(*skew), [*min, *max], *step, places)))
            }
            Generator::Sample { from, min, max } => Ok(sample(from, *min, *max, dice)),
            Generator::Time { .. } => self.time(generator, dice, place),
            Generator::Tree(under) => self.leaf(under.as_deref(), dice, place),
            Generator::Point { of, within_km, tree } => {
                self.point(of, *within_km, tree.as_deref(), dice, place)
            }
            Generator::Record { entity, same, skew } => {
                self.earlier(entity.as_deref(), same.as_deref(), *skew, dice, place)
            }
            Generator::Copy { via, field } => Ok(self.copy(via, field, place)),
            Generator::User(role) => Ok(self.user(role.as_deref().unwrap_or_default(), dice)),
            Generator::Team => Ok(self.team(place)),
            Generator::Lines { min, max, made } => self.lines(*min, *max, made, dice, place),
            Generator::Weighted(..)
            | Generator::Maybe(..)
            | Generator::First(_)
            | Generator::Match { .. } => self.choice(generator, dice, place),
        }
    }

    /// Generators that choose among others.
    fn choice(
        &mut self,
        generator: &'a Generator,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        match generator {
            Generator::Weighted(parts, sums) => {
                let chosen = dice.by_weight(sums);
                self.item(&parts[chosen], dice, place)
            }
            Generator::Maybe(probability, value) if dice.unit() < *probability => {
                self.item(value, dice, place)
            }
            Generator::First(parts) => {
                for part in parts {
                    let item = self.item(part, dice, place)?;
                    if !item.is_null() {
                        return Ok(item);
                    }
                }
                Ok(Item::Null)
            }
            Generator::Match { on, cases, other } => {
                let text = get(on, place.scope)?.text();
                let case = cases.get(text.as_deref().unwrap_or("null"));
                match case.or(other.as_deref().filter(|_| text.is_some())) {
                    Some(generator) => self.item(generator, dice, place),
                    None => Ok(Item::Null),
                }
            }
            _ => Ok(Item::Null),
        }
    }

    fn lines(
        &mut self,
        min: usize,
        max: usize,
        made: &'a Made,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        let Some(FieldKind::Lines { entity, .. }) = place.field.map(|field| &field.kind) else {
            return Err("`lines` needs a field with child rows".to_owned());
        };
        let child: &'a EntityModel = &self.model.entities[*entity];
        let count = min + dice.below(max.saturating_sub(min) + 1);
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            let all = self.values(place.app, child, made, dice.next())?;
            rows.push(all.into_iter().skip(made.lets.len()).collect());
        }
        Ok(Item::Lines(rows))
    }

    /// The department of the record's owner.
    fn team(&self, place: &Place<'_, 'a>) -> Item<'a> {
        let owner = place.scope.iter().find(|(name, _)| *name == "owner");
        let Some((_, Item::Id(owner))) = owner else { return Item::Null };
        let department = self.people.user(*owner).and_then(|user| user.department);
        department.map_or(Item::Null, Item::Id)
    }

    fn time(
        &self,
        generator: &Generator,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        let Generator::Time { from, to, skew, after, office, past } = generator else {
            return Ok(Item::Null);
        };
        let start = match after {
            None => self.base,
            Some(name) => match named(name, place.scope)?.moment(self.tz()) {
                Some(moment) => moment,
                None => return Ok(Item::Null),
            },
        };
        // What lies in the past is spread over the time that there was, instead of being crowded at the base time.
        let passed = if *past { (self.base - start).num_seconds() as f64 / DAY } else { f64::INFINITY };
        let (from, to) = (from.min(passed), to.min(passed));
        let days = to - (to - from) * dice.skewed(*skew);
        let seconds = TimeDelta::seconds((days * DAY) as i64);
        let mut moment = start.checked_add_signed(seconds).ok_or("the time is out of range")?;
        if *office {
            moment = in_office(moment, self.tz(), dice);
        }
        if *past {
            moment = moment.min(self.base);
        }
        let is_day = place.field.is_some_and(|field| matches!(field.kind, FieldKind::Date));
        Ok(if is_day {
            Item::Day(moment.with_timezone(&self.tz()).date_naive())
        } else {
            Item::Moment(moment)
        })
    }

    fn leaf(
        &mut self,
        under: Option<&'a Generator>,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        let Some(FieldKind::Tree { tree, .. }) = place.field.map(|field| &field.kind) else {
            return Err("`tree` needs a field that takes a node of a tree".to_owned());
        };
        let under = match under {
            None => String::new(),
            Some(generator) => match self.item(generator, dice, place)?.text() {
                Some(path) => path,
                None => return Ok(Item::Null),
            },
        };
        let key = (tree.clone(), under);
        if !self.leaves.contains_key(&key) {
            let tree = self.model.trees.get(tree).ok_or_else(|| format!("there is no tree `{tree}`"))?;
            let below =
                |path: &str| key.1.is_empty() || path == key.1 || path.starts_with(&format!("{}/", key.1));
            let leaves = tree.by_path.iter().filter(|(path, entry)| entry.leaf && below(path));
            let leaves: Arc<[String]> = leaves.map(|(path, _)| path.clone()).collect();
            if leaves.is_empty() {
                return Err(format!("the tree has nothing at `{}`", key.1));
            }
            self.leaves.insert(key.clone(), leaves);
        }
        let leaves = &self.leaves[&key];
        Ok(Item::Text(leaves[dice.below(leaves.len())].clone()))
    }

    fn point(
        &mut self,
        of: &'a Generator,
        within_km: f64,
        tree: Option<&str>,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        let Some(path) = self.item(of, dice, place)?.text() else { return Ok(Item::Null) };
        let has_points = |tree: &&Arc<TreeModel>| tree.by_path.values().any(|entry| entry.point.is_some());
        let found = match tree {
            Some(name) => self.model.trees.get(name),
            None => self.model.trees.values().find(has_points),
        };
        let tree = found.ok_or("there is no tree with places")?;
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]).collect::<Vec<_>>();
        let nearest = ends.iter().rev().find_map(|&end| tree.by_path.get(&path[..end])?.point);
        let Some((lat, lon)) = nearest else { return Ok(Item::Null) };
        let (distance, angle) = (within_km * dice.unit().sqrt(), std::f64::consts::TAU * dice.unit());
        let north = distance * angle.cos() / DEGREE_KM;
        let east = distance * angle.sin() / (DEGREE_KM * lat.to_radians().cos().max(0.01));
        let rounded = |degrees: f64| (degrees * 1e6).round() / 1e6;
        Ok(Item::Place(rounded(lat + north), rounded(lon + east)))
    }

    fn earlier(
        &self,
        entity: Option<&str>,
        same: Option<&str>,
        skew: f64,
        dice: &mut Dice,
        place: &Place<'_, 'a>,
    ) -> Result<Item<'a>, String> {
        let target = match (entity, place.field.map(|field| &field.kind)) {
            (Some(name), _) => {
                let key = if name.contains('.') { name.to_owned() } else { format!("{}.{name}", place.app) };
                self.model.entity(&key).ok_or_else(|| format!("there is no entity `{key}`"))?.index
            }
            (None, Some(FieldKind::Reference { entity })) => *entity,
            _ => return Err("`record` needs an entity".to_owned()),
        };
        let Some(kept) = self.made.get(&target) else { return Ok(Item::Null) };
        let pick =
            |count: usize, dice: &mut Dice| ((dice.skewed(skew) * count as f64) as usize).min(count - 1);
        match same {
            None if kept.ids.is_empty() => Ok(Item::Null),
            None => Ok(Item::Id(kept.ids[pick(kept.ids.len(), dice)])),
            Some(name) => {
                let Some(text) = named(name, place.scope)?.text() else { return Ok(Item::Null) };
                let group = kept.groups.get(name).and_then(|groups| groups.get(&text));
                match group {
                    Some(positions) => Ok(Item::Id(kept.ids[positions[pick(positions.len(), dice)]])),
                    None => Ok(Item::Null),
                }
            }
        }
    }

    fn copy(&self, via: &str, field: &str, place: &Place<'_, 'a>) -> Item<'a> {
        let Some((_, Item::Id(id))) = place.scope.iter().rev().find(|(name, _)| *name == via) else {
            return Item::Null;
        };
        let kept = self.made.values().find_map(|kept| Some((kept, *kept.position.get(id)?)));
        let item = kept.and_then(|(kept, position)| kept.values.get(field)?.get(position));
        item.cloned().unwrap_or(Item::Null)
    }

    fn user(&mut self, role: &str, dice: &mut Dice) -> Item<'a> {
        if !self.users.contains_key(role) {
            let fits = |user: &&crate::people::Person| {
                user.active && (role.is_empty() || user.roles.iter().any(|r| r == role))
            };
            let mut users: Vec<_> =
                self.people.users().filter(fits).map(|user| (&user.login, user.id)).collect();
            users.sort_unstable();
            self.users.insert(role.to_owned(), users.into_iter().map(|(_, id)| id).collect());
        }
        let users = &self.users[role];
        if users.is_empty() { Item::Null } else { Item::Id(users[dice.below(users.len())]) }
    }

    /// Remembers of a record what others may ask for.
    fn keep(&mut self, entity: &EntityModel, id: Uuid, scope: &Scope<'a>) {
        let kept = self.made.entry(entity.index).or_default();
        let position = kept.ids.len();
        kept.ids.push(id);
        if self.wanted.is_empty() {
            return;
        }
        kept.position.insert(id, position);
        for name in &self.wanted {
            if entity.field(name).is_none() {
                continue;
            }
            let item = scope
                .iter()
                .rev()
                .find(|(known, _)| known == name)
                .map_or(Item::Null, |(_, item)| item.clone());
            if let Some(text) = item.text() {
                kept.groups.entry(name).or_default().entry(text).or_default().push(position);
            }
            let values = kept.values.entry(name).or_default();
            values.resize(position, Item::Null);
            values.push(item);
        }
    }
}

/// Names that `copy` and `same` look at.
fn wanted_of<'a>(made: &'a Made, wanted: &mut HashSet<&'a str>) {
    made.each(&mut |generator| match generator {
        Generator::Copy { field: name, .. } | Generator::Record { same: Some(name), .. } => {
            wanted.insert(name);
        }
        _ => {}
    });
}

//! A form that was filled in without network and comes later: read by the same rules as one that comes at once, merged with
//! what others did meanwhile, and answered in words that a phone can show as they are. What the app no longer has a place for
//! is given back, never dropped.

use std::collections::BTreeSet;

use axum::response::Response;
use mortise_definition::locale::sentences;
use mortise_definition::model::FieldKind;
use mortise_definition::source::Operation;
use mortise_engine::{Command, Error, FieldConflict, FormState, Outcome, RunOptions, Suspect};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::page::{Similar, similar};
use super::raw::Raw;
use super::read::{self, Reading};
use super::{Editing, entity_for, issue_text};
use crate::Failure;
use crate::api::body::{self, Body};
use crate::api::sync;
use crate::pages::list::field_label;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Pairs of one save at most: several times a form with all the child rows that it may have.
const PAIRS_MAX: usize = 20_000;
/// Fields that one save names at most; each is looked for among all pairs.
const NAMES_MAX: usize = 1_000;

/// One save, as a phone kept it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::pages) struct Later {
    /// Names the save; sent again, it is not done again.
    key: String,
    /// Whose it is: somebody else may be signed in on the phone by now.
    person: Uuid,
    /// `app.entity`.
    entity: String,
    /// The record; of a new one the id that the phone made.
    id: Uuid,
    /// The record is new.
    #[serde(default)]
    new: bool,
    /// The transition that is taken by it.
    #[serde(default)]
    transition: Option<String>,
    /// Key of the app's form.
    #[serde(default)]
    form: String,
    /// What was typed.
    pairs: Vec<(String, String)>,
    /// What stood there before.
    #[serde(default)]
    base: Vec<(String, String)>,
    /// The person has seen the similar records.
    #[serde(default)]
    allow_duplicates: bool,
}

/// What became of it.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Fate {
    Done {
        id: Uuid,
        leftovers: Vec<Leftover>,
    },
    Refused {
        code: String,
        message: String,
        issues: Vec<Told>,
        suspects: Vec<Similar>,
        leftovers: Vec<Leftover>,
    },
    Conflict {
        fields: Vec<Disputed>,
        leftovers: Vec<Leftover>,
    },
}

/// What was typed into a field that is not there any more, or not open to the person any more.
#[derive(Serialize)]
struct Leftover {
    name: String,
    label: String,
    text: String,
}

#[derive(Serialize)]
struct Told {
    field: String,
    label: String,
    text: String,
}

/// A field that two people changed.
#[derive(Serialize)]
struct Disputed {
    name: String,
    label: String,
    base: String,
    mine: String,
    theirs: String,
    /// What is stored, as it would be typed.
    pairs: Vec<(String, String)>,
}

/// `POST /api/v1/sync`.
pub(in crate::pages) async fn send(visit: Visit, Body(later): Body<Later>) -> Result<Response, Failure> {
    sync::same_person(&visit.by, later.person)?;
    bounded(&later)?;
    let key = sync::key(&visit.by, &later.key)?;
    if visit.tenant.engine.is_done(visit.actor(), &key).await? {
        return Ok(body::json(&done_before(&visit, &later).await));
    }
    let editing = Editing::of_late(&visit, &later).await?;
    let fate = match editing {
        Some(editing) => editing.later(later, key).await?,
        None => gone(&visit),
    };
    Ok(body::json(&fate))
}

/// Refuses what no form can have sent.
fn bounded(later: &Later) -> Result<(), Failure> {
    let names: BTreeSet<&str> = later.pairs.iter().map(|(name, _)| first(name)).collect();
    match later.pairs.len().max(later.base.len()) > PAIRS_MAX || names.len() > NAMES_MAX {
        true => Err(Failure::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "http.too_large")),
        false => Ok(()),
    }
}

/// Done already, and the answer got lost: what had no place then is given back once more, as far as that can still be told.
async fn done_before(visit: &Visit, later: &Later) -> Fate {
    let (mine, base) = (Raw(later.pairs.clone()), Raw(later.base.clone()));
    let mut leftovers = Vec::new();
    if let Ok(Some(editing)) = Editing::of_late(visit, later).await
        && let Ok(late) = editing.understand((&mine, &base), later.new).await
    {
        leftovers = late.leftovers;
    }
    Fate::Done { id: later.id, leftovers }
}

/// The transition is not offered any more: somebody else took one, or the record is not what it was.
fn gone(visit: &Visit) -> Fate {
    Fate::Refused {
        code: "transition.gone".to_owned(),
        message: visit.t("transition.gone", &[]),
        issues: Vec::new(),
        suspects: Vec::new(),
        leftovers: Vec::new(),
    }
}

/// A save as it is understood today.
struct Late {
    reading: Reading,
    state: FormState,
    leftovers: Vec<Leftover>,
}

impl<'a> Editing<'a> {
    /// The form that a save was typed into, as it is today; none for a transition that is not offered any more.
    async fn of_late(visit: &'a Visit, later: &Later) -> Result<Option<Editing<'a>>, Failure> {
        let (app, name) = later.entity.split_once('.').unwrap_or((later.entity.as_str(), ""));
        let operation = if later.new { Operation::Create } else { Operation::Update };
        let entity = entity_for(visit, app, name, operation)?;
        let form = Some(later.form.as_str()).filter(|form| !form.is_empty());
        match (&later.transition, later.new) {
            (_, true) => Ok(Some(Editing::of_new(visit, entity, form))),
            (None, false) => Editing::of_record(visit, entity, later.id, form).await.map(Some),
            (Some(transition), false) => {
                let address = (app.to_owned(), entity.id.to_string(), later.id, transition.clone());
                Ok(Editing::of_transition(visit, &address).await?.ok())
            }
        }
    }
}

impl Editing<'_> {
    /// Reads a save by the rules of today. What has no place any more is given back: fields that are gone, closed, or hidden by
    /// what others did.
    async fn understand(&self, (mine, base): (&Raw, &Raw), new: bool) -> Result<Late, Failure> {
        let mut reading = self.showing(|show| read::read(show, &self.layout, mine));
        if !new {
            reading.values.retain(|name, _| differs(mine, base, name));
            reading.issues.retain(|(path, _)| differs(mine, base, first(path)));
        }
        let state = self.state(&reading).await?;
        let typed: Vec<String> = reading.values.keys().cloned().collect();
        self.keep_visible(&mut reading, &state);
        let hidden = typed.iter().filter(|name| !reading.values.contains_key(*name)).map(String::as_str);
        let mut leftovers = self.without_place(mine, base);
        leftovers.extend(self.given_back(mine, hidden.filter(|name| differs(mine, base, name))));
        Ok(Late { reading, state, leftovers })
    }

    async fn later(&self, later: Later, key: String) -> Result<Fate, Failure> {
        let (mine, base) = (Raw(later.pairs), Raw(later.base));
        let Late { mut reading, state, leftovers } = self.understand((&mine, &base), later.new).await?;
        let missing = self.missing(&state, &reading);
        let mut issues = std::mem::take(&mut reading.issues);
        issues.extend(missing);
        if !issues.is_empty() {
            return Ok(self.refused_later(Refusal { issues, ..Refusal::default() }, leftovers));
        }
        let id = later.id;
        // Told before anything else: looking for similar records would find the record itself.
        if later.new && self.visit.tenant.engine.read(self.visit.actor(), &self.entity.key, id).await.is_ok()
        {
            let there = read::with_hint(self.visit.language, "record.exists", &[]);
            let refusal = Refusal { issues: vec![("id".to_owned(), there)], ..Refusal::default() };
            return Ok(self.refused_later(refusal, leftovers));
        }
        let overtaken = self.overtaken(&base, &reading);
        if !overtaken.is_empty() {
            return self.disputed(id, &overtaken, (&mine, &base), leftovers).await;
        }
        let command = match &self.transition {
            // By version a step taken meanwhile by others on another field would stand in the way; its own guards judge it.
            Some(offer) => self.taking(offer, id, &Raw::default(), &reading),
            None if later.new => Command::Create {
                entity: self.entity.key.clone(),
                values: reading.values.clone(),
                id: Some(id),
                allow_duplicates: later.allow_duplicates,
            },
            None => Command::Merge {
                entity: self.entity.key.clone(),
                id,
                base: self.seen(&base, &reading.values),
                values: reading.values.clone(),
            },
        };
        let options = RunOptions { idempotency_key: Some(key) };
        match self.visit.tenant.engine.run(self.visit.actor(), command, options).await {
            Ok(Outcome::Record(written)) => Ok(Fate::Done { id: written.id, leftovers }),
            Ok(_) => Err(Failure::internal("a command for one record wrote none")),
            Err(Error::Conflict { fields, .. }) => {
                self.disputed(id, &fields, (&mine, &base), leftovers).await
            }
            // The same wish came by its form at once, and arrived while this one was on its way.
            Err(Error::KeyReused) => Ok(Fate::Done { id, leftovers }),
            Err(error) => self.refused_by_engine(error, &reading, leftovers),
        }
    }

    /// Fields given with a transition that others changed to something else meanwhile. Changes without one are merged by the engine.
    fn overtaken(&self, base: &Raw, reading: &Reading) -> Vec<FieldConflict> {
        let (Some(_), Some(record)) = (&self.transition, &self.record) else { return Vec::new() };
        let (before, now) = self.showing(|show| {
            let stored = Raw::of_record(show, &self.layout, record);
            (read::read(show, &self.layout, base).values, read::read(show, &self.layout, &stored).values)
        });
        let both = |(name, mine): &(&String, &Json)| {
            now.get(*name) != before.get(*name) && now.get(*name) != Some(*mine)
        };
        let conflict = |(name, mine): (&String, &Json)| FieldConflict {
            field: name.clone(),
            base: before.get(name).cloned().unwrap_or_default(),
            mine: mine.clone(),
            theirs: now.get(name).cloned().unwrap_or_default(),
        };
        reading.values.iter().filter(both).map(conflict).collect()
    }

    /// The values that the person saw, of the fields that are changed.
    fn seen(&self, base: &Raw, values: &Map<String, Json>) -> Map<String, Json> {
        let before = self.showing(|show| read::read(show, &self.layout, base));
        let of = |name: &String| {
            let field = self.entity.field(name)?;
            if !matches!(field.kind, FieldKind::Lines { .. }) {
                return Some((name.clone(), before.values.get(name)?.clone()));
            }
            let part = |row: &usize, part: &str| base.get(&format!("{name}/{row}/{part}")).map(str::to_owned);
            let row = |row: &usize| Some(json!({ "id": part(row, "id")?, "version": part(row, "version")? }));
            Some((name.clone(), Json::Array(base.rows(name).iter().filter_map(row).collect())))
        };
        values.keys().filter_map(of).collect()
    }

    /// What the person changed and the form has no place for.
    fn without_place(&self, mine: &Raw, base: &Raw) -> Vec<Leftover> {
        let open = |name: &str| {
            let mut items = self.layout.items().filter(|item| !item.read_only);
            items.any(|item| &*self.entity.fields[item.slot].name == name)
        };
        let names: BTreeSet<&str> =
            mine.0.iter().map(|(name, _)| first(name)).filter(|name| !name.starts_with('_')).collect();
        self.given_back(mine, names.into_iter().filter(|name| !open(name) && differs(mine, base, name)))
    }

    /// Fields as they were typed.
    fn given_back<'n>(&self, mine: &Raw, names: impl Iterator<Item = &'n str>) -> Vec<Leftover> {
        self.showing(|show| {
            let label = |name: &str| self.entity.field(name).map(|field| field_label(show, field));
            names
                .map(|name| Leftover {
                    label: label(name).unwrap_or_else(|| name.to_owned()),
                    text: as_typed(mine, name),
                    name: name.to_owned(),
                })
                .filter(|leftover| !leftover.text.is_empty())
                .collect()
        })
    }

    /// Both values of each field that two people changed, in words.
    async fn disputed(
        &self,
        id: Uuid,
        fields: &[FieldConflict],
        (mine, base): (&Raw, &Raw),
        leftovers: Vec<Leftover>,
    ) -> Result<Fate, Failure> {
        let visit = self.visit;
        let fresh;
        let now = match self.transition {
            // Its fields may be in no other form; read a moment ago, it is as it was judged.
            Some(_) => self,
            None => {
                let form = Some(self.layout.key.as_str());
                fresh = Editing::of_record(visit, self.entity.clone(), id, form).await?;
                &fresh
            }
        };
        let Some(record) = &now.record else { return Err(Failure::not_found("record.not_found")) };
        let stored = now.raw(record).await;
        let disputed: Vec<Disputed> = now.showing(|show| {
            let one = |conflict: &FieldConflict| {
                let field = self.entity.field(&conflict.field)?;
                let name = field.name.as_ref();
                let below = format!("{name}/");
                let pairs = stored.0.iter().filter(|(known, _)| {
                    let plain = known.strip_prefix("_title/").unwrap_or(known);
                    plain == name || plain.starts_with(&below)
                });
                Some(Disputed {
                    name: name.to_owned(),
                    label: field_label(show, field),
                    base: now.in_words(show, base, name),
                    mine: now.in_words(show, mine, name),
                    theirs: now.in_words(show, &stored, name),
                    pairs: pairs.cloned().collect(),
                })
            };
            fields.iter().filter_map(one).collect()
        });
        Ok(Fate::Conflict { fields: disputed, leftovers })
    }

    /// What was typed into a field, in the words in which its value is shown.
    fn in_words(&self, show: &Show, raw: &Raw, name: &str) -> String {
        let Some(field) = self.entity.field(name) else { return as_typed(raw, name) };
        if !raw.title(name).is_empty() || !raw.rows(name).is_empty() {
            return as_typed(raw, name);
        }
        let reading = read::read(show, &self.layout, raw);
        let value = reading.values.get(name);
        let value =
            value.and_then(|json| mortise_engine::values::from_json(field, json, &show.values()).ok());
        value.map_or_else(|| as_typed(raw, name), |value| show.words(field, &value))
    }

    fn refused_by_engine(
        &self,
        error: Error,
        reading: &Reading,
        leftovers: Vec<Leftover>,
    ) -> Result<Fate, Failure> {
        let suspects = match &error {
            Error::Duplicate(suspects) => suspects.clone(),
            _ => Vec::new(),
        };
        let failure = Failure::from(error);
        let status = failure.status();
        // What may pass by itself is told as such, and the phone tries again.
        if status.is_server_error() || status == axum::http::StatusCode::TOO_MANY_REQUESTS {
            return Err(failure);
        }
        let language = self.visit.language;
        let issue =
            |issue: &crate::failure::Issue| (reading.path_in_form(&issue.field), issue_text(language, issue));
        let issues = failure.issues().iter().map(issue).collect();
        Ok(self.refused_later(Refusal { issues, suspects, failure: Some(failure) }, leftovers))
    }

    fn refused_later(&self, refusal: Refusal, leftovers: Vec<Leftover>) -> Fate {
        let language = self.visit.language;
        let failure = refusal.failure.unwrap_or_else(|| Failure::invalid(Vec::new()));
        self.showing(|show| {
            let told = |(path, text): &(String, String)| Told {
                label: self
                    .entity
                    .field(first(path))
                    .map(|field| field_label(show, field))
                    .unwrap_or_default(),
                field: path.clone(),
                text: text.clone(),
            };
            Fate::Refused {
                code: failure.code().to_owned(),
                message: sentences(&failure.title(language), &failure.hint(language)),
                issues: refusal.issues.iter().map(told).collect(),
                suspects: similar(show, &self.entity, &refusal.suspects),
                leftovers,
            }
        })
    }
}

/// Why it was refused.
#[derive(Default)]
struct Refusal {
    issues: Vec<(String, String)>,
    suspects: Vec<Suspect>,
    failure: Option<Failure>,
}

/// The field of a path.
fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Whether the person changed a field, or a row below it.
fn differs(mine: &Raw, base: &Raw, name: &str) -> bool {
    fn of<'a>(raw: &'a Raw, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = raw.0.iter().filter(move |(known, value)| first(known) == name && !value.is_empty());
        pairs.map(|(known, value)| (known.as_str(), value.as_str()))
    }
    !of(mine, name).eq(of(base, name))
}

/// The texts of a field as somebody typed or picked them; of rows a line each.
fn as_typed(raw: &Raw, name: &str) -> String {
    let titles: Vec<&str> = raw.titles(name).filter(|title| !title.is_empty()).collect();
    if !titles.is_empty() {
        return titles.join(", ");
    }
    let line = |row: &usize| {
        let prefix = format!("{name}/{row}/");
        let typed = |part: &str| !matches!(part, "id" | "version" | "_remove");
        let own = |known: &str| known.strip_prefix(&prefix).is_some_and(typed);
        let cells = raw.0.iter().filter(|(known, value)| own(known) && !value.is_empty());
        let words = |(known, value): &(String, String)| {
            let title = raw.title(known);
            if title.is_empty() { value.clone() } else { title.to_owned() }
        };
        cells.map(words).collect::<Vec<_>>().join(" · ")
    };
    let rows: Vec<String> = raw.rows(name).iter().map(line).collect();
    if rows.is_empty() { raw.all(name).collect::<Vec<_>>().join(", ") } else { rows.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(pairs: &[(&str, &str)]) -> Raw {
        Raw(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn only_what_the_person_changed_counts_as_changed() {
        let base = raw(&[("a", "1"), ("b", ""), ("l/0/id", "x"), ("l/0/c", "2")]);
        let mine = raw(&[("a", "1"), ("l/0/id", "x"), ("l/0/c", "3")]);
        let changed = |name| differs(&mine, &base, name);
        assert_eq!((changed("a"), changed("b"), changed("l")), (false, false, true));
    }

    #[test]
    fn what_was_typed_is_told_by_its_titles_and_row_by_row() {
        let mine = raw(&[
            ("who", "0193"),
            ("_title/who", "Ann"),
            ("l/0/id", "x"),
            ("l/0/c", "0194"),
            ("_title/l/0/c", "Desk"),
            ("l/0/n", "3"),
            ("l/2/n", "4"),
        ]);
        assert_eq!(as_typed(&mine, "who"), "Ann");
        assert_eq!(as_typed(&mine, "l"), "Desk · 3\n4");
    }
}

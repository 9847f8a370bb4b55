//! The page of one plugin: its state and what is wrong, what it does and may do, settings, secrets, names, versions, and
//! the version that is tried out.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::Model;
use mortise_engine::plugins::{PluginInfo, PluginJob, PluginState, VersionInfo};
use mortise_plugin_host::manifest::{Manifest, Point};
use serde::Serialize;

use super::consent::{Consent, Part};
use super::names::Names;
use super::settings::{Refused, Set, sets};
use super::trial::{Trial, trial};
use super::words::{Badge, Does, Wrong, badges, bytes, does, wrong};
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::admin::administrator;
use crate::pages::show::{Show, grouped};
use crate::pages::visit::Visit;

/// What may be mended by saying which records and fields are meant.
const UNCLEAR: [&str; 4] =
    ["plugin.entity_missing", "plugin.entity_ambiguous", "plugin.field_missing", "plugin.not_a_reference"];

#[derive(Serialize)]
struct Page {
    plugin: Shown,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    title: String,
    description: Option<String>,
    version: String,
    number: i64,
    on: bool,
    badges: Vec<Badge>,
    broken: Vec<Wrong>,
    /// Saying what its names mean may mend it.
    unclear: bool,
    resting: Vec<String>,
    waiting: Option<Waits>,
    canary: Option<Trial>,
    does: Vec<Does>,
    /// Nobody has consented to anything yet: what it may do is asked above.
    asked: bool,
    parts: Vec<Part>,
    /// What lies in its store.
    stored: Option<String>,
    settings: Vec<Set>,
    secrets: Vec<Secret>,
    mapping: Vec<Mapped>,
    versions: Vec<Version>,
    people: Vec<Person>,
}

/// A version that waits for consent.
#[derive(Serialize)]
struct Waits {
    number: i64,
    version: String,
    /// There is no version that works meanwhile.
    first: bool,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Secret {
    name: String,
    label: String,
    set: bool,
    header: String,
}

/// A kind of record that the plugin names.
#[derive(Serialize)]
struct Mapped {
    name: String,
    /// What an administrator said.
    entity: String,
    /// What is found where nothing is said.
    found: Option<String>,
    choices: Vec<Choice>,
    fields: Vec<MappedField>,
}

#[derive(Serialize)]
struct MappedField {
    name: String,
    own: String,
}

#[derive(Serialize)]
struct Choice {
    key: String,
    label: String,
}

#[derive(Serialize)]
struct Version {
    number: i64,
    version: String,
    when: String,
    badges: Vec<Badge>,
    reason: Option<String>,
    can_return: bool,
    older: bool,
}

#[derive(Serialize)]
struct Person {
    id: String,
    name: String,
}

/// `GET /admin/plugins/{id}`.
pub(in crate::pages) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    plugin_page(&visit, &id, &[], None).await
}

/// The page of a plugin; `refused` are settings that were not taken.
pub(super) async fn plugin_page(
    visit: &Visit,
    id: &str,
    refused: &[Refused],
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let info = api::one(&visit.by, id).await?;
    let jobs = visit.tenant.engine.plugin_jobs(visit.actor()).await?;
    let canary = trial(visit, &info).await?;
    let title = info.title.get(visit.language).to_owned();
    let page = Page { plugin: Shown { canary, ..shown(visit, &info, &jobs, refused) } };
    visit.page_telling("admin/plugin.html", &title, page, failure)
}

fn shown(visit: &Visit, info: &PluginInfo, jobs: &[PluginJob], refused: &[Refused]) -> Shown {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let (show, language) = (Show::new(&visit.by, &model, &directory), visit.language);
    let current = api::current(info);
    let manifest = current.and_then(|version| version.manifest.as_ref());
    let waits =
        api::waiting(info).filter(|version| version.number != info.current || version.granted.is_none());
    let names = manifest.map(|said| Names::new(&model, language, said, Some(info)));
    let rest = |circuit: &mortise_engine::plugins::CircuitInfo| {
        let seconds = grouped(i64::try_from(circuit.seconds).unwrap_or(i64::MAX));
        let export = names.as_ref().map(|names| names.export(circuit.point, &circuit.export));
        let export = export.unwrap_or(&circuit.export);
        visit.t("plugins.resting_line", &[("export", export), ("seconds", &seconds)])
    };
    let mut people: Vec<Person> = directory
        .users()
        .filter(|user| user.active)
        .map(|user| Person { id: user.id.to_string(), name: user.name.clone() })
        .collect();
    people.sort_by(|one, other| one.name.cmp(&other.name));
    Shown {
        id: info.id.clone(),
        title: info.title.get(language).to_owned(),
        description: info.description.as_ref().map(|text| text.get(language).to_owned()),
        version: current.map(|version| version.version.clone()).unwrap_or_default(),
        number: info.current,
        on: info.state != PluginState::Off,
        badges: badges(visit, info),
        broken: if info.state == PluginState::Broken { wrong(visit, &info.problems) } else { Vec::new() },
        unclear: info.problems.iter().any(|problem| UNCLEAR.contains(&problem.code.as_str())),
        resting: info.circuits.iter().map(rest).collect(),
        waiting: waits.and_then(|version| waiting(visit, &model, info, version)),
        canary: None,
        does: manifest.map(|said| lines(visit, &model, info, said, jobs)).unwrap_or_default(),
        asked: current.is_none_or(|version| version.granted.is_none()),
        parts: current.and_then(|version| parts(visit, &model, info, version)).unwrap_or_default(),
        stored: Some(info.stored_bytes)
            .filter(|bytes| *bytes > 0)
            .map(|number| bytes(u64::try_from(number).unwrap_or_default())),
        settings: manifest.map(|said| sets(visit, info, said, refused)).unwrap_or_default(),
        secrets: manifest.map(|said| secrets(visit, info, said)).unwrap_or_default(),
        mapping: mapping(visit, &model, info, manifest),
        versions: info.versions.iter().map(|version| version_row(visit, &show, info, version)).collect(),
        people,
    }
}

/// What a version asks for, compared with what the one in force may do.
fn parts(visit: &Visit, model: &Model, info: &PluginInfo, version: &VersionInfo) -> Option<Vec<Part>> {
    let manifest = version.manifest.as_ref()?;
    let current = api::current(info);
    let names = Names::new(model, visit.language, manifest, Some(info));
    let consent = Consent {
        asked: &version.asked,
        granted: current.and_then(|current| current.granted.as_ref()),
        known: current.filter(|current| current.granted.is_some()).map(|current| &current.asked),
        names: &names,
    };
    Some(consent.parts(visit))
}

fn waiting(visit: &Visit, model: &Model, info: &PluginInfo, version: &VersionInfo) -> Option<Waits> {
    let parts = parts(visit, model, info, version)?;
    let first = api::current(info).is_none_or(|current| current.granted.is_none());
    Some(Waits { number: version.number, version: version.version.clone(), first, parts })
}

/// What it does, with how far its jobs are.
fn lines(
    visit: &Visit,
    model: &Model,
    info: &PluginInfo,
    manifest: &Manifest,
    jobs: &[PluginJob],
) -> Vec<Does> {
    let names = Names::new(model, visit.language, manifest, Some(info));
    let mut lines = does(visit, manifest, &names);
    for (line, export) in lines.iter_mut().zip(&manifest.exports) {
        if export.point == Point::Job {
            let job = jobs.iter().find(|job| job.plugin == info.id && job.export == export.name);
            line.note = job.and_then(|job| job_note(visit, job));
            line.job = Some(export.name.clone()).filter(|_| info.state == PluginState::On);
        }
    }
    lines
}

fn job_note(visit: &Visit, job: &PluginJob) -> Option<String> {
    if let Some(reason) = job.error.as_ref().filter(|_| job.failures > 0) {
        let reason = super::calls::words(visit, reason).0;
        let count = grouped(job.failures);
        return Some(visit.t("plugins.job_failed", &[("count", &count), ("reason", &reason)]));
    }
    if job.running {
        return Some(visit.t("plugins.job_running", &[("count", &grouped(job.processed))]));
    }
    let next = job.next_at?.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string();
    Some(visit.t("plugins.job_next", &[("at", &next)]))
}

fn secrets(visit: &Visit, info: &PluginInfo, manifest: &Manifest) -> Vec<Secret> {
    let header = |name: &str| {
        let found = manifest.secrets.iter().find(|secret| secret.name == name);
        found.map(|secret| secret.inject.header.clone()).unwrap_or_default()
    };
    let secret = |secret: &mortise_engine::plugins::SecretInfo| Secret {
        label: secret.title.get(visit.language).to_owned(),
        set: secret.set && !secret.locked,
        header: header(&secret.name),
        name: secret.name.clone(),
    };
    info.secrets.iter().map(secret).collect()
}

fn mapping(visit: &Visit, model: &Model, info: &PluginInfo, manifest: Option<&Manifest>) -> Vec<Mapped> {
    let choice = |entity: &std::sync::Arc<mortise_definition::model::EntityModel>| Choice {
        key: entity.key.clone(),
        label: format!("{} ({})", entity.plural.get(visit.language), entity.key),
    };
    let mapped = |name: &String| {
        let said = info.mapping.get(name);
        let own = |field: &str| said.and_then(|said| said.fields.get(field)).cloned().unwrap_or_default();
        let fields = manifest.map(|manifest| fields_of(manifest, name)).unwrap_or_default();
        Mapped {
            entity: said.map(|said| said.entity.clone()).unwrap_or_default(),
            found: info
                .entities
                .get(name)
                .and_then(|found| model.entity(found.as_deref()?))
                .map(|entity| entity.plural.get(visit.language).to_owned()),
            choices: model.entities.iter().map(choice).collect(),
            fields: fields.into_iter().map(|field| MappedField { own: own(&field), name: field }).collect(),
            name: name.clone(),
        }
    };
    info.entities.keys().map(mapped).collect()
}

/// The fields of a kind of record that a plugin names anywhere.
fn fields_of(manifest: &Manifest, entity: &str) -> Vec<String> {
    let exports = manifest.exports.iter().filter(|export| export.entity.as_deref() == Some(entity));
    let first = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
    let mut fields: Vec<String> = exports
        .flat_map(|export| export.input.iter().chain(&export.output))
        .map(|path| first(path))
        .collect();
    let read = manifest.permissions.read.iter().filter(|rule| rule.entity == entity);
    fields.extend(read.flat_map(|rule| rule.fields.iter().cloned()));
    let write = manifest.permissions.write.iter().filter(|rule| rule.entity == entity);
    fields.extend(write.flat_map(|rule| rule.fields.iter().cloned()));
    fields.retain(|field| field != "*");
    fields.sort_unstable();
    fields.dedup();
    fields
}

fn version_row(visit: &Visit, show: &Show<'_>, info: &PluginInfo, version: &VersionInfo) -> Version {
    let current = version.number == info.current;
    let canary = info.canary.as_ref().is_some_and(|canary| canary.number == version.number);
    let usable = version.granted.is_some() && version.broken.is_empty();
    let mut badges = Vec::new();
    // What nobody has consented to is not in force, even if there is nothing else.
    if current && version.granted.is_some() {
        badges.push(Badge::new(visit, "green", "current"));
    }
    if canary {
        badges.push(Badge::new(visit, "blue", "tried"));
    }
    if !version.broken.is_empty() {
        badges.push(Badge::new(visit, "red", "state.broken"));
    } else if version.granted.is_none() {
        badges.push(Badge::new(visit, "yellow", "state.waits"));
    }
    Version {
        number: version.number,
        version: version.version.clone(),
        when: show.ago(version.installed_at),
        badges,
        reason: version.broken.first().map(|problem| problem.message.get(visit.language).to_owned()),
        can_return: usable && !current && !canary,
        older: version.number < info.current,
    }
}

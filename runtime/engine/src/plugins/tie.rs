//! Ties a version of a plugin to a model: its names of entities and fields, and its conditions. The same model, package,
//! rights and mapping make the same tie in every tenant, so there is one of it: this knows no tenant.

use std::sync::Arc;

use mortise_definition::Problem;
use mortise_definition::model::{EntityModel, FieldKind, Model};
use mortise_definition::syntax::schedule_problem;
use mortise_expr::{Expression, Member, Scope, Shape, Type};
use mortise_plugin_host::manifest::{Export, FILE};
use mortise_plugin_host::{Permissions, Plugin};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::bound::{InputPath, OutputField};
use super::installed::Names;
use super::names::Finder;
use super::shelf::{Parcel, Said};
use super::tables::Mapping;

/// What tells a tie from others: SHA-256 of everything that it is made of.
pub(super) type TieDigest = [u8; 32];

/// Everything that a tie is made of.
pub(super) struct Of<'a> {
    pub(super) model: &'a Model,
    /// Id of the plugin.
    pub(super) plugin: &'a str,
    pub(super) mapping: &'a Mapping,
    pub(super) parcel: &'a Parcel,
    pub(super) granted: &'a Arc<Permissions>,
}

/// A version that fits to a model.
pub(super) struct Tie {
    pub(super) said: Arc<Said>,
    pub(super) parcel: Arc<Parcel>,
    pub(super) granted: Arc<Permissions>,
    pub(super) names: Arc<Names>,
    /// In the order of the manifest.
    pub(super) exports: Vec<Tied>,
    /// Its machine code, once somebody has called it.
    pub(super) loaded: Arc<OnceCell<Arc<Plugin>>>,
}

/// An export that fits.
pub(super) struct Tied {
    pub(super) entity: Option<usize>,
    pub(super) input: Arc<[InputPath]>,
    pub(super) output: Arc<[OutputField]>,
    pub(super) when: Option<Expression>,
}

impl Of<'_> {
    /// What tells this tie from others.
    pub(super) fn digest(&self) -> TieDigest {
        let Parcel { digest, manifest_digest, package } = self.parcel;
        let model = &self.model.digest;
        let whole = json!([model, self.plugin, self.mapping, digest, manifest_digest, package, self.granted]);
        Sha256::digest(whole.to_string()).into()
    }

    /// Ties the version to the model, or tells everything that does not fit.
    pub(super) fn tie(&self, said: &Arc<Said>, loaded: Option<Arc<Plugin>>) -> Result<Tie, Vec<Problem>> {
        let mut finder = Finder::new(self.model, self.plugin, self.mapping);
        check_rights(&mut finder, self.granted);
        let exports = said.manifest.exports.iter().enumerate();
        let exports: Vec<Tied> =
            exports.map(|(index, export)| tie_export(&mut finder, self.granted, index, export)).collect();
        if !finder.problems.is_empty() {
            return Err(finder.problems);
        }
        Ok(Tie {
            said: Arc::clone(said),
            parcel: Arc::new(self.parcel.clone()),
            granted: Arc::clone(self.granted),
            names: Arc::new(finder.names),
            exports,
            loaded: Arc::new(OnceCell::new_with(loaded)),
        })
    }
}

/// Rights over entities and fields that are not there would be a promise that nobody keeps.
fn check_rights(finder: &mut Finder<'_>, granted: &Permissions) {
    let read = granted.read.iter().map(|right| (&right.entity, &right.fields, "records.read"));
    let write = granted.write.iter().map(|right| (&right.entity, &right.fields, "records.write"));
    for (name, fields, word) in read.chain(write) {
        let place = format!("/permissions/{word}");
        let Some(entity) = finder.entity(name, &place) else { continue };
        for field in fields.iter().filter(|field| *field != "*") {
            finder.slot(entity, field, &place);
        }
    }
}

fn tie_export(finder: &mut Finder<'_>, granted: &Permissions, index: usize, export: &Export) -> Tied {
    let mut tied = Tied { entity: None, input: Arc::default(), output: Arc::default(), when: None };
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let place = format!("/exports/{index}");
    if let Some(detail) = export.schedule.as_deref().and_then(schedule_problem) {
        let problem = Problem::error("plugin.schedule", FILE, format!("{place}/schedule"));
        let schedule = export.schedule.as_deref().unwrap_or_default();
        finder.problems.push(problem.arg("value", schedule).arg("detail", detail));
    }
    let Some(name) = &export.entity else { return tied };
    let Some(entity) = finder.entity(name, &format!("{place}/entity")) else { return tied };
    tied.entity = Some(entity.index);
    for (position, path) in export.input.iter().enumerate() {
        let path = finder.path(entity, path, &format!("{place}/input/{position}"));
        input.extend(path.map(|path| finder.cut(granted, entity, path)));
    }
    for (position, name) in export.output.iter().enumerate() {
        let place = format!("{place}/output/{position}");
        let Some(slot) = finder.slot(entity, name, &place) else { continue };
        let field = &entity.fields[slot];
        if field.writable() && field.stored() && !matches!(field.kind, FieldKind::File { .. }) {
            output.push(OutputField { name: name.as_str().into(), slot });
        } else {
            let problem = Problem::error("plugin.output", FILE, place);
            finder.problems.push(problem.arg("field", name).arg("entity", &entity.key));
        }
    }
    (tied.input, tied.output) = (input.into(), output.into());
    if let Some(source) = &export.when {
        let scope = change_scope(entity, &finder.names);
        match Expression::compile_as(source, &scope, &Type::Bool) {
            Ok(when) => tied.when = Some(when),
            Err(found) => {
                let problem = |one| Problem::expression(one, FILE, format!("{place}/when"));
                finder.problems.extend(found.into_iter().map(problem));
            }
        }
    }
    tied
}

/// The names of a condition: the record before and after the change, in the plugin's own words. Anything may be empty: a
/// new record was nothing before.
fn change_scope(entity: &EntityModel, names: &Names) -> Scope {
    let named = names.of(entity.index).map(|(_, named)| named);
    let members = entity.fields.iter().zip(entity.shape.members()).map(|(field, member)| {
        let name: Arc<str> =
            named.map_or_else(|| Arc::clone(&field.name), |named| named.name_of(field).into());
        Member::new(name, member.ty.clone()).nullable()
    });
    let shape = Arc::new(Shape::new(members.collect()));
    Scope::new().root("before", Arc::clone(&shape)).root("after", shape)
}

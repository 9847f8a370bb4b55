//! Compiles the apps of a tenant into one model: names are resolved, expressions compiled and checked against the
//! types of fields, indexes derived. Every problem is collected; nothing is half compiled.

mod accepted;
mod automation;
mod computed;
mod data;
mod draft;
mod entity;
mod expressions;
mod indexes;
mod kinds;
mod layouts;
mod names;
mod order;
mod place;
mod plugins;
mod roles;
mod scope;
mod settings;
mod texts;
mod trees;
mod views;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mortise_expr::{Expression, OutsideFunction, Shape, Type};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::{AppModel, Model, PluginUseModel, SettingModel};
use crate::package::hex;
use crate::problem::Problems;
use crate::{Overlay, Package, Problem};
pub use accepted::AcceptedFinding;
pub use automation::lint::{Bypass, Means, bypasses, rule_bypasses};
use draft::Draft;
use names::Names;
pub use settings::{DECIMAL_SETTING_SCALE, SettingError, TEXT_SETTING_CHARS_MAX, setting_value};

const ICON: &str = "apps";

/// Values that administrators gave to settings: by app id, then by the setting's name.
pub type SettingValues = BTreeMap<String, BTreeMap<String, Value>>;

/// The result of a successful compilation.
#[derive(Debug)]
pub struct Compiled {
    /// The model.
    pub model: Arc<Model>,
    /// The packages as compiled: in the order of dependence, with their overlays applied.
    pub packages: Vec<Arc<Package>>,
    /// What works but is probably not what the author wants.
    pub warnings: Vec<Problem>,
    /// Warnings that the authors accept.
    pub accepted: Vec<AcceptedFinding>,
}

/// Compiles apps that are to be installed or changed, with every check and warning.
pub fn compile(
    packages: &[Arc<Package>],
    overlays: &[Overlay],
    settings: &SettingValues,
) -> Result<Compiled, Vec<Problem>> {
    run(packages, overlays, settings, true)
}

/// Compiles apps that were compiled with [`compile`] before, without looking at what only authors need to know.
pub fn recompile(
    packages: &[Arc<Package>],
    overlays: &[Overlay],
    settings: &SettingValues,
) -> Result<Compiled, Vec<Problem>> {
    run(packages, overlays, settings, false)
}

fn run(
    packages: &[Arc<Package>],
    overlays: &[Overlay],
    values: &SettingValues,
    for_authors: bool,
) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Problems::default();
    let changed = apply(packages, overlays, &mut problems);
    let packages = order::order(&changed, &mut problems);
    let model = build(&packages, values, for_authors, digest(&packages, values), &mut problems);
    if for_authors {
        packages.iter().for_each(|package| texts::check(package, &mut problems));
        // What does not compile is no ground for conclusions.
        if !problems.has_errors() {
            automation::lint::check(&model, &packages, &mut problems);
        }
    }
    let accepted = if for_authors { accepted::split(&packages, &mut problems) } else { Vec::new() };
    if problems.has_errors() {
        return Err(problems.into_sorted());
    }
    Ok(Compiled { model: Arc::new(model), packages, warnings: problems.into_sorted(), accepted })
}

/// Everything that the parts of the compiler share.
struct Compiler<'a> {
    packages: &'a [Arc<Package>],
    names: Names<'a>,
    drafts: Vec<Draft<'a>>,
    /// Settings of each app with their shape.
    settings: Vec<(Vec<SettingModel>, Arc<Shape>)>,
    /// Functions of plugins of each app.
    functions: Vec<Arc<[Arc<OutsideFunction>]>>,
    user: Arc<Shape>,
    /// Shape of each entity's records.
    shapes: Vec<Arc<Shape>>,
    /// Expressions by entity, app, type and source: roles and views repeat many.
    compiled: RefCell<HashMap<(usize, usize, Type, String), Expression>>,
}

fn build(
    packages: &[Arc<Package>],
    values: &SettingValues,
    for_authors: bool,
    digest: String,
    problems: &mut Problems,
) -> Model {
    let settings =
        packages.iter().map(|package| settings::settings_of(package, values.get(&package.app.id), problems));
    let settings = settings.collect();
    let functions = packages.iter().map(|package| plugins::functions(package, problems)).collect();
    let names = Names::new(packages);
    let mut drafts = draft::drafts(packages, &names, problems);
    kinds::resolve(&mut drafts, &names, problems);
    let user = Arc::new(expressions::user_shape());
    let mut compiler = Compiler {
        packages,
        names,
        drafts,
        settings,
        functions,
        user,
        shapes: Vec::new(),
        compiled: RefCell::default(),
    };
    let computed = compiler.compute_types(problems);
    compiler.shapes = compiler.drafts.iter().map(|draft| Arc::new(computed::shape(draft))).collect();

    let mut entities = compiler.entities(computed, problems);
    let views = compiler.views(&entities, problems);
    let forms = compiler.forms(&entities, problems);
    let roles = compiler.roles(&entities, problems);
    let trees = trees::trees(packages, problems);
    if for_authors {
        compiler.check_data(&entities, &trees, problems);
    }
    let automation = compiler.automation(&entities, problems);
    compiler.indexes(&mut entities, &views, &roles, &automation, problems);

    let apps = packages.iter().enumerate().map(|(index, package)| {
        let settings = std::mem::take(&mut compiler.settings[index].0);
        let plugins = compiler.plugins(index, problems);
        app(package, settings, plugins, Arc::clone(&compiler.functions[index]))
    });
    Model {
        apps: apps.collect(),
        entity_by_key: entities.iter().map(|entity| (entity.key.clone(), entity.index)).collect(),
        entities: entities.into_iter().map(Arc::new).collect(),
        views,
        forms,
        roles,
        trees,
        automation,
        digest,
    }
}

fn app(
    package: &Package,
    settings: Vec<SettingModel>,
    plugins: Vec<PluginUseModel>,
    functions: Arc<[Arc<OutsideFunction>]>,
) -> AppModel {
    let app = &package.app;
    AppModel {
        id: app.id.clone(),
        version: app.version.clone(),
        label: app.label.clone(),
        description: app.description.clone(),
        icon: app.icon.clone().unwrap_or_else(|| ICON.to_owned()),
        menu: app.menu.iter().map(|view| format!("{}.{view}", app.id)).collect(),
        setting_values: settings.iter().map(|setting| setting.value.clone()).collect(),
        settings,
        plugins,
        functions,
    }
}

/// The packages with the overlays of their apps applied. An overlay of an app that is not there does nothing.
fn apply(packages: &[Arc<Package>], overlays: &[Overlay], problems: &mut Problems) -> Vec<Arc<Package>> {
    let apply_all = |base: &Arc<Package>| {
        let mut package = Arc::clone(base);
        for overlay in overlays.iter().filter(|overlay| overlay.app == base.app.id) {
            match overlay.apply(&package) {
                Ok(changed) => package = Arc::new(changed),
                Err(found) => problems.extend(found),
            }
        }
        package
    };
    packages.iter().map(apply_all).collect()
}

fn digest(packages: &[Arc<Package>], values: &SettingValues) -> String {
    let mut hasher = Sha256::new();
    for package in packages {
        hasher.update(package.app.id.as_bytes());
        hasher.update(package.digest().as_bytes());
    }
    hasher.update(serde_json::to_vec(values).expect("settings are JSON already"));
    hex(&hasher.finalize())
}

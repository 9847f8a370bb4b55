//! The compiled form of all apps of a tenant: immutable, checked, with every expression compiled and every name resolved.
//! A request works with one `Arc<Model>` from beginning to end (architecture invariant 6); nothing here is ever changed in place.

mod automation;
mod plugins;
mod view;

use std::collections::HashMap;
use std::sync::Arc;

use mortise_expr::{Decimal, Expression, OutsideFunction, Shape, Value};
use regex::Regex;

use crate::Text;
use crate::source::{self, Compare, FieldAccess, FormFlow, FormPurpose, Operation, RollupOperation};

pub use automation::*;
pub use plugins::{PluginEntityModel, PluginFunctionModel, PluginUseModel};
pub use view::{CalculatedModel, ColumnModel, LayoutModel, ViewColumn, ViewModel};

/// Position of a field in a record: records are slices of values by slot, system fields first.
pub type Slot = usize;

/// Slots of the fields that every record has, in this order.
pub mod system {
    use super::Slot;
    /// Record id (UUIDv7).
    pub const ID: Slot = 0;
    /// Version for optimistic locking, from 1.
    pub const VERSION: Slot = 1;
    /// When the record was made.
    pub const CREATED_AT: Slot = 2;
    /// Who made it.
    pub const CREATED_BY: Slot = 3;
    /// When it was last changed.
    pub const UPDATED_AT: Slot = 4;
    /// Who changed it last.
    pub const UPDATED_BY: Slot = 5;
    /// Whose record it is.
    pub const OWNER: Slot = 6;
    /// When it was put into the trash.
    pub const DELETED_AT: Slot = 7;
    /// First slot of the declared fields.
    pub const FIRST: Slot = 8;
    /// Names (and column names) by slot.
    pub const NAMES: [&str; FIRST] =
        ["id", "version", "created_at", "created_by", "updated_at", "updated_by", "owner", "deleted_at"];
}

/// Members of the root `user` of expressions, in this order: `id`, `name`, `department` (Id, nullable), `roles` (list of text),
/// `team` (ids of the users of the department), `department_users` (ids of users of the department and below, and of reports).
pub mod user_slots {
    /// The user's id.
    pub const ID: usize = 0;
    /// The user's name.
    pub const NAME: usize = 1;
    /// The user's department.
    pub const DEPARTMENT: usize = 2;
    /// Roles as `app.role`.
    pub const ROLES: usize = 3;
    /// Users of the same department, the user included.
    pub const TEAM: usize = 4;
    /// Users of the department and below and all reports, the user included.
    pub const DEPARTMENT_USERS: usize = 5;
}

/// Order of the roots in every scope of an entity's expressions: `record`, `user`, `settings` (of the app that owns the artifact).
pub mod roots {
    /// The record.
    pub const RECORD: usize = 0;
    /// The person who acts.
    pub const USER: usize = 1;
    /// The settings of the artifact's app.
    pub const SETTINGS: usize = 2;
}

/// All apps of a tenant, compiled.
#[derive(Debug, Default)]
pub struct Model {
    /// Installed apps in order of dependence.
    pub apps: Vec<AppModel>,
    /// All entities; `EntityModel::index` is the position here.
    pub entities: Vec<Arc<EntityModel>>,
    /// Position in `entities` by key (`app.entity`).
    pub entity_by_key: HashMap<String, usize>,
    /// Views by key (`app.view`).
    pub views: indexmap::IndexMap<String, Arc<ViewModel>>,
    /// Forms by key (`app.form`).
    pub forms: indexmap::IndexMap<String, Arc<FormModel>>,
    /// Roles by key (`app.role`).
    pub roles: indexmap::IndexMap<String, Arc<RoleModel>>,
    /// Trees by key (`app.tree`).
    pub trees: indexmap::IndexMap<String, Arc<TreeModel>>,
    /// What happens by itself.
    pub automation: Automation,
    /// SHA-256 over all sources, hex: names this model in caches and ETags.
    pub digest: String,
}

impl Model {
    /// The entity with this key (`app.entity`).
    pub fn entity(&self, key: &str) -> Option<&Arc<EntityModel>> {
        self.entity_by_key.get(key).map(|&index| &self.entities[index])
    }

    /// The app with this id.
    pub fn app(&self, id: &str) -> Option<&AppModel> {
        self.apps.iter().find(|app| app.id == id)
    }

    /// Views of an entity, in menu order.
    pub fn views_of<'a>(&'a self, entity: &'a EntityModel) -> impl Iterator<Item = &'a Arc<ViewModel>> {
        self.views.values().filter(move |view| view.entity == entity.index)
    }

    /// The form for new (`Create`) or existing (`Edit`) records of an entity: first one that fits.
    pub fn form_of(&self, entity: &EntityModel, purpose: FormPurpose) -> Option<&Arc<FormModel>> {
        let mut forms = self.forms.values().filter(|form| form.entity == entity.index);
        let exact = forms.clone().find(|form| form.purpose == purpose);
        exact.or_else(|| forms.find(|form| form.purpose == FormPurpose::Both))
    }
}

/// An installed app.
#[derive(Debug)]
pub struct AppModel {
    /// Id.
    pub id: String,
    /// Version.
    pub version: String,
    /// Name.
    pub label: Text,
    /// Description.
    pub description: Option<Text>,
    /// Tabler icon name.
    pub icon: String,
    /// Keys of the views of its menu.
    pub menu: Vec<String>,
    /// Names, declarations and present values of its settings, by slot of the root `settings`.
    pub settings: Vec<SettingModel>,
    /// The same values, ready as a root of expressions.
    pub setting_values: Arc<[Value]>,
    /// Plugins that it makes use of.
    pub plugins: Vec<PluginUseModel>,
    /// Their functions, as expressions of the app call them.
    pub functions: Arc<[Arc<OutsideFunction>]>,
}

/// A setting with its present value.
#[derive(Debug)]
pub struct SettingModel {
    /// Name.
    pub name: String,
    /// Declaration.
    pub declaration: source::Setting,
    /// Present value.
    pub value: Value,
}

/// A kind of record, compiled.
#[derive(Debug)]
pub struct EntityModel {
    /// Position in [`Model::entities`].
    pub index: usize,
    /// Position of the owning app in [`Model::apps`].
    pub app: usize,
    /// `app.entity`, from ids: never changes.
    pub key: String,
    /// Id within the app.
    pub id: String,
    /// Table name: `<app>__<name>` with hyphens as underscores.
    pub table: String,
    /// Name of one record.
    pub label: Text,
    /// Name of many.
    pub plural: Text,
    /// Tabler icon name.
    pub icon: String,
    /// Field that names a record.
    pub title: Slot,
    /// Fields by slot: the system fields, then the declared ones, then those of extensions.
    pub fields: Vec<FieldModel>,
    /// Slot by name.
    pub slot_by_name: HashMap<String, Slot>,
    /// The shape of the root `record`.
    pub shape: Arc<Shape>,
    /// Declared slots in the order in which computed fields have to be calculated.
    pub computed: Vec<Slot>,
    /// Every index: declared, from fields, and derived from views and scopes. Unique ones first.
    pub indexes: Vec<IndexModel>,
    /// Duplicate check.
    pub duplicates: Option<DuplicatesModel>,
    /// Conditions over the record.
    pub checks: Vec<CheckModel>,
    /// Slots found by the search box.
    pub search: Vec<Slot>,
    /// Rollups elsewhere that depend on records of this entity: (entity index, slot of the rollup).
    pub feeds: Vec<(usize, Slot)>,
    /// References to this entity: (entity index, slot of the reference field).
    pub referrers: Vec<(usize, Slot)>,
}

impl EntityModel {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&FieldModel> {
        self.slot_by_name.get(name).map(|&slot| &self.fields[slot])
    }

    /// The declared fields (without the system's).
    pub fn declared(&self) -> &[FieldModel] {
        &self.fields[system::FIRST..]
    }
}

/// A field, compiled.
#[derive(Debug)]
pub struct FieldModel {
    /// Position in the record.
    pub slot: Slot,
    /// Stable id, unique within the entity (`app:id` for fields of an extension).
    pub id: String,
    /// Name in expressions, API and (as column) in the database.
    pub name: Arc<str>,
    /// Label.
    pub label: Text,
    /// Explanation.
    pub help: Option<Text>,
    /// What it holds, resolved.
    pub kind: FieldKind,
    /// Always required.
    pub required: bool,
    /// Unique among living records.
    pub unique: bool,
    /// Found by the search box.
    pub search: bool,
    /// Has an index of its own.
    pub index: bool,
    /// Position in [`Model::apps`] of the app whose `settings` its expressions see.
    pub app: usize,
    /// Default of a new record.
    pub default: Option<Expression>,
    /// Shown and accepted only while this holds.
    pub visible_when: Option<Expression>,
    /// Required while this holds.
    pub required_when: Option<Expression>,
    /// Value refused unless this holds.
    pub valid_when: Option<Expression>,
    /// Told when `valid_when` does not hold.
    pub message: Option<Text>,
}

impl FieldModel {
    /// False for fields without a column of their own (lines).
    pub fn stored(&self) -> bool {
        !matches!(self.kind, FieldKind::Lines { .. })
    }

    /// True when people and programs may give a value (not for the system's, numbers, computed fields and rollups).
    pub fn writable(&self) -> bool {
        (self.slot >= system::FIRST || self.slot == system::OWNER)
            && !matches!(
                self.kind,
                FieldKind::Autonumber { .. } | FieldKind::Computed { .. } | FieldKind::Rollup { .. }
            )
    }
}

/// What a field holds, with options resolved. Storage per kind is in mortise-store, parsing and display in mortise-engine.
#[derive(Debug)]
pub enum FieldKind {
    /// One line.
    Text { max_length: u32, pattern: Option<Regex> },
    /// Several lines.
    LongText { max_length: u32 },
    /// Whole number.
    Integer { min: i64, max: i64 },
    /// Exact decimal (also money, then with its currency).
    Decimal { scale: u8, min: Option<Decimal>, max: Option<Decimal>, currency: Option<String> },
    /// Yes or no.
    Boolean,
    /// Day.
    Date,
    /// Moment.
    Datetime,
    /// Length of time.
    Duration,
    /// One of a list.
    Choice { choices: Vec<source::Choice> },
    /// Some of a list.
    Choices { choices: Vec<source::Choice> },
    /// Node of a tree (also region), by key in [`Model::trees`].
    Tree { tree: String, leaf_only: bool, region: bool },
    /// Record of another entity (index in [`Model::entities`]).
    Reference { entity: usize },
    /// Child rows: records of `entity` whose field `via` points here.
    Lines { entity: usize, via: Slot },
    /// User.
    User,
    /// Department.
    Team,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
    /// Web address.
    Url,
    /// Place.
    GeoPoint,
    /// One file, many files, a photo or a signature; values are file ids.
    File { many: bool, image: bool, max_mib: u32, signature: bool, photo: PhotoRules },
    /// JSON.
    Json,
    /// Number given by the system.
    Autonumber { pattern: NumberPattern },
    /// Calculated from the record.
    Computed { value: Expression },
    /// Calculated from records that point here.
    Rollup {
        entity: usize,
        via: Slot,
        operation: RollupOperation,
        field: Option<Slot>,
        filter: Option<Expression>,
    },
    /// A system field that is none of the above (id, version).
    System,
}

/// What is asked of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhotoRules {
    /// It comes from the camera, with place and time.
    pub camera: bool,
    /// Place, time and name are drawn into it.
    pub watermark: bool,
}

/// A parsed autonumber pattern: `L-{yyyy}-{0000}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern(pub Vec<NumberPart>);

/// A part of a number pattern. The counter starts again whenever the text of the date parts changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberPart {
    /// Fixed text.
    Text(String),
    /// Year, four digits.
    Year,
    /// Month, two digits.
    Month,
    /// Day, two digits.
    Day,
    /// Counter with at least this many digits.
    Counter(usize),
}

/// An index, by slots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexModel {
    /// Stable name: derived from table and columns.
    pub name: String,
    /// Columns; `true` is descending.
    pub slots: Vec<(Slot, bool)>,
    /// Unique among living records.
    pub unique: bool,
}

/// Duplicate check, compiled.
#[derive(Debug)]
pub struct DuplicatesModel {
    /// Compared fields.
    pub fields: Vec<(Slot, Compare)>,
    /// Those of them that only give a hint and refuse nothing.
    pub hints: Vec<Slot>,
    /// 0.0 to 1.0.
    pub threshold: f64,
    /// Shown fields.
    pub show: Vec<Slot>,
}

/// A condition over the record, compiled.
#[derive(Debug)]
pub struct CheckModel {
    /// Id.
    pub id: String,
    /// Must hold.
    pub condition: Expression,
    /// Told when it does not.
    pub message: Text,
    /// Field beside which it is told.
    pub field: Option<Slot>,
    /// App whose settings it sees.
    pub app: usize,
}

/// A form, compiled.
#[derive(Debug)]
pub struct FormModel {
    /// `app.form`.
    pub key: String,
    /// Entity.
    pub entity: usize,
    /// App that owns it.
    pub app: usize,
    /// Label.
    pub label: Text,
    /// When it is offered.
    pub purpose: FormPurpose,
    /// How its parts follow each other.
    pub flow: FormFlow,
    /// Parts.
    pub sections: Vec<SectionModel>,
}

/// A part of a form.
#[derive(Debug)]
pub struct SectionModel {
    /// Heading.
    pub label: Option<Text>,
    /// Explanation below it.
    pub help: Option<Text>,
    /// 1 to 3.
    pub columns: u8,
    /// Shown while this holds.
    pub visible_when: Option<Expression>,
    /// Fields.
    pub items: Vec<ItemModel>,
}

/// A field on a form.
#[derive(Debug)]
pub struct ItemModel {
    /// The field.
    pub slot: Slot,
    /// Takes the whole width.
    pub wide: bool,
    /// Large letters in a large box, for dictating.
    pub large: bool,
    /// Not changeable here.
    pub read_only: bool,
    /// Required on this form.
    pub required: bool,
    /// Grey words.
    pub placeholder: Option<Text>,
    /// Columns of child rows (slots of the child entity).
    pub columns: Vec<Slot>,
}

/// A role, compiled.
#[derive(Debug)]
pub struct RoleModel {
    /// `app.role`.
    pub key: String,
    /// App that owns it.
    pub app: usize,
    /// Label.
    pub label: Text,
    /// Description.
    pub description: Option<Text>,
    /// Permission by entity index.
    pub permissions: HashMap<usize, PermissionModel>,
}

/// What a role may do with one entity.
#[derive(Debug)]
pub struct PermissionModel {
    /// Operations.
    pub operations: Vec<Operation>,
    /// Row scope as an expression over `record`, `user`, `settings`; `None` is every record.
    pub rows: Option<Expression>,
    /// Access by slot; absent is `Write`.
    pub fields: HashMap<Slot, FieldAccess>,
}

/// A tree, with every path at hand.
#[derive(Debug)]
pub struct TreeModel {
    /// `app.tree`.
    pub key: String,
    /// Label.
    pub label: Text,
    /// As written.
    pub nodes: Arc<Vec<source::TreeNode>>,
    /// Node by path (`C/C39`), in tree order.
    pub by_path: indexmap::IndexMap<String, TreeEntry>,
}

/// A node of a tree by path.
#[derive(Debug)]
pub struct TreeEntry {
    /// Name.
    pub label: Arc<Text>,
    /// True when nothing is below it.
    pub leaf: bool,
    /// Depth from 0.
    pub depth: usize,
    /// Latitude and longitude.
    pub point: Option<(f64, f64)>,
}

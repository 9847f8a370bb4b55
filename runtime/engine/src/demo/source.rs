//! Reading the folder `demo/` of apps: entities, lists of words, people.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::generator::Made;
use crate::values::Issue;

/// Largest file of demo data.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Records of one entity at most, whatever the scale.
pub(super) const COUNT_MAX: u64 = 20_000_000;

/// Demo data of one or several apps.
#[derive(Debug, Default)]
pub struct Demo {
    /// People, as the files have them.
    pub people: People,
    pub(super) entities: Vec<EntityDemo>,
    /// By app and name.
    pub(super) lists: HashMap<(String, String), List>,
    /// Apps that an app may take lists from: itself, then those that it requires.
    pub(super) apps: HashMap<String, Vec<String>>,
}

/// Departments and users of the demo.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Departments, those above first.
    #[serde(default)]
    pub departments: Vec<DemoDepartment>,
    /// Users, supervisors first.
    #[serde(default)]
    pub users: Vec<DemoUser>,
}

/// A department of the demo.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoDepartment {
    /// Name within the demo.
    pub id: String,
    /// Name shown to people.
    #[serde(default)]
    pub label: String,
    /// The one above.
    #[serde(default)]
    pub parent: Option<String>,
}

/// A user of the demo.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoUser {
    /// Name for signing in.
    pub login: String,
    /// Name shown to people.
    #[serde(default)]
    pub name: String,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Department by its name within the demo.
    #[serde(default)]
    pub department: Option<String>,
    /// Login of the supervisor.
    #[serde(default)]
    pub supervisor: Option<String>,
    /// Language.
    #[serde(default)]
    pub language: Option<String>,
    /// Roles as `app.role`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// May do everything and administrate.
    #[serde(default)]
    pub administrator: bool,
}

/// How records of one entity are made.
#[derive(Debug)]
pub(super) struct EntityDemo {
    /// `app.entity`.
    pub(super) entity: String,
    pub(super) app: String,
    pub(super) order: i64,
    pub(super) count: u64,
    pub(super) made: Made,
    pub(super) records: Vec<Map<String, Json>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityFile {
    entity: String,
    order: i64,
    #[serde(default)]
    count: u64,
    #[serde(default, rename = "let")]
    lets: Option<Json>,
    #[serde(default)]
    fields: Option<Json>,
    #[serde(default)]
    records: Vec<Map<String, Json>>,
    /// Names the field by which others refer to fixed records; they are found by any naming field.
    #[serde(default, rename = "key")]
    _key: Option<String>,
}

/// Rows of words.
#[derive(Debug)]
pub(super) struct List {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// Growing sums of the weights.
    pub(super) sums: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    columns: Vec<String>,
    rows: Vec<Vec<Json>>,
}

impl Demo {
    /// Records of the kind of which most are made, at scale 1.
    pub fn largest(&self) -> u64 {
        self.entities.iter().map(|entity| entity.count).max().unwrap_or(0)
    }

    /// Reads the demo data of these app folders; apps that others require come first. Folders without any are passed over.
    pub fn read_folders(folders: &[impl AsRef<Path>]) -> Result<Demo, Issue> {
        let mut demo = Demo::default();
        for folder in folders {
            demo.read_app(folder.as_ref())?;
        }
        demo.entities.sort_by_key(|entity| entity.order);
        Ok(demo)
    }

    fn read_app(&mut self, folder: &Path) -> Result<(), Issue> {
        let manifest: Json = read(&folder.join("app.json"))?;
        let app = manifest["id"].as_str().unwrap_or_default().to_owned();
        let required = manifest["requires"].as_array().into_iter().flatten();
        let required = required.filter_map(|required| required["app"].as_str()).map(str::to_owned);
        let mut reach = vec![app.clone()];
        for name in required {
            let further = self.apps.get(&name).cloned().unwrap_or_else(|| vec![name]);
            reach.extend(further.into_iter().filter(|other| !reach.contains(other)).collect::<Vec<_>>());
        }
        self.apps.insert(app.clone(), reach);
        let demo = folder.join("demo");
        for path in json_files(&demo)? {
            if path.ends_with("people.json") {
                self.add_people(read(&path)?);
                continue;
            }
            self.add_entity(&app, &path)?;
        }
        for path in json_files(&demo.join("lists"))? {
            let list = List::from_file(read(&path)?).map_err(|reason| broken(&path, &reason))?;
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            self.lists.insert((app.clone(), name), list);
        }
        Ok(())
    }

    fn add_entity(&mut self, app: &str, path: &Path) -> Result<(), Issue> {
        let file: EntityFile = read(path)?;
        let entity = if file.entity.contains('.') { file.entity } else { format!("{app}.{}", file.entity) };
        let made = Made::read(&entity, file.lets.as_ref(), file.fields.as_ref(), 0);
        let made = made.map_err(|reason| broken(path, &reason))?;
        let (app, order, count) = (app.to_owned(), file.order, file.count.min(COUNT_MAX));
        self.entities.push(EntityDemo { entity, app, order, count, made, records: file.records });
        Ok(())
    }

    fn add_people(&mut self, people: People) {
        let known = |departments: &[DemoDepartment], id: &str| departments.iter().any(|one| one.id == id);
        for department in people.departments {
            if !known(&self.people.departments, &department.id) {
                self.people.departments.push(department);
            }
        }
        for user in people.users {
            match self.people.users.iter_mut().find(|known| known.login == user.login) {
                Some(known) => {
                    let new =
                        user.roles.into_iter().filter(|role| !known.roles.contains(role)).collect::<Vec<_>>();
                    known.roles.extend(new);
                }
                None => self.people.users.push(user),
            }
        }
    }

    /// A list as an app sees it: its own, else one of an app that it requires.
    pub(super) fn list(&self, app: &str, name: &str) -> Option<&List> {
        self.apps.get(app)?.iter().find_map(|app| self.lists.get(&(app.clone(), name.to_owned())))
    }
}

impl List {
    fn from_file(file: ListFile) -> Result<List, String> {
        let weight = file.columns.iter().position(|column| column == "weight");
        let (mut rows, mut sums, mut sum) = (Vec::with_capacity(file.rows.len()), Vec::new(), 0.0);
        for row in file.rows {
            if row.len() != file.columns.len() {
                return Err(format!("a row has {} columns instead of {}", row.len(), file.columns.len()));
            }
            sum += weight.map_or(Some(1.0), |column| row[column].as_f64()).ok_or("a weight is no number")?;
            sums.push(sum);
            let text = |json: Json| match json {
                Json::String(text) => text,
                Json::Null => String::new(),
                other => other.to_string(),
            };
            rows.push(row.into_iter().map(text).collect());
        }
        if rows.is_empty() {
            Err("the list is empty".to_owned())
        } else {
            Ok(List { columns: file.columns, rows, sums })
        }
    }
}

fn json_files(folder: &Path) -> Result<Vec<std::path::PathBuf>, Issue> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|error| broken(folder, &error.to_string()))?;
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    Ok(paths)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Issue> {
    let fail = |reason: String| broken(path, &reason);
    let size = fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(fail(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read(path).map_err(|error| fail(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))
}

fn broken(path: &Path, reason: &str) -> Issue {
    Issue::new("demo.broken").with("file", path.display()).with("reason", reason)
}

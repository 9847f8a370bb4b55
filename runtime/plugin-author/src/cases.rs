//! The cases of a plugin's folder, made ready as a server would: records are sent with all fields that the manifest asks for
//! and no others, settings have their defaults. Reading and running them is the business of `mortise-cases`.

use std::path::{Path, PathBuf};

use mortise_cases::Case;
use mortise_definition::Problem;
use mortise_plugin_host::manifest::{Export, Manifest, Point, ValueKind};
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Field, Value};
use serde_json::{Map, Value as Json, json};

use crate::error::{AuthorError, about, of_case};

/// Largest file of cases.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A case and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) file: PathBuf,
    /// Its place in the file, from 0.
    pub(crate) index: usize,
    pub(crate) case: Case,
}

/// The cases of a plugin, file by file in the order of their names.
pub(crate) fn of_folder(folder: &Path, manifest: &Manifest) -> Result<Vec<Placed>, AuthorError> {
    let folder = folder.join("cases");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return about(&folder, Err(error)),
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut cases = Vec::new();
    for file in &files {
        cases.extend(of_file(file, manifest)?);
    }
    Ok(cases)
}

/// The cases of a file.
pub(crate) fn of_file(file: &Path, manifest: &Manifest) -> Result<Vec<Placed>, AuthorError> {
    let size = about(file, std::fs::metadata(file))?.len();
    if size > FILE_BYTES_MAX {
        let large = Problem::error("author.cases_too_large", file.display().to_string(), "");
        return Err(large.arg("bytes", size).arg("limit", FILE_BYTES_MAX).into());
    }
    let text = about(file, std::fs::read_to_string(file))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let read =
        mortise_cases::read(&name, &text).map_err(|error| of_case(&file.display().to_string(), &error))?;
    let place = |(index, case)| -> Result<Placed, AuthorError> {
        let mut placed = Placed { file: file.to_path_buf(), index, case };
        placed.prepare(manifest)?;
        Ok(placed)
    };
    read.into_iter().enumerate().map(place).collect()
}

impl Placed {
    /// The file and, behind it, the number of the case.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.file.display(), self.index + 1)
    }

    /// The export that is called.
    pub(crate) fn export<'a>(&self, manifest: &'a Manifest) -> Result<&'a Export, AuthorError> {
        let (point, name) = (self.case.point, &self.case.export);
        manifest.export(point, name).ok_or_else(|| {
            let known = manifest.exports.iter().filter(|export| export.point == point);
            let missing = Problem::error("author.case_export", self.place(), "");
            let missing = missing.arg("point", point.name()).arg("name", name);
            missing.suggest(name, known.map(|export| export.name.as_str())).into()
        })
    }

    fn prepare(&mut self, manifest: &Manifest) -> Result<(), AuthorError> {
        let export = self.export(manifest)?;
        for setting in &manifest.settings {
            let config = &mut self.case.call.config;
            if config.iter().all(|field| field.name != setting.name)
                && let Some(default) = &setting.default
            {
                config.push(Field::new(&setting.name, setting_value(setting.kind, default)));
            }
        }
        let place = self.place();
        for key in ["before", "after", "subject", "subjects"] {
            let records = match self.case.input.get_mut(key) {
                Some(Json::Array(list)) => list.as_mut_slice(),
                Some(one) => std::slice::from_mut(one),
                None => continue,
            };
            for record in records.iter_mut().filter_map(Json::as_object_mut) {
                complete(record, export, &place, key)?;
            }
        }
        Ok(())
    }
}

/// A record as a server sends it.
fn complete(
    record: &mut Map<String, Json>,
    export: &Export,
    place: &str,
    key: &str,
) -> Result<(), AuthorError> {
    if let Some(entity) = &export.entity {
        record.entry("entity").or_insert_with(|| json!(entity));
    }
    let fields = record.entry("fields").or_insert_with(|| json!({}));
    let Some(fields) = fields.as_object_mut() else { return Ok(()) };
    if let Some(name) = fields.keys().find(|name| !export.input.contains(name)) {
        let never = Problem::error("author.case_field", place, format!("/input/{key}/fields/{name}"));
        let known = export.input.iter().map(String::as_str);
        return Err(never.arg("field", name).suggest(name, known).into());
    }
    for name in &export.input {
        fields.entry(name).or_insert(Json::Null);
    }
    Ok(())
}

/// The default of a setting in its kind, as a server reads it.
fn setting_value(kind: ValueKind, default: &Json) -> Value {
    let text = || default.as_str().map_or_else(|| default.to_string(), str::to_owned);
    let texts = || default.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned);
    match kind {
        _ if default.is_null() => Value::Null,
        ValueKind::Text => Value::Text(text()),
        ValueKind::Integer => default.as_i64().map_or(Value::Null, Value::Integer),
        ValueKind::Decimal => Value::Decimal(text()),
        ValueKind::Float => default.as_f64().map_or(Value::Null, Value::Float),
        ValueKind::Boolean => default.as_bool().map_or(Value::Null, Value::Boolean),
        ValueKind::Date => Value::Date(text()),
        ValueKind::Timestamp => Value::Timestamp(text()),
        ValueKind::Many => Value::Many(texts().collect()),
        ValueKind::Json => Value::Json(default.to_string()),
    }
}

/// How a call ended, by the key that a case has for it.
pub(crate) fn ending(outcome: &Result<Json, Failure>) -> (&'static str, Json) {
    match outcome {
        Ok(answer) => ("expect", answer.clone()),
        Err(Failure::Fault(fault)) => ("fault", json!(fault)),
        Err(failure) => ("failure", json!(failure.code())),
    }
}

/// Writes what came into the cases of a file: number of the case, how it ended, its lines. Everything else stays as it was.
pub(crate) fn rewrite(
    file: &Path,
    results: &[(usize, (&'static str, Json), Vec<String>)],
) -> Result<(), AuthorError> {
    let wrong = |error: serde_json::Error| {
        Problem::error("author.case_written", file.display().to_string(), "").arg("detail", error)
    };
    let text = about(file, std::fs::read_to_string(file))?;
    let mut document: Json = serde_json::from_str(&text).map_err(wrong)?;
    for (index, (key, value), lines) in results {
        let case = match &mut document {
            Json::Array(list) => list.get_mut(*index),
            one => Some(one),
        };
        let Some(case) = case.and_then(Json::as_object_mut) else { continue };
        for other in ["expect", "fault", "failure"].iter().filter(|other| *other != key) {
            case.shift_remove(*other);
        }
        case.insert((*key).to_owned(), value.clone());
        if case.contains_key("log") {
            case.insert("log".to_owned(), json!(lines));
        }
    }
    let mut text = serde_json::to_string_pretty(&document).map_err(wrong)?;
    text.push('\n');
    about(file, std::fs::write(file, text))
}

/// True where instructions are counted instead of time.
pub(crate) fn counts_fuel(point: Point) -> bool {
    point == Point::Function
}

//! JSON documents that are no artifacts of an app: read with the same strictness and the same words for what is wrong.

use std::marker::PhantomData;

use jsonschema::Validator;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{findings, generate};
use crate::package::PROBLEMS_PER_FILE_MAX;
use crate::{Problem, json};

/// Reads one kind of document. Making one takes milliseconds: keep it.
pub struct Document<T> {
    schema: Value,
    validator: Validator,
    kind: PhantomData<fn() -> T>,
}

impl<T: JsonSchema + DeserializeOwned> Default for Document<T> {
    fn default() -> Self {
        let schema = generate::<T>();
        let validator =
            jsonschema::draft202012::new(&schema).expect("generated schemas are tested to be schemas");
        Document { schema, validator, kind: PhantomData }
    }
}

impl<T: JsonSchema + DeserializeOwned> Document<T> {
    /// The JSON Schema, for editors and references.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The document in `text`, or everything that is wrong with it. The caller has limited the size.
    pub fn read(&self, file: &str, text: &str) -> Result<T, Vec<Problem>> {
        let value = json::parse(file, text).map_err(|problem| vec![*problem])?;
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(&value) {
            findings::report(&error, &self.schema, file, &mut problems);
            if problems.len() >= PROBLEMS_PER_FILE_MAX {
                break;
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        serde_json::from_value(value).map_err(|error| vec![json::problem_of(file, &error)])
    }
}

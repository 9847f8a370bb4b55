//! The same work through extism: a compiled plugin, a fresh instance for each call, the record as JSON.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use serde_json::json;

/// The compiled plugin.
pub(crate) struct Extism {
    compiled: CompiledPlugin,
    input: String,
}

impl Extism {
    pub(crate) fn compile(module: &Path) -> Result<Extism> {
        let bytes = std::fs::read(module).with_context(|| module.display().to_string())?;
        let builder = PluginBuilder::new(Manifest::new([Wasm::data(bytes)])).with_wasi(false);
        let fields: Vec<serde_json::Value> = (0..crate::FIELDS)
            .map(|index| json!({ "name": format!("field_{:02}", index + 1), "value": format!("value {index}") }))
            .collect();
        let input = json!({ "entity": "thing", "id": "1", "fields": fields }).to_string();
        Ok(Extism { compiled: CompiledPlugin::new(builder)?, input })
    }

    /// Microseconds of a fresh instance, the call, and its end.
    pub(crate) fn call(&self) -> Result<f64> {
        let begin = Instant::now();
        let mut plugin = Plugin::new_from_compiled(&self.compiled)?;
        let answer = plugin.call::<&str, String>("validate", &self.input)?;
        drop(plugin);
        let micros = begin.elapsed().as_secs_f64() * 1e6;
        anyhow::ensure!(answer == "[]", "{answer}");
        Ok(micros)
    }
}

//! One field of a record by itself, as lists change it in place and many records at once: its widget, and what was typed
//! into it. Whether the value is allowed is decided where it is saved.

use mortise_definition::model::{EntityModel, FieldModel, Slot};
use mortise_engine::Record;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};

use super::layout::Item;
use super::raw::Raw;
use super::read;
use super::widget::{Messages, Widgets};
use crate::pages::show::Show;

/// A field by itself.
pub(in crate::pages) struct Single<'a> {
    pub(in crate::pages) show: &'a Show<'a>,
    pub(in crate::pages) entity: &'a EntityModel,
    pub(in crate::pages) slot: Slot,
}

impl Single<'_> {
    fn field(&self) -> &FieldModel {
        &self.entity.fields[self.slot]
    }

    /// The pairs of a record's value, as if somebody had typed it.
    pub(in crate::pages) fn of_record(&self, record: &Record) -> Vec<(String, String)> {
        let mut raw = Raw::default();
        raw.add(self.show, self.field(), &self.field().name, record);
        raw.0
    }

    /// The widget with what was typed, and what is wrong with that. Its id is unlike those of a form on the same page.
    pub(in crate::pages) fn widget(&self, typed: Vec<(String, String)>, wrong: Option<String>) -> Json {
        let raw = Raw(typed);
        let name = self.field().name.to_string();
        let messages: Messages = wrong.map(|text| HashMap::from([(name, vec![text])])).unwrap_or_default();
        let computed = BTreeMap::new();
        let widgets =
            Widgets { show: self.show, raw: &raw, messages: &messages, record: None, computed: &computed };
        let item = Item {
            slot: self.slot,
            wide: false,
            large: false,
            read_only: false,
            required: false,
            placeholder: None,
            columns: Vec::new(),
        };
        let mut field = widgets.field(self.entity, &item, true, false);
        field.id = format!("cell-{}", self.field().name);
        serde_json::to_value(field).unwrap_or_default()
    }

    /// The value in wire form, or words about what is wrong with what was typed.
    pub(in crate::pages) fn value(&self, typed: Vec<(String, String)>) -> Result<Json, String> {
        read::value(self.show, self.field(), &self.field().name, &Raw(typed))
    }
}

//! How a person likes a list: which columns, in which order, how wide. It is kept on the server, so that it is the same on
//! every device; a column that is not there any more is passed over, a new one appears at its place.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::model::{EntityModel, ViewModel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::columns::Column;
use super::params::Params;
use super::{entity_of, view_of};
use crate::Failure;
use crate::pages::shell::entity_path;
use crate::pages::visit::Visit;

/// Narrowest and widest column in pixels: its heading and menu can still be used, and others be seen beside it.
const WIDTHS: std::ops::RangeInclusive<u16> = 60..=900;

/// What a person chose.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Liking {
    /// Columns in order.
    order: Vec<String>,
    /// Widths in pixels.
    width: BTreeMap<String, u16>,
    /// Columns that are not shown.
    hidden: Vec<String>,
}

/// A column in the drawer where columns are chosen.
#[derive(Serialize)]
pub(super) struct Choosable {
    key: String,
    label: String,
    shown: bool,
    /// Leads to the record: always there, always first.
    fixed: bool,
}

/// The name under which the choice is kept.
pub(super) fn name(entity: &EntityModel, view: Option<&ViewModel>) -> String {
    format!("columns:{}", view.map_or(&entity.key, |view| &view.key))
}

/// What the person chose for a list; what cannot be read is as good as nothing.
pub(super) async fn liking(
    visit: &Visit,
    entity: &EntityModel,
    view: Option<&ViewModel>,
) -> Result<Liking, Failure> {
    let stored = visit.tenant.engine.choice(visit.actor(), &name(entity, view)).await?;
    Ok(stored.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default())
}

impl Liking {
    /// Whether widths were chosen: then nothing is stretched.
    pub(super) fn sized(&self) -> bool {
        !self.width.is_empty()
    }

    /// Columns as the person likes them, and all that there are.
    pub(super) fn arrange(&self, mut columns: Vec<Column>) -> (Vec<Column>, Vec<Choosable>) {
        let place = |key: &str| self.order.iter().position(|known| known == key);
        // Those without a place stay behind the one that they stood behind.
        let mut last = 0;
        let mut places: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (index, column) in columns.iter().enumerate() {
            last = place(&column.key).unwrap_or(last);
            places.insert(column.key.clone(), (last, index));
        }
        columns.sort_by_key(|column| (!column.title, places.get(&column.key).copied()));
        let shown = |column: &Column| column.title || !self.hidden.contains(&column.key);
        let choosable = |column: &Column| Choosable {
            key: column.key.clone(),
            label: column.label.clone(),
            shown: shown(column),
            fixed: column.title,
        };
        let all = columns.iter().map(choosable).collect();
        columns.retain(shown);
        for column in &mut columns {
            if let Some(width) = self.width.get(&column.key) {
                column.width = (*width).clamp(*WIDTHS.start(), *WIDTHS.end());
            }
        }
        (columns, all)
    }

    /// Takes over what the drawer sent: columns in order, those that are shown, perhaps one that moves.
    fn take(&mut self, form: &[(String, String)]) {
        let all = |name: &str| -> Vec<String> {
            form.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
        };
        let shown = all("show");
        self.order = all("column");
        self.hidden = self.order.iter().filter(|key| !shown.contains(key)).cloned().collect();
        let moved = all("move").pop().unwrap_or_default();
        let Some((key, way)) = moved.rsplit_once(':') else { return };
        let Some(at) = self.order.iter().position(|known| known == key) else { return };
        // The first column is fixed: nothing gets before it.
        let to = if way == "up" { at.saturating_sub(1).max(1) } else { at + 1 };
        if to < self.order.len() {
            self.order.swap(at, to);
        }
    }
}

/// `POST /a/{app}/{entity}/columns`: columns, shown and hidden, in order; `reset` forgets all of it.
pub(in crate::pages) async fn choose(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let back = form.iter().find(|(name, _)| name == "return").map(|(_, query)| query.as_str());
    let params = Params::parse(back.unwrap_or_default());
    let view = view_of(&visit, &entity, &params);
    let name = name(&entity, view.as_deref());
    let value = if form.iter().any(|(name, _)| name == "reset") {
        None
    } else {
        let mut liking = liking(&visit, &entity, view.as_deref()).await?;
        liking.take(&form);
        serde_json::to_value(liking).ok()
    };
    visit.tenant.engine.choose(visit.actor(), &name, value).await?;
    let path = entity_path(&visit.tenant.engine.model(), &entity);
    Ok(visit.go(&params.href(&path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_drawer_says_what_is_shown_and_moves_one_column() {
        let mut liking = Liking::default();
        let all = [("column", "a"), ("column", "b"), ("column", "c"), ("show", "a"), ("show", "c")];
        liking.take(&form(&[&all[..], &[("move", "c:up")]].concat()));
        assert_eq!((liking.order.join(""), liking.hidden.join("")), ("acb".to_owned(), "b".to_owned()));
    }

    #[test]
    fn nothing_moves_before_the_first_column_or_beyond_the_last() {
        for moved in ["b:up", "c:down", "x:up", ""] {
            let mut liking = Liking::default();
            liking.take(&form(&[("column", "a"), ("column", "b"), ("column", "c"), ("move", moved)]));
            assert_eq!(liking.order.join(""), "abc", "{moved}");
        }
    }
}

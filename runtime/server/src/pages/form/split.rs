//! A pasted message about somebody, put into the fields of a new record: what a piece of it is says the engine, where it goes say
//! the types of fields, what they point to and what they are called. Nothing is saved; the person looks at it first.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::Text;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, TreeModel};
use mortise_definition::source::Operation;
use mortise_engine::split::{self, Piece, PieceKind};
use serde::Serialize;

use super::raw::Raw;
use super::{Editing, entity_for, layout};
use crate::Failure;
use crate::api::body;
use crate::pages::list::field_label;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Words by which fields, and what they point to, are called.
const CALLED: [(PieceKind, &[&str]); 4] = [
    (
        PieceKind::Organisation,
        &["公司", "单位", "机构", "企业", "医院", "学校", "company", "organi", "employer", "account"],
    ),
    (PieceKind::Address, &["地址", "住址", "address"]),
    (PieceKind::Position, &["职位", "职务", "职称", "岗位", "position", "job", "role"]),
    (PieceKind::Person, &["姓名", "名字", "联系人", "称呼", "name", "contact", "person"]),
];
/// Words by which fields for everything else are called.
const NOTES: [&str; 8] = ["备注", "需求", "说明", "描述", "note", "need", "remark", "descri"];

/// Endings of regions that people leave out, longest first.
const REGION_ENDINGS: [&str; 12] = [
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "特别行政区",
    "自治区",
    "自治州",
    "地区",
    "省",
    "市",
    "区",
    "县",
    "盟",
];

#[derive(Serialize)]
struct Answer {
    fields: Vec<Filled>,
    /// What has no place.
    rest: Vec<String>,
}

#[derive(Serialize)]
struct Filled {
    name: String,
    label: String,
    text: String,
}

/// `POST /a/{app}/{entity}/split`.
pub(in crate::pages) async fn split(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let raw = Raw(pairs);
    let entity = entity_for(&visit, &app, &entity, Operation::Create)?;
    let editing = Editing::of_new(&visit, entity, raw.get("_form"));
    let pieces = split::split(raw.get("text").unwrap_or_default());
    let answer = editing.showing(|show| placed(show, &editing.layout, pieces));
    Ok(body::json(&answer))
}

/// Whether a form has enough places for pieces of a message.
pub(super) fn takes(show: &Show, layout: &layout::Layout) -> bool {
    let open = |kind: &&PieceKind| fields(layout).any(|field| fit(show, &layout.entity, field, **kind) > 1);
    // A form that cannot be called or written to is about somebody else.
    let reached = [PieceKind::Phone, PieceKind::Email].iter().any(|kind| open(&kind));
    let named =
        [PieceKind::Person, PieceKind::Organisation, PieceKind::Address].iter().any(|kind| open(&kind));
    reached && named
}

fn fields(layout: &layout::Layout) -> impl Iterator<Item = &FieldModel> {
    layout.items().filter(|item| !item.read_only).map(|item| &layout.entity.fields[item.slot])
}

/// Each piece at its place; pieces of one place below each other.
fn placed(show: &Show, layout: &layout::Layout, pieces: Vec<Piece>) -> Answer {
    let mut filled: Vec<(&FieldModel, String)> = Vec::new();
    let mut left = Vec::new();
    for piece in pieces {
        if piece.kind == PieceKind::Address {
            region(show, layout, &piece.text, &mut filled);
        }
        let free = |field: &&FieldModel| filled.iter().all(|(known, _)| known.slot != field.slot);
        let best = fields(layout)
            .filter(free)
            .map(|field| (fit(show, &layout.entity, field, piece.kind), field))
            .filter(|(fit, _)| *fit > 0)
            // The first of those that fit alike.
            .first_best();
        match best.filter(|_| piece.kind != PieceKind::Rest) {
            Some(field) => filled.push((field, piece.text)),
            None => left.push(piece.text),
        }
    }
    let notes = fields(layout)
        .filter(|field| filled.iter().all(|(known, _)| known.slot != field.slot))
        .map(|field| (fit(show, &layout.entity, field, PieceKind::Rest), field))
        .filter(|(fit, _)| *fit > 0)
        .first_best();
    if let Some(field) = notes.filter(|_| !left.is_empty()) {
        filled.push((field, left.join("\n")));
        left.clear();
    }
    let told = |(field, text): (&FieldModel, String)| Filled {
        name: field.name.to_string(),
        label: field_label(show, field),
        text,
    };
    Answer { fields: filled.into_iter().map(told).collect(), rest: left }
}

/// The first of the greatest.
trait FirstMax<'a> {
    fn first_best(self) -> Option<&'a FieldModel>;
}

impl<'a, I: Iterator<Item = (u8, &'a FieldModel)>> FirstMax<'a> for I {
    fn first_best(self) -> Option<&'a FieldModel> {
        let better = |best: Option<(u8, &'a FieldModel)>, next: (u8, &'a FieldModel)| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        };
        self.fold(None, better).map(|(_, field)| field)
    }
}

/// How well a piece fits a field: not at all, for want of anything better, or by type and name.
fn fit(show: &Show, entity: &EntityModel, field: &FieldModel, kind: PieceKind) -> u8 {
    let own = || called(&[&field.label], &field.name);
    match (&field.kind, kind) {
        (FieldKind::Phone, PieceKind::Phone)
        | (FieldKind::Email, PieceKind::Email)
        | (FieldKind::Url, PieceKind::Url) => 9,
        (FieldKind::Reference { entity: target }, kind) => {
            let target = &show.model.entities[*target];
            let names = called(&[&field.label, &target.label, &target.plural], &field.name);
            if names == Some(kind) { 6 } else { 0 }
        }
        (FieldKind::Text { .. }, PieceKind::Phone) => {
            u8::from(says(&field.label, &field.name, &["电话", "手机", "phone", "mobile"])) * 4
        }
        (FieldKind::Text { .. }, kind) if own() == Some(kind) => 5,
        (FieldKind::LongText { .. }, PieceKind::Address) if own() == Some(PieceKind::Address) => 5,
        // What a record is called, when nothing is called after what it is.
        (FieldKind::Text { .. }, PieceKind::Person | PieceKind::Organisation)
            if field.slot == entity.title && own().is_none() =>
        {
            1
        }
        (FieldKind::LongText { .. }, PieceKind::Rest) => {
            if says(&field.label, &field.name, &NOTES) {
                4
            } else {
                1
            }
        }
        _ => 0,
    }
}

/// What is called like this; an organisation's name is called a name, too, and so comes first.
fn called(labels: &[&Text], name: &str) -> Option<PieceKind> {
    let matches = |words: &&[&str]| labels.iter().any(|label| says(label, name, words));
    CALLED.iter().find(|(_, words)| matches(words)).map(|(kind, _)| *kind)
}

fn says(label: &Text, name: &str, words: &[&str]) -> bool {
    let told = [label.get("zh-CN").to_lowercase(), label.get("en").to_lowercase(), name.to_lowercase()];
    words.iter().any(|word| told.iter().any(|told| told.contains(word)))
}

/// The region of an address goes into a field for regions, as the names on the way down.
fn region<'a>(
    show: &Show,
    layout: &'a layout::Layout,
    address: &str,
    filled: &mut Vec<(&'a FieldModel, String)>,
) {
    let free = |field: &&FieldModel| filled.iter().all(|(known, _)| known.slot != field.slot);
    let field =
        fields(layout).filter(free).find(|field| matches!(&field.kind, FieldKind::Tree { region: true, .. }));
    let Some(field) = field else { return };
    let FieldKind::Tree { tree, .. } = &field.kind else { return };
    let Some(tree) = show.model.trees.get(tree) else { return };
    if let Some(path) = region_of(tree, address, show.by.language) {
        filled.push((field, path));
    }
}

/// The deepest node of a tree that an address names, with those above it.
fn region_of(tree: &TreeModel, address: &str, language: &str) -> Option<String> {
    let mut found: Option<(&str, usize)> = None;
    for (path, entry) in &tree.by_path {
        let inside = match found {
            None => true,
            Some((above, _)) => path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
        };
        // A node on its own has to stand in front; what is below follows what is above.
        let from = found.map_or(0, |(_, end)| end);
        let label = entry.label.get("zh-CN");
        let Some(at) = inside.then(|| named(&address[from..], label, found.is_none())).flatten() else {
            continue;
        };
        found = Some((path, from + at));
    }
    let (path, _) = found?;
    let ends = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
    let names: Vec<&str> =
        ends.filter_map(|path| Some(tree.by_path.get(path)?.label.get(language))).collect();
    Some(names.join(" / "))
}

/// Where the name of a region ends in an address, with or without its ending.
fn named(address: &str, label: &str, in_front: bool) -> Option<usize> {
    let short = REGION_ENDINGS.iter().find_map(|ending| label.strip_suffix(ending));
    // One letter may be anything.
    let short = short.filter(|short| short.chars().count() > 1);
    let find = |name: &str| match in_front {
        true => address.starts_with(name).then_some(name.len()),
        false => address.find(name).map(|at| at + name.len()),
    };
    find(label).or_else(|| short.and_then(find))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mortise_definition::model::TreeEntry;

    use super::*;

    #[test]
    fn the_region_of_an_address_is_found_with_or_without_endings() {
        let nodes = [
            ("31", "上海市"),
            ("31/0115", "浦东新区"),
            ("32", "江苏省"),
            ("32/05", "苏州市"),
            ("32/05/08", "姑苏区"),
        ];
        let entry = |(path, label): (&str, &str)| {
            let entry = TreeEntry { label: Arc::new(Text::from(label)), leaf: false, depth: 0, point: None };
            (path.to_owned(), entry)
        };
        let tree = TreeModel {
            key: "t.t".into(),
            label: Text::from("T"),
            nodes: Arc::default(),
            by_path: nodes.into_iter().map(entry).collect(),
        };
        let of = |address| region_of(&tree, address, "zh-CN");
        assert_eq!(of("上海市浦东新区张江路1000号").as_deref(), Some("上海市 / 浦东新区"));
        assert_eq!(of("江苏苏州姑苏区平江路").as_deref(), Some("江苏省 / 苏州市 / 姑苏区"));
        assert_eq!(of("苏州市平江路").as_deref(), Some("江苏省 / 苏州市"));
        assert_eq!(of("Hauptstrasse 12"), None);
    }
}

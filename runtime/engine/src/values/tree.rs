//! Nodes of trees (industries, regions): stored as path of codes, typed as path, code, path of labels, or a label that is unique.

use mortise_definition::Text;
use mortise_definition::model::{FieldKind, FieldModel, TreeModel};
use mortise_definition::source::TreeNode;
use mortise_expr::Value;
use serde_json::Value as Json;

use super::{Issue, ValueContext, fold, text};

/// Longest path in characters; trees have few levels and short codes.
pub(super) const PATH_LIMIT: u32 = 200;

/// Candidates named in a message about an ambiguous label.
const NAMED: usize = 5;

/// Endings of the names of administrative regions that people leave out: 广东 for 广东省.
const REGION_ENDINGS: [&str; 12] = [
    "特别行政区",
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "自治区",
    "自治州",
    "地区",
    "省",
    "市",
    "区",
    "县",
    "盟",
];

pub(super) fn from_json(json: &Json, key: &str, cx: &ValueContext) -> Result<Value, Issue> {
    let path = text::of_json(json)?.trim();
    match cx.model.trees.get(key) {
        Some(tree) if tree.by_path.contains_key(path) => Ok(Value::text(path)),
        _ => Err(Issue::of("value.not_tree_node", path)),
    }
}

/// Refuses inner nodes where only leaves may be chosen.
pub(super) fn check_leaf(field: &FieldModel, value: &Value, cx: &ValueContext) -> Result<(), Issue> {
    let (FieldKind::Tree { tree, leaf_only: true, .. }, Value::Text(path)) = (&field.kind, value) else {
        return Ok(());
    };
    let entry = cx.model.trees.get(tree).and_then(|tree| tree.by_path.get(&**path));
    match entry {
        Some(entry) if !entry.leaf => Err(Issue::of("value.tree_leaf", entry.label.get(cx.language))),
        _ => Ok(()),
    }
}

pub(super) fn from_text(text: &str, key: &str, leaf_only: bool, cx: &ValueContext) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_tree_node", text);
    let tree = cx.model.trees.get(key).ok_or_else(refused)?;
    let trimmed = text.trim();
    if tree.by_path.contains_key(trimmed) {
        return Ok(Value::text(trimmed));
    }
    let mut found = by_code(tree, trimmed);
    if found.is_empty() {
        found = by_labels(tree, trimmed);
    }
    if leaf_only && found.len() > 1 {
        let leaf = |path: &&String| tree.by_path.get(path.as_str()).is_some_and(|entry| entry.leaf);
        let leaves: Vec<String> = found.iter().filter(leaf).cloned().collect();
        found = if leaves.is_empty() { found } else { leaves };
    }
    match found.as_slice() {
        [] => Err(refused()),
        [path] => Ok(Value::text(path.as_str())),
        // 北京 names the municipality and a node below it: the upper one is meant.
        [first, others @ ..] if !leaf_only && others.iter().all(|other| is_below(other, first)) => {
            Ok(Value::text(first.as_str()))
        }
        many => {
            let names: Vec<String> = many.iter().take(NAMED).map(|path| display(path, key, cx)).collect();
            Err(Issue::of("value.tree_ambiguous", text).with("candidates", names.join("; ")))
        }
    }
}

/// The labels from the root: `制造业 / 汽车制造业`.
pub(super) fn display(path: &str, key: &str, cx: &ValueContext) -> String {
    let Some(tree) = cx.model.trees.get(key) else { return path.to_owned() };
    let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
    let labels: Vec<&str> = ends
        .map(|end| {
            let code = path[..end].rsplit('/').next().unwrap_or_default();
            tree.by_path.get(&path[..end]).map_or(code, |entry| entry.label.get(cx.language))
        })
        .collect();
    labels.join(" / ")
}

fn is_below(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}

fn by_code(tree: &TreeModel, code: &str) -> Vec<String> {
    let has_code =
        |path: &&String| path.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(code));
    tree.by_path.keys().filter(has_code).cloned().collect()
}

/// Every node that the labels lead to, beginning at any depth, in tree order.
fn by_labels(tree: &TreeModel, text: &str) -> Vec<String> {
    let folded = fold::comparable(text);
    let separators = ['/', '>', '›', '»', '|', '\\'];
    let parts: Vec<String> =
        folded.split(separators).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    let mut found = Vec::new();
    search(&tree.nodes, "", &parts, &mut found);
    if found.is_empty() && parts.len() == 1 {
        // 广东省深圳市南山区, written without separators.
        run_together(&tree.nodes, "", &parts[0], &mut found);
    }
    found
}

fn search(nodes: &[TreeNode], parent: &str, parts: &[String], found: &mut Vec<String>) {
    for node in nodes {
        let path = join(parent, &node.code);
        descend(node, &path, parts, found);
        search(&node.children, &path, parts, found);
    }
}

/// Follows the parts down from a node that has to match the first of them.
fn descend(node: &TreeNode, path: &str, parts: &[String], found: &mut Vec<String>) {
    let Some((first, rest)) = parts.split_first() else { return };
    if !names(&node.label).any(|name| name == *first) {
        return;
    }
    if rest.is_empty() {
        if !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
        return;
    }
    for child in &node.children {
        descend(child, &join(path, &child.code), rest, found);
    }
}

fn run_together(nodes: &[TreeNode], parent: &str, text: &str, found: &mut Vec<String>) {
    for node in nodes {
        let path = join(parent, &node.code);
        for name in names(&node.label) {
            match text.strip_prefix(name.as_str()) {
                Some("") if !found.contains(&path) => found.push(path.clone()),
                Some(rest) if !rest.is_empty() => {
                    run_together(&node.children, &path, rest.trim_start(), found)
                }
                _ => {}
            }
        }
        if parent.is_empty() {
            // The first level may be left out: 深圳市南山区.
            run_together_below(&node.children, &path, text, found);
        }
    }
}

fn run_together_below(nodes: &[TreeNode], parent: &str, text: &str, found: &mut Vec<String>) {
    for node in nodes {
        let path = join(parent, &node.code);
        for name in names(&node.label) {
            if let Some(rest) = text.strip_prefix(name.as_str()).filter(|rest| !rest.is_empty()) {
                run_together(&node.children, &path, rest.trim_start(), found);
            }
        }
    }
}

/// The names of a node in every language, and those of a region without the ending.
fn names(label: &Text) -> impl Iterator<Item = String> {
    label.all().flat_map(|label| {
        let name = fold::comparable(label);
        let short = REGION_ENDINGS
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .filter(|short| short.chars().count() >= 2)
            .map(str::to_owned);
        [Some(name), short].into_iter().flatten()
    })
}

fn join(parent: &str, code: &str) -> String {
    if parent.is_empty() { code.to_owned() } else { format!("{parent}/{code}") }
}

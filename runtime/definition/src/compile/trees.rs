//! Compiles trees: every node by its path of codes.

use std::sync::Arc;

use indexmap::IndexMap;

use super::place::Place;
use crate::model::{TreeEntry, TreeModel};
use crate::problem::Problems;
use crate::source::{Tree, TreeNode};
use crate::{Kind, Package};

/// Most nodes of one tree: every town and village of a large country is beyond what a person can choose from.
pub(super) const NODES_MAX: usize = 60_000;
/// Most levels of a tree.
pub(super) const LEVELS_MAX: usize = 10;
/// Longest path of codes in bytes, which is what records store.
pub(super) const PATH_BYTES_MAX: usize = 200;

/// All trees by key.
pub(super) fn trees(packages: &[Arc<Package>], problems: &mut Problems) -> IndexMap<String, Arc<TreeModel>> {
    let mut trees = IndexMap::new();
    for package in packages {
        for tree in &package.trees {
            let key = format!("{}.{}", package.app.id, tree.id);
            let model = model(&key, tree, &Place::new(package, Kind::Tree, &tree.id), problems);
            trees.insert(key, Arc::new(model));
        }
    }
    trees
}

fn model(key: &str, tree: &Tree, place: &Place, problems: &mut Problems) -> TreeModel {
    let mut walk = Walk { by_path: IndexMap::new(), place, trail: Vec::new(), problems };
    walk.nodes(&tree.nodes, "");
    let by_path = walk.by_path;
    if by_path.is_empty() {
        problems.push(place.key("nodes").error("tree.empty"));
    }
    if by_path.len() > NODES_MAX {
        let problem = place.key("nodes").error("tree.too_many").arg("count", by_path.len());
        problems.push(problem.arg("limit", NODES_MAX));
    }
    TreeModel { key: key.to_owned(), label: tree.label.clone(), nodes: Arc::clone(&tree.nodes), by_path }
}

struct Walk<'a> {
    by_path: IndexMap<String, TreeEntry>,
    place: &'a Place,
    /// Positions on the way down; a pointer is made of them only when there is a problem.
    trail: Vec<usize>,
    problems: &'a mut Problems,
}

impl Walk<'_> {
    fn nodes(&mut self, nodes: &[TreeNode], parent: &str) {
        let depth = self.trail.len();
        if depth >= LEVELS_MAX {
            return self.report("tree.too_deep", &[("limit", LEVELS_MAX.to_string())]);
        }
        for (index, node) in nodes.iter().enumerate() {
            self.trail.push(index);
            let path = match parent {
                "" => node.code.clone(),
                parent => format!("{parent}/{}", node.code),
            };
            let code = &node.code;
            if code.is_empty() || code.contains('/') || code.trim() != code {
                self.report("tree.code", &[("value", code.clone())]);
            }
            if path.len() > PATH_BYTES_MAX {
                self.report(
                    "tree.path_too_long",
                    &[("value", path.clone()), ("limit", PATH_BYTES_MAX.to_string())],
                );
            }
            if node.point.is_some_and(|(lat, lon)| lat.abs() > 90.0 || lon.abs() > 180.0) {
                self.report("tree.point", &[]);
            }
            let entry = TreeEntry {
                label: Arc::clone(&node.label),
                leaf: node.children.is_empty(),
                depth,
                point: node.point,
            };
            if self.by_path.insert(path.clone(), entry).is_some() {
                self.report("tree.duplicate_code", &[("value", path.clone())]);
            }
            self.nodes(&node.children, &path);
            self.trail.pop();
        }
    }

    fn report(&mut self, code: &'static str, args: &[(&'static str, String)]) {
        let mut place = self.place.clone();
        for (level, index) in self.trail.iter().enumerate() {
            place = place.key(if level == 0 { "nodes" } else { "children" }).index(*index);
        }
        let problem = args.iter().fold(place.error(code), |problem, (name, value)| problem.arg(name, value));
        self.problems.push(problem);
    }
}

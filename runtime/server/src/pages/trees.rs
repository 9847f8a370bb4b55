//! What the picker of a tree asks for: one level, or nodes found by name or code on all levels. An answer is bounded
//! however large the tree is, and never changes under its address, which carries the digest of the definitions.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use mortise_definition::model::{Model, TreeModel};
use serde::Serialize;

use super::visit::Visit;
use crate::api::body;
use crate::{Failure, SignedIn};

/// Nodes of one level: more are not scrolled through but searched.
const LEVEL_MAX: usize = 300;
/// Nodes found: more of them help nobody.
const FOUND_MAX: usize = 60;
/// The address carries the digest, so that browsers never ask twice.
const FOREVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A node with the names of all nodes above it, from the top.
#[derive(Serialize, Debug, PartialEq)]
struct Node<'a> {
    path: &'a str,
    label: &'a str,
    above: Vec<&'a str>,
    leaf: bool,
}

#[derive(Serialize, Debug)]
struct Nodes<'a> {
    nodes: Vec<Node<'a>>,
    /// There are more, which only a search shows.
    more: bool,
}

/// Where a tree is asked for.
pub(super) fn address(by: &SignedIn, model: &Model, tree: &str) -> String {
    let digest = &model.digest[..model.digest.len().min(12)];
    by.base.path(&format!("/lookup/trees/{tree}?v={digest}&lang={}", by.language))
}

/// `GET /lookup/trees/{tree}?under=` or `?q=`.
pub(super) async fn show(visit: Visit, Path(tree): Path<String>) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let tree = model.trees.get(&tree).ok_or_else(|| Failure::not_found("http.not_found"))?;
    let language = visit.look.param("lang").and_then(crate::language::supported).unwrap_or(visit.language);
    let asked = visit.look.param("q").unwrap_or_default().trim().to_lowercase();
    let nodes = match asked.is_empty() {
        true => level(tree, visit.look.param("under").unwrap_or_default(), language),
        false => found(tree, &asked, language),
    };
    let mut response = body::json(&nodes);
    response.headers_mut().insert(header::CACHE_CONTROL, FOREVER);
    Ok(response)
}

/// The nodes right below a path; those of the first level below an empty one.
fn level<'a>(tree: &'a TreeModel, under: &str, language: &str) -> Nodes<'a> {
    let first = match under {
        "" => 0,
        under => tree.by_path.get_index_of(under).map_or(usize::MAX, |index| index + 1),
    };
    let below = |path: &'a str| match under {
        "" => Some(path),
        under => path.strip_prefix(under)?.strip_prefix('/'),
    };
    // In tree order, all that lies below a node follows it.
    let inside = tree.by_path.iter().skip(first).map_while(|(path, _)| Some((path.as_str(), below(path)?)));
    let mut nodes: Vec<&str> =
        inside.filter(|(_, rest)| !rest.contains('/')).map(|(path, _)| path).take(LEVEL_MAX + 1).collect();
    let more = nodes.len() > LEVEL_MAX;
    nodes.truncate(LEVEL_MAX);
    Nodes { nodes: nodes.into_iter().filter_map(|path| node(tree, path, language)).collect(), more }
}

/// Nodes whose name contains, or whose code ends with, what is asked for (in lower case). Names that begin with it come
/// first; the order of the tree decides among equals.
fn found<'a>(tree: &'a TreeModel, asked: &str, language: &str) -> Nodes<'a> {
    let (mut begin, mut contain) = (Vec::new(), Vec::new());
    for (path, entry) in &tree.by_path {
        let label = entry.label.get(language).to_lowercase();
        if label.starts_with(asked) {
            begin.push(path.as_str());
        } else if contain.len() <= FOUND_MAX
            && (label.contains(asked) || path.to_lowercase().ends_with(asked))
        {
            contain.push(path.as_str());
        }
        if begin.len() > FOUND_MAX {
            break;
        }
    }
    begin.append(&mut contain);
    let more = begin.len() > FOUND_MAX;
    begin.truncate(FOUND_MAX);
    Nodes { nodes: begin.into_iter().filter_map(|path| node(tree, path, language)).collect(), more }
}

fn node<'a>(tree: &'a TreeModel, path: &'a str, language: &str) -> Option<Node<'a>> {
    let entry = tree.by_path.get(path)?;
    let ends = path.match_indices('/').map(|(end, _)| &path[..end]);
    let above = ends.filter_map(|path| Some(tree.by_path.get(path)?.label.get(language)));
    Some(Node { path, label: entry.label.get(language), above: above.collect(), leaf: entry.leaf })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mortise_definition::Text;
    use mortise_definition::model::TreeEntry;

    use super::*;

    fn tree(nodes: impl IntoIterator<Item = (String, String, bool)>) -> TreeModel {
        let entry = |(path, label, leaf): (String, String, bool)| {
            (path, TreeEntry { label: Arc::new(Text::from(label.as_str())), leaf, depth: 0, point: None })
        };
        TreeModel {
            key: "t.t".into(),
            label: Text::from("T"),
            nodes: Arc::default(),
            by_path: nodes.into_iter().map(entry).collect(),
        }
    }

    fn small() -> TreeModel {
        let nodes = [
            ("A", "Animals", false),
            ("A/1", "Birds", false),
            ("A/1/x", "Owls", true),
            ("A/2", "Fish", true),
            ("AB", "Abacus birds", true),
        ];
        tree(nodes.map(|(path, label, leaf)| (path.to_owned(), label.to_owned(), leaf)))
    }

    fn paths<'a>(nodes: &'a Nodes) -> Vec<&'a str> {
        nodes.nodes.iter().map(|node| node.path).collect()
    }

    #[test]
    fn a_level_holds_what_is_right_below_and_nothing_else() {
        let tree = small();
        for (under, wanted) in [
            ("", vec!["A", "AB"]),
            ("A", vec!["A/1", "A/2"]),
            ("A/1", vec!["A/1/x"]),
            ("A/2", vec![]),
            ("Z", vec![]),
        ] {
            assert_eq!(paths(&level(&tree, under, "en")), wanted, "{under}");
        }
        assert_eq!(level(&tree, "A/1", "en").nodes[0].above, ["Animals", "Birds"]);
    }

    #[test]
    fn names_that_begin_with_the_question_come_first() {
        let tree = small();
        assert_eq!(paths(&found(&tree, "birds", "en")), ["A/1", "AB"]);
        assert_eq!(paths(&found(&tree, "1/x", "en")), ["A/1/x"]);
        assert_eq!(paths(&found(&tree, "nothing", "en")), Vec::<&str>::new());
    }

    #[test]
    fn an_answer_is_short_however_large_the_tree_is() {
        let tree = tree((0..50_000).map(|number| (format!("N{number}"), format!("Node {number}"), true)));
        let first = level(&tree, "", "en");
        assert_eq!((first.nodes.len(), first.more), (LEVEL_MAX, true));
        let found = found(&tree, "node", "en");
        assert_eq!((found.nodes.len(), found.more), (FOUND_MAX, true));
    }
}

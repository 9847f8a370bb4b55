//! Checks templates: that they can be read, are not too long, and use only names that are there. Rendering is for
//! the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::Environment;
use mortise_expr::Shape;

use super::Build;
use crate::Text;
use crate::compile::expressions::Site;
use crate::compile::place::Place;

/// Longest template in characters: a report of many pages.
const TEMPLATE_CHARS_MAX: usize = 100_000;

/// Which names a template may use. `record`, `previous`, `clock`, `settings` and `measures` have the members of the
/// expressions' roots of that name; the others are described with the artifact.
#[derive(Clone)]
pub(super) struct Names {
    roots: &'static [&'static str],
    /// The members of `measures`.
    measures: Option<Arc<Shape>>,
}

impl Names {
    const fn new(roots: &'static [&'static str]) -> Names {
        Names { roots, measures: None }
    }

    /// The same with these members of `measures`.
    pub(super) fn with_measures(&self, shape: &Arc<Shape>) -> Names {
        Names { measures: Some(Arc::clone(shape)), ..self.clone() }
    }
}

/// Words of notifications.
pub(super) static NOTIFICATION: Names =
    Names::new(&["record", "previous", "clock", "link", "person", "now", "settings", "measures"]);
/// Words of reports and their file names.
pub(super) static REPORT: Names =
    Names::new(&["record", "timeline", "clocks", "assignments", "now", "clock", "settings"]);
/// Words of comments.
pub(super) static COMMENT: Names = Names::new(&["record", "previous", "clock", "user", "now", "settings"]);

impl Build<'_> {
    /// Checks the words of every language.
    pub(super) fn template(&mut self, site: Site, text: &Text, names: &Names, place: &Place) {
        match text {
            Text::Plain(words) => self.words(site, words, names, place),
            Text::ByLanguage(all) => {
                all.iter().for_each(|(language, words)| self.words(site, words, names, &place.key(language)));
            }
        }
    }

    fn words(&mut self, site: Site, words: &str, names: &Names, place: &Place) {
        let count = words.chars().count();
        if count > TEMPLATE_CHARS_MAX {
            self.problems
                .push(place.error("template.too_long").arg("count", count).arg("limit", TEMPLATE_CHARS_MAX));
            return;
        }
        let environment = Environment::new();
        let template = match environment.template_from_str(words) {
            Ok(template) => template,
            Err(error) => {
                let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                let problem = place.error("template.syntax").arg("detail", detail);
                let line = error.line().unwrap_or(1);
                self.problems.push(problem.arg("line", line));
                return;
            }
        };
        let used: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        for path in used {
            let (root, member) = path.split_once('.').map_or((path.as_str(), None), |(root, rest)| {
                (root, Some(rest.split('.').next().unwrap_or_default()))
            });
            if environment.globals().any(|(name, _)| name == root) {
                continue;
            }
            if !names.roots.contains(&root) {
                let problem = place.error("template.unknown_name").arg("name", root);
                let problem = problem.suggest(root, names.roots.iter().copied());
                self.problems.push(problem.arg("known", names.roots.join(", ")));
            } else if let Some(member) = member {
                self.template_member(site, (names, root), member, place);
            }
        }
    }

    fn template_member(&mut self, site: Site, (names, root): (&Names, &str), member: &str, place: &Place) {
        let shape = match (root, &names.measures) {
            ("record" | "previous", _) => &self.previous[site.entity],
            ("clock", _) => &self.clock,
            ("measures", Some(shape)) => shape,
            ("settings", _) => &self.compiler.settings[site.app].1,
            _ => return,
        };
        if shape.slot(member).is_none() {
            let known = shape.members().iter().map(|member| &*member.name);
            let problem = place.error("template.unknown_member").arg("name", member).arg("of", root);
            self.problems.push(problem.suggest(member, known));
        }
    }
}

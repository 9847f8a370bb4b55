//! Parameters of a list's address: read leniently from forms (empty ones fall away, repeated choices become one list) and
//! written back into links. The engine decides what they mean.

/// Pages back that an address remembers; more would make it too long for some proxies.
const TRAIL_MAX: usize = 40;

/// Parameters in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::pages) struct Params(Vec<(String, String)>);

/// Whether a list knows this parameter.
fn known(name: &str) -> bool {
    matches!(name, "view" | "q" | "sort" | "filter" | "cursor" | "trail" | "page" | "at" | "span")
        || name.starts_with("where.")
}

impl Params {
    /// Reads an address or a form.
    pub(in crate::pages) fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Params {
        let mut params = Params::default();
        for (name, value) in pairs {
            if !known(name) || value.trim().is_empty() {
                continue;
            }
            let before = params.0.iter_mut().find(|(other, _)| other == name);
            match before {
                Some((_, list)) if name.ends_with(".in") => {
                    list.push(',');
                    list.push_str(value);
                }
                // The last one counts, as with check boxes and their hidden twins.
                Some((_, other)) => value.clone_into(other),
                None => params.0.push((name.to_owned(), value.to_owned())),
            }
        }
        params
    }

    /// Reads the part of an address behind the question mark.
    pub(in crate::pages) fn parse(query: &str) -> Params {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        Params::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    pub(in crate::pages) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub(in crate::pages) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What the engine reads; the rest is for this page only.
    pub(in crate::pages) fn for_engine(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs().filter(|(name, _)| !matches!(*name, "trail" | "page" | "at" | "span"))
    }

    /// The same without those for which `gone` holds.
    pub(in crate::pages) fn without(&self, gone: impl Fn(&str) -> bool) -> Params {
        Params(self.0.iter().filter(|(name, _)| !gone(name)).cloned().collect())
    }

    /// The same from its first page on.
    pub(in crate::pages) fn rewound(&self) -> Params {
        self.without(|name| matches!(name, "cursor" | "trail" | "page"))
    }

    /// The same without conditions on a field.
    pub(in crate::pages) fn without_field(&self, field: &str) -> Params {
        self.rewound().without(|name| condition_field(name) == Some(field))
    }

    /// The same without any filter or search.
    pub(in crate::pages) fn without_filters(&self) -> Params {
        self.rewound().without(|name| name.starts_with("where.") || matches!(name, "q" | "filter"))
    }

    /// The same with one parameter set.
    pub(in crate::pages) fn with(&self, name: &str, value: impl Into<String>) -> Params {
        let mut params = self.without(|known| known == name);
        params.0.push((name.to_owned(), value.into()));
        params
    }

    /// The number of the page that is shown, from 1.
    pub(in crate::pages) fn page(&self) -> u64 {
        self.get("page").and_then(|text| text.parse().ok()).filter(|page| *page > 0).unwrap_or(1)
    }

    /// The page after this one, which begins at `cursor`.
    pub(in crate::pages) fn next(&self, cursor: &str) -> Params {
        let mut trail: Vec<&str> =
            self.get("trail").map(|trail| trail.split('~').collect()).unwrap_or_default();
        trail.push(self.get("cursor").unwrap_or("-"));
        let kept = trail.len().saturating_sub(TRAIL_MAX);
        let page = (self.page() + 1).to_string();
        self.with("cursor", cursor).with("trail", trail[kept..].join("~")).with("page", page)
    }

    /// The page before this one.
    pub(in crate::pages) fn previous(&self) -> Option<Params> {
        let mut trail: Vec<&str> = self.get("trail")?.split('~').collect();
        let cursor = trail.pop()?;
        let rewound = self.rewound();
        if cursor == "-" {
            return Some(rewound);
        }
        let page = (self.page().saturating_sub(1)).max(1).to_string();
        let back = rewound.with("cursor", cursor).with("page", page);
        Some(if trail.is_empty() { back } else { back.with("trail", trail.join("~")) })
    }

    /// An address with these parameters.
    pub(in crate::pages) fn href(&self, path: &str) -> String {
        let query = self.query();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The part behind the question mark.
    pub(in crate::pages) fn query(&self) -> String {
        serde_urlencoded::to_string(&self.0).unwrap_or_default()
    }
}

/// Field and operator of a condition: `where.status.in` → `status`, `in`.
pub(in crate::pages) fn condition_field(name: &str) -> Option<&str> {
    let target = name.strip_prefix("where.")?;
    Some(target.split('.').next().unwrap_or(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_leaves_empty_or_repeats_is_tidied() {
        let params =
            Params::parse("where.a.in=x&where.a.in=y&q=&where.b=&where.b=1&where.b=2&unknown=1&view=v");
        assert_eq!(params.query(), "where.a.in=x%2Cy&where.b=2&view=v");
    }

    #[test]
    fn one_can_go_forward_and_back_again() {
        let first = Params::parse("view=v&q=%E8%8B%8F");
        let second = first.next("c1");
        let third = second.next("c2");
        assert_eq!((second.page(), third.page()), (2, 3));
        assert_eq!(third.previous(), Some(Params::parse("view=v&q=苏&cursor=c1&page=2&trail=-")));
        assert_eq!(second.previous(), Some(first.clone()));
        assert_eq!(first.previous(), None);
    }

    #[test]
    fn filters_are_taken_away_by_field() {
        let params = Params::parse("where.a.gte=1&where.a.lte=2&where.ab=3&cursor=c");
        assert_eq!(params.without_field("a").query(), "where.ab=3");
        assert_eq!(params.without_filters().query(), "");
    }
}

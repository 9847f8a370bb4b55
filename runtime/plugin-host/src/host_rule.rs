//! Which hosts a plugin may call: `https://api.example.com`, with an optional port, or `https://*.example.com` for every
//! name below, which the name itself is not. No paths, no user names, no other wildcards. Pure: never looks a name up.

use url::{Host, Url};

/// A rule for hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    scheme: &'static str,
    /// In lower case and, for other alphabets, in the form that travels: `xn--…`.
    host: String,
    below: bool,
    port: u16,
}

/// Why a rule is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostRuleError {
    /// Neither `https://` nor `http://`.
    #[error("a host begins with https:// (or http://, where there is no other way)")]
    Scheme,
    /// Not a name.
    #[error("this is not the name of a host")]
    Host,
    /// Something behind the name.
    #[error("a host has no path, no user name and no question mark")]
    Rest,
    /// A star at the wrong place.
    #[error(
        "a star stands for the first part of a name only, before at least two more: https://*.example.com"
    )]
    Star,
}

impl HostRuleError {
    /// A stable word for the catalogue.
    pub fn reason(self) -> &'static str {
        match self {
            HostRuleError::Scheme => "scheme",
            HostRuleError::Host => "host",
            HostRuleError::Rest => "rest",
            HostRuleError::Star => "star",
        }
    }
}

impl HostRule {
    /// The rule in a text.
    pub fn parse(text: &str) -> Result<HostRule, HostRuleError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            ("https", rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            ("http", rest)
        } else {
            return Err(HostRuleError::Scheme);
        };
        if rest.contains(['/', '?', '#', '@', '\\']) {
            return Err(HostRuleError::Rest);
        }
        let (below, bare) = rest.strip_prefix("*.").map_or((false, rest), |bare| (true, bare));
        if bare.contains('*') {
            return Err(HostRuleError::Star);
        }
        let url = Url::parse(&format!("{scheme}://{bare}")).map_err(|_| HostRuleError::Host)?;
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() && !name.ends_with('.') => name.to_owned(),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) if !below => url.host_str().unwrap_or_default().to_owned(),
            _ => return Err(HostRuleError::Host),
        };
        if below && !host.contains('.') {
            return Err(HostRuleError::Star);
        }
        let port = url.port_or_known_default().ok_or(HostRuleError::Host)?;
        Ok(HostRule { scheme, host, below, port })
    }

    /// Whether a call to `url` is allowed.
    pub fn matches(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        // A final point names the same host; it must not get around the rule, nor make it stricter.
        let host = host.strip_suffix('.').unwrap_or(host);
        url.scheme() == self.scheme
            && url.port_or_known_default() == Some(self.port)
            && url.username().is_empty()
            && url.password().is_none()
            && self.covers(host)
    }

    /// Whether everything that this rule allows is allowed by `outer`.
    pub fn is_within(&self, outer: &HostRule) -> bool {
        let host = match (self.below, outer.below) {
            (false, _) => outer.covers(&self.host),
            (true, true) => self.host == outer.host || outer.covers(&self.host),
            (true, false) => false,
        };
        host && self.scheme == outer.scheme && self.port == outer.port
    }

    fn covers(&self, host: &str) -> bool {
        match self.below {
            false => host == self.host,
            true => host
                .strip_suffix(self.host.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowed(rule: &str, url: &str) -> bool {
        HostRule::parse(rule).unwrap().matches(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_rule_allows_its_host_and_nothing_beside_it() {
        assert!(allowed("https://api.example.com", "https://API.example.com/v1?x=1"));
        assert!(allowed("https://api.example.com", "https://api.example.com:443/"));
        assert!(allowed("https://api.example.com", "https://api.example.com./"));
        for other in [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://example.com/",
            "https://api.example.com.evil.net/",
            "https://xapi.example.com/",
            "https://user@api.example.com/",
        ] {
            assert!(!allowed("https://api.example.com", other), "{other}");
        }
    }

    #[test]
    fn a_star_allows_what_is_below_and_not_the_name_itself() {
        assert!(allowed("https://*.example.com", "https://a.example.com/"));
        assert!(allowed("https://*.example.com", "https://a.b.example.com/"));
        assert!(!allowed("https://*.example.com", "https://example.com/"));
        assert!(!allowed("https://*.example.com", "https://badexample.com/"));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_reason() {
        let reason = |text: &str| HostRule::parse(text).unwrap_err().reason();
        assert_eq!(reason("api.example.com"), "scheme");
        assert_eq!(reason("ftp://api.example.com"), "scheme");
        assert_eq!(reason("https://api.example.com/v1"), "rest");
        assert_eq!(reason("https://user@api.example.com"), "rest");
        assert_eq!(reason("https://*.com"), "star");
        assert_eq!(reason("https://api.*.com"), "star");
        assert_eq!(reason("https://*"), "star");
        assert_eq!(reason("https://"), "host");
        assert_eq!(reason("https://*.10.0.0.1"), "host");
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error_and_never_a_panic(text in ".{0,60}") {
            let _ = HostRule::parse(&text);
            let _ = HostRule::parse(&format!("https://{text}"));
        }

        #[test]
        fn a_narrower_rule_allows_only_what_the_wider_one_does(
            below in "[a-z]{1,5}(\\.[a-z]{1,5}){0,2}", star in any::<bool>(), wide in any::<bool>()
        ) {
            let inner = format!("https://{}{below}.example.com", if star { "*." } else { "" });
            let inner = HostRule::parse(&inner).unwrap();
            let outer = HostRule::parse(if wide { "https://*.example.com" } else { "https://example.com" }).unwrap();
            let url = Url::parse(&format!("https://x.{below}.example.com/")).unwrap();
            let exact = Url::parse(&format!("https://{below}.example.com/")).unwrap();
            prop_assert_eq!(inner.is_within(&outer), wide);
            if inner.is_within(&outer) {
                prop_assert!(!inner.matches(&url) || outer.matches(&url));
                prop_assert!(!inner.matches(&exact) || outer.matches(&exact));
            }
        }
    }
}

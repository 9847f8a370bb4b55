//! How long the server needs for each page of the shipped apps, with a hundred thousand records: every page that a person of a
//! role can reach by links, asked again and again over one connection, one request after the other.
//!
//! Pages are found as a browser finds them: from the home page on, by what they link to and what they load. Pages that differ in
//! ids only are one page; the first that is met stands for them. A link that leads nowhere fails the run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mortise_tests::{Client, Installation, Server, people};
use serde_json::json;

use crate::report::{Samples, Unit, grouped};

/// What a page may take, in milliseconds, for 95 of 100 requests.
const GOAL_MS: f64 = 30.0;
/// Requests before it is measured, which read what later ones find in memory.
const WARM_UP: usize = 3;
/// Measured requests of a page: the 95th of 100 is then the third slowest.
const REQUESTS: usize = 60;
/// More pages than a role has; a crawl that finds more walks in circles.
const PAGES_MAX: usize = 600;
/// Nothing was written for so long: rules are done.
const QUIET: Duration = Duration::from_secs(5);
/// How long rules may take at most for what was loaded.
const SETTLE_MAX: Duration = Duration::from_secs(900);
/// Where the tenant is.
const BASE: &str = "/t/demo";
/// The shipped apps.
const APPS: [&str; 2] = ["app-templates/sales-core", "app-templates/lead-management"];
/// Whose pages are measured: name of the role in the table, and somebody of the demo data who has it.
const PEOPLE: [(&str, &str); 4] = [
    ("representative", "lin.xiaoyu"),
    ("supervisor", "zhao.lei"),
    ("director", "zhou.jianguo"),
    ("administrator", "admin"),
];

/// Times of one page in milliseconds.
struct Timed {
    who: &'static str,
    address: String,
    kind: &'static str,
    /// The first request, whose figures nobody has asked for before.
    first: f64,
    p95: f64,
    median: f64,
}

/// The table, and the pages that missed the goal.
pub(crate) fn measure(rows: usize, postgres: Option<&str>, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let installation = Installation::on(postgres);
    eprintln!("loading {} records", grouped(rows as f64));
    installation.tenant(&[]);
    let folders = APPS.map(|app| mortise_tests::server::workspace().join(app).to_string_lossy().into_owned());
    let apps = folders.each_ref().map(String::as_str);
    installation.run(&[&["app", "install", "demo"], &apps[..]].concat());
    let count = rows.to_string();
    installation.run(&[&["app", "demo", "demo"], &apps[..], &["--records", &count]].concat());
    for (_, login) in PEOPLE.iter().filter(|(_, login)| *login != "admin") {
        installation.run_with(&["user", "password", "demo", login, "--stdin"], people::PASSWORD);
    }
    let server = installation.serve();
    settle(&server)?;
    let mut timed = Vec::new();
    for (who, login) in PEOPLE.into_iter().filter(|(who, _)| wanted(who)) {
        let mut client = sign_in(&server, login)?;
        let pages = crawl(&mut client).with_context(|| format!("pages of {login}"))?;
        eprintln!("{who}: {} pages", pages.len());
        for page in pages {
            timed.push(time(&mut client, who, page)?);
        }
    }
    ensure!(!timed.is_empty(), "no page was measured");
    Ok(table(&timed, rows))
}

/// Waits until rules have worked off what was loaded, and nothing is written any more: pages are measured, not the work beside.
fn settle(server: &Server) -> Result<()> {
    let started = Instant::now();
    let (mut commits, mut since) = (String::new(), Instant::now());
    while started.elapsed() < SETTLE_MAX {
        let told = server.client().get("/metrics")?.expect(200).text();
        let line = told.lines().find(|line| line.starts_with("mortise_commits_total ")).unwrap_or_default();
        if line != commits {
            (commits, since) = (line.to_owned(), Instant::now());
        } else if since.elapsed() > QUIET {
            eprintln!("rules were done after {:.0} s", started.elapsed().as_secs_f64());
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("rules still work after {} s", SETTLE_MAX.as_secs())
}

fn sign_in(server: &Server, login: &str) -> Result<Client> {
    let credentials = json!({"login": login, "password": people::PASSWORD});
    let answer = server.client().json("POST", &format!("{BASE}/api/v1/session"), &credentials)?.expect(201);
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let cookie = cookie.context("whoever signs in gets a cookie")?.to_owned();
    Ok(server.client().with_header("cookie", &cookie).with_header("accept", "text/html"))
}

/// Addresses of all pages that links lead to, one for each kind of page, and how long the first request took.
fn crawl(client: &mut Client) -> Result<Vec<(String, f64)>> {
    let start = format!("{BASE}/");
    let mut seen = BTreeSet::from([pattern(&start)]);
    let mut queue = VecDeque::from([(start.clone(), start)]);
    let mut pages = Vec::new();
    while let Some((address, from)) = queue.pop_front() {
        let started = Instant::now();
        let answer = client.get(&address)?;
        let first = started.elapsed().as_secs_f64() * 1e3;
        match answer.status {
            200 => {}
            // What leads elsewhere is measured where it leads.
            301..=308 => continue,
            // Clocks run: what was theirs may belong to somebody else by now. Then nothing leads there any more.
            403 | 404 if !links(&client.get(&from)?.text()).contains(&address) => {
                seen.remove(&pattern(&address));
                continue;
            }
            status => bail!("{address}, to which {from} links, answers {status}"),
        }
        for link in links(&answer.text()) {
            if is_page(&link) && seen.insert(pattern(&link)) {
                queue.push_back((link, address.clone()));
            }
        }
        ensure!(seen.len() <= PAGES_MAX, "more than {PAGES_MAX} pages, the last is {address}");
        pages.push((address, first));
    }
    Ok(pages)
}

/// What a page links to, and what it loads by itself.
fn links(html: &str) -> BTreeSet<String> {
    let mut links = BTreeSet::new();
    for name in [" href=\"", " hx-get=\""] {
        for rest in html.split(name).skip(1) {
            let link =
                rest.split('"').next().unwrap_or_default().replace("&amp;", "&").replace("&#x2f;", "/");
            links.insert(link.split('#').next().unwrap_or_default().to_owned());
        }
    }
    links
}

fn is_page(address: &str) -> bool {
    let Some(path) = address.strip_prefix(BASE) else { return false };
    let plain = path.split('?').next().unwrap_or_default();
    let not = ["/api/", "/assets/", "/files/", "/sign-out", "/manifest", "/sw.js", "/events"];
    path.starts_with('/')
        && !not.iter().any(|start| plain.starts_with(start))
        && !plain.contains("export")
        && !plain.ends_with("/download")
        && !path.contains("lang=")
}

/// An address without what only says which record, which page of a list, or in which order.
fn pattern(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_id = |part: &str| part.len() == 36 && part.bytes().filter(|byte| *byte == b'-').count() == 4;
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { ":id" } else { part }).collect();
    let told = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Each view is a page of its own; of everything else it counts only that it is asked for.
        match name {
            "view" | "state" | "show" => format!("{name}={value}"),
            _ => name.split('.').next().unwrap_or_default().to_owned(),
        }
    };
    let pairs: BTreeSet<String> = query.split('&').filter(|pair| !pair.is_empty()).map(told).collect();
    format!("{}?{}", parts.join("/"), pairs.into_iter().collect::<Vec<_>>().join("&"))
}

/// What kind of page an address is; in the order of the table.
const KINDS: [&str; 10] = [
    "home",
    "dashboard",
    "card of a dashboard",
    "list or other view",
    "part of a list",
    "record",
    "form",
    "import",
    "administration",
    "other page",
];

fn kind(address: &str) -> &'static str {
    let path = address.strip_prefix(BASE).unwrap_or(address).split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let name = match parts.as_slice() {
        [] => 0,
        ["dashboards", _] => 1,
        ["dashboards", ..] => 2,
        ["a", _, _] => 3,
        ["a", _, _, "rows" | "figures" | "cards" | "trash", ..] => 4,
        ["a", _, _, "import", ..] => 7,
        ["a", _, _, "new"] | ["a", _, _, _, "edit" | "transitions", ..] => 6,
        ["a", ..] => 5,
        ["admin", ..] => 8,
        _ => 9,
    };
    KINDS[name]
}

fn time(client: &mut Client, who: &'static str, (address, first): (String, f64)) -> Result<Timed> {
    let mut times = Vec::with_capacity(REQUESTS);
    for round in 0..WARM_UP + REQUESTS {
        let started = Instant::now();
        let answer = client.get(&address)?;
        let took = started.elapsed().as_secs_f64() * 1e3;
        ensure!(answer.status == 200, "{address} answers {}", answer.status);
        if round >= WARM_UP {
            times.push(took);
        }
    }
    times.sort_by(f64::total_cmp);
    let timed = Timed {
        who,
        kind: kind(&address),
        first,
        p95: times[(REQUESTS * 95).div_ceil(100) - 1],
        median: times[REQUESTS / 2],
        address,
    };
    eprintln!("  {:>7.1} ms  {:>7.1} ms  {}: {}", timed.median, timed.p95, timed.who, timed.address);
    Ok(timed)
}

fn table(timed: &[Timed], rows: usize) -> String {
    let mut text = format!(
        "{} pages with {} records, each asked {REQUESTS} times.\n\n\
         | Kind of page | Pages | First request, slowest page | Median | p95, median of the pages | p95, slowest page | Goal |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        timed.len(),
        grouped(rows as f64)
    );
    for name in KINDS {
        let pages: Vec<&Timed> = timed.iter().filter(|page| page.kind == name).collect();
        let Some(slowest) = pages.iter().max_by(|a, b| a.p95.total_cmp(&b.p95)) else { continue };
        let middle = |of: fn(&Timed) -> f64| {
            let mut samples = Samples::default();
            pages.iter().for_each(|page| samples.push(of(page)));
            Unit::Milliseconds.show(samples.median().unwrap_or_default())
        };
        let missed = pages.iter().filter(|page| page.p95 > GOAL_MS).count();
        let met = match missed {
            0 => "met".to_owned(),
            some => format!("missed by {some}"),
        };
        text.push_str(&format!(
            "| {name} | {} | {} | {} | {} | {} | {}: {met} |\n",
            pages.len(),
            Unit::Milliseconds.show(pages.iter().map(|page| page.first).fold(0.0, f64::max)),
            middle(|page| page.median),
            middle(|page| page.p95),
            Unit::Milliseconds.show(slowest.p95),
            Unit::Milliseconds.show(GOAL_MS),
        ));
    }
    text + &missed_pages(timed)
}

/// The pages that missed the goal, each once, by the role for which it is slowest.
fn missed_pages(timed: &[Timed]) -> String {
    let mut missed: BTreeMap<String, &Timed> = BTreeMap::new();
    for page in timed.iter().filter(|page| page.p95 > GOAL_MS) {
        let slowest = missed.entry(pattern(&page.address)).or_insert(page);
        if page.p95 > slowest.p95 {
            *slowest = page;
        }
    }
    if missed.is_empty() {
        return String::new();
    }
    let mut pages: Vec<(String, &Timed)> = missed.into_iter().collect();
    pages.sort_by(|(_, a), (_, b)| b.p95.total_cmp(&a.p95));
    let mut text = "\n| Missed by | As | Median | p95 |\n| --- | --- | --- | --- |\n".to_owned();
    for (pattern, page) in pages {
        let address = pattern.trim_start_matches(BASE).trim_end_matches('?');
        let [median, p95] = [page.median, page.p95].map(|time| Unit::Milliseconds.show(time));
        text.push_str(&format!("| `{address}` | {} | {median} | {p95} |\n", page.who));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_differ_in_ids_order_or_place_are_one_page_and_views_are_not() {
        let id = "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a";
        assert_eq!(pattern(&format!("/t/demo/a/x/y/{id}/edit")), "/t/demo/a/x/y/:id/edit?");
        assert_eq!(pattern("/t/demo/a/x/y?view=x.all&sort=-name"), "/t/demo/a/x/y?sort&view=x.all");
        assert_eq!(pattern("/t/demo/a/x/y?where.name.in=a"), "/t/demo/a/x/y?where");
    }

    #[test]
    fn links_are_read_as_a_browser_reads_them() {
        let html = "<a class=\"x\" href=\"/t/demo/a/x/y?view=all&amp;q=1#top\"><div hx-get=\"/t/demo/c\">";
        let expected = ["/t/demo/a/x/y?view=all&q=1", "/t/demo/c"].map(str::to_owned);
        assert_eq!(links(html), BTreeSet::from(expected));
        assert!(is_page("/t/demo/") && !is_page("/t/demo/api/v1/x") && !is_page("https://example.com/"));
        assert!(!is_page("/t/demo/admin/audit/export?entity=x") && !is_page("/t/demo/sign-in?lang=en"));
    }

    #[test]
    fn addresses_are_told_apart_by_kind() {
        for (address, expected) in [
            ("/t/demo/", "home"),
            ("/t/demo/dashboards/x.y?span=30", "dashboard"),
            ("/t/demo/dashboards/x.y/card", "card of a dashboard"),
            ("/t/demo/a/x/y?view=x.all", "list or other view"),
            ("/t/demo/a/x/y/1/edit", "form"),
            ("/t/demo/a/x/y/1", "record"),
            ("/t/demo/admin/users", "administration"),
            ("/t/demo/inbox", "other page"),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }
}

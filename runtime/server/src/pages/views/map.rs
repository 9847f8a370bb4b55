//! Maps: bubbles for regions, or for points that lie near each other. What is drawn stands beside the map as a list, with the way to
//! the records of each place.

use mortise_definition::model::{FieldKind, Slot, TreeModel};
use mortise_engine::{Group, Query, Spot};
use mortise_expr::Value;
use serde::Serialize;
use serde_json::json;

use super::Scene;
use crate::Failure;
use crate::pages::show::grouped;

/// Width of the squares in which points are gathered, in degrees: of a country, and each time that somebody goes nearer.
const SQUARES: [f64; 5] = [1.0, 0.25, 0.05, 0.01, 0.001];

/// A map as its template needs it.
#[derive(Serialize)]
pub(super) struct Map {
    /// The places above the one that is shown, and itself.
    above: Vec<Crumb>,
    places: Vec<Place>,
    /// Name of the number that makes bubbles larger.
    size: Option<String>,
    /// How many records have no place.
    nowhere: Option<String>,
    /// The same for the script that draws.
    data: String,
}

#[derive(Serialize)]
struct Crumb {
    label: String,
    href: String,
}

/// A bubble.
#[derive(Serialize)]
struct Place {
    label: String,
    count: i64,
    count_words: String,
    sum: Option<String>,
    /// Length of the bar beside it, in percent of the longest.
    share: i64,
    /// The map of what lies within.
    inner: Option<String>,
    /// The cards of its records.
    cards: Option<String>,
    /// The records as a list of their own.
    records: Option<String>,
    #[serde(skip)]
    point: Option<(f64, f64)>,
    #[serde(skip)]
    weight: f64,
}

impl Map {
    /// Whether nothing is on it.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.above.len() < 2
    }
}

/// Reads and describes a map.
pub(super) async fn draw(scene: &Scene<'_>, query: &Query, place: Slot) -> Result<Map, Failure> {
    let sum = scene.view.layout.size.filter(|slot| scene.visit.by.sees(scene.entity, *slot));
    let at = scene.params.get("at").unwrap_or_default();
    let engine = &scene.visit.tenant.engine;
    match &scene.entity.fields[place].kind {
        FieldKind::Tree { tree, .. } => {
            let groups = engine.groups(scene.visit.actor(), query, place, sum).await?;
            let tree = scene.show.model.trees.get(tree);
            let tree = tree.ok_or_else(|| Failure::internal("a field has a tree that is not there"))?;
            Ok(regions(scene, tree, at, &groups, sum))
        }
        _ => {
            let level = at.parse().unwrap_or(0_usize).min(SQUARES.len() - 1);
            let spots = engine.spots(scene.visit.actor(), query, place, sum, SQUARES[level]).await?;
            Ok(points(scene, level, &spots, sum))
        }
    }
}

/// The places right below one, each with all that lies within it.
fn regions(scene: &Scene<'_>, tree: &TreeModel, at: &str, groups: &[Group], sum: Option<Slot>) -> Map {
    let at = if tree.by_path.contains_key(at) { at } else { "" };
    let mut found: Vec<(String, i64, Value)> = Vec::new();
    let mut nowhere = 0;
    for group in groups {
        let Some(path) = group.value.as_text() else {
            nowhere += group.count;
            continue;
        };
        let Some(child) = child_of(at, path) else { continue };
        match found.iter_mut().find(|(known, ..)| known == child) {
            Some((_, count, total)) => {
                *count += group.count;
                *total = added(total, &group.sum);
            }
            None => found.push((child.to_owned(), group.count, group.sum.clone())),
        }
    }
    let places = found.into_iter().map(|(path, count, total)| {
        let entry = tree.by_path.get(&path);
        let deeper = path != at && entry.is_some_and(|entry| !entry.leaf);
        let label = entry.map_or(path.clone(), |entry| entry.label.get(scene.visit.language).to_owned());
        Place {
            label,
            inner: deeper.then(|| scene.href("at", &path)),
            cards: Some(scene.part_href("place", &path)),
            point: point_of(tree, &path),
            ..place(scene, count, &total, sum)
        }
    });
    let places = ranked(places.collect());
    let crumb = |path: &str, label: String| Crumb { label, href: scene.href("at", path) };
    let mut above = vec![crumb("", scene.t("map.everywhere", &[]))];
    let ends = at.match_indices('/').map(|(end, _)| end).chain((!at.is_empty()).then_some(at.len()));
    for path in ends.map(|end| &at[..end]) {
        if let Some(entry) = tree.by_path.get(path) {
            above.push(crumb(path, entry.label.get(scene.visit.language).to_owned()));
        }
    }
    Map {
        above,
        data: data(&places, at.split('/').next().unwrap_or_default(), None),
        places,
        size: size(scene, sum),
        nowhere: (nowhere > 0 && at.is_empty())
            .then(|| scene.t("map.nowhere", &[("count", &grouped(nowhere))])),
    }
}

/// The place right below `at` in which a path lies; `at` itself for what is known no closer.
fn child_of<'a>(at: &str, path: &'a str) -> Option<&'a str> {
    if path == at {
        return Some(path);
    }
    let rest = match at {
        "" => path,
        at => path.strip_prefix(at)?.strip_prefix('/')?,
    };
    let first = rest.split('/').next()?;
    Some(&path[..path.len() - rest.len() + first.len()])
}

/// Where a place lies: itself, or what it lies in.
fn point_of(tree: &TreeModel, path: &str) -> Option<(f64, f64)> {
    let mut path = path;
    loop {
        if let Some(point) = tree.by_path.get(path).and_then(|entry| entry.point) {
            return Some(point);
        }
        path = path.rsplit_once('/')?.0;
    }
}

/// Sums of two groups together. Both are of one field, so that they are of one kind.
fn added(one: &Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Null, other) => other.clone(),
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
        (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
        (Value::Duration(a), Value::Duration(b)) => Value::Duration(a.saturating_add(*b)),
        (Value::Decimal(a), Value::Decimal(b)) if a.scale == b.scale => {
            Value::Decimal(mortise_expr::Decimal::new(a.mantissa.saturating_add(b.mantissa), a.scale))
        }
        (one, _) => one.clone(),
    }
}

/// Points near each other.
fn points(scene: &Scene<'_>, level: usize, spots: &[Spot], sum: Option<Slot>) -> Map {
    let spot = |spot: &Spot| {
        let label = match &spot.only {
            Some((_, title)) if !title.is_empty() => title.clone(),
            Some(_) => scene.visit.t("record.untitled", &[]),
            None => scene.t("map.near", &[("lat", &degrees(spot.lat)), ("lon", &degrees(spot.lon))]),
        };
        Place {
            label,
            records: spot.only.as_ref().map(|(id, _)| format!("{}/{id}", scene.path)),
            inner: (spot.only.is_none() && level + 1 < SQUARES.len())
                .then(|| scene.href("at", &(level + 1).to_string())),
            point: Some((spot.lat, spot.lon)),
            ..place(scene, spot.count, &spot.sum, sum)
        }
    };
    let places = ranked(spots.iter().map(spot).collect());
    let mut above = vec![Crumb { label: scene.t("map.everywhere", &[]), href: scene.href("at", "0") }];
    if level > 0 {
        let here = scene.href("at", &level.to_string());
        above.push(Crumb { label: scene.t("map.nearer", &[("level", &level.to_string())]), href: here });
    }
    let data = data(&places, "", Some(level));
    Map { above, places, size: size(scene, sum), nowhere: None, data }
}

fn degrees(value: f64) -> String {
    format!("{value:.2}")
}

fn size(scene: &Scene<'_>, sum: Option<Slot>) -> Option<String> {
    sum.map(|slot| crate::pages::list::field_label(scene.show, &scene.entity.fields[slot]))
}

fn place(scene: &Scene<'_>, count: i64, total: &Value, sum: Option<Slot>) -> Place {
    #[expect(clippy::cast_precision_loss, reason = "the size of a bubble needs no more digits")]
    let many = count as f64;
    Place {
        label: String::new(),
        count,
        count_words: grouped(count),
        sum: sum.filter(|_| !total.is_null()).map(|slot| scene.show.words(&scene.entity.fields[slot], total)),
        share: 0,
        inner: None,
        cards: None,
        records: None,
        point: None,
        weight: if sum.is_some() { total.as_number().unwrap_or(0.0).max(0.0) } else { many },
    }
}

/// The largest first, with bars beside them.
fn ranked(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by(|one, other| {
        other
            .weight
            .total_cmp(&one.weight)
            .then(other.count.cmp(&one.count))
            .then(one.label.cmp(&other.label))
    });
    let most = places.first().map_or(0.0, |place| place.weight);
    for place in &mut places {
        #[expect(clippy::cast_possible_truncation, reason = "a share is 0 to 100")]
        let share = if most > 0.0 { (place.weight / most * 100.0).round() as i64 } else { 0 };
        place.share = share;
    }
    places
}

/// What the script needs to draw the map: bubbles, and the code of the province to draw closely.
fn data(places: &[Place], within: &str, level: Option<usize>) -> String {
    let bubble = |place: &Place| {
        let (lat, lon) = place.point?;
        let words = match &place.sum {
            Some(sum) => format!("{}: {} · {sum}", place.label, place.count_words),
            None => format!("{}: {}", place.label, place.count_words),
        };
        Some(json!({
            "label": place.label,
            "words": words,
            "place": [lon, lat],
            "weight": place.weight,
            "href": place.inner.as_ref().or(place.records.as_ref()),
            "cards": place.cards,
        }))
    };
    let bubbles: Vec<serde_json::Value> = places.iter().filter_map(bubble).collect();
    json!({ "bubbles": bubbles, "within": within, "level": level }).to_string()
}

#[cfg(test)]
mod tests {
    use mortise_expr::Value;

    use super::{added, child_of};

    #[test]
    fn a_place_belongs_to_the_one_right_below_what_is_shown() {
        assert_eq!(child_of("", "32/3205/320506"), Some("32"));
        assert_eq!(child_of("32", "32/3205/320506"), Some("32/3205"));
        assert_eq!(child_of("32", "32"), Some("32"));
        assert_eq!(child_of("32", "33/3301"), None);
        assert_eq!(child_of("3", "32/3205"), None);
    }

    #[test]
    fn sums_of_places_are_put_together() {
        assert_eq!(added(&Value::Null, &Value::Int(2)), Value::Int(2));
        assert_eq!(added(&Value::Int(1), &Value::Int(2)), Value::Int(3));
        assert_eq!(added(&Value::Int(1), &Value::Null), Value::Int(1));
    }
}

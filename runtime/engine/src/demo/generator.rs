//! The small language of demo data: generators as read from JSON, checked once, evaluated a million times.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::dice::stream;

/// Depth of generators within generators.
const DEPTH_MAX: usize = 32;

/// A value by name, or a column of a list's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) name: String,
    pub(super) part: Option<String>,
}

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(String),
    Value(Path),
}

/// A character of a digits pattern.
#[derive(Debug, Clone)]
pub(super) enum Figure {
    Fixed(char),
    OneOf(Vec<char>),
}

/// How a value is made.
#[derive(Debug, Clone)]
pub(super) enum Generator {
    Constant(Json),
    Text(Vec<Piece>),
    Get(Path),
    Weighted(Vec<Generator>, Vec<f64>),
    Maybe(f64, Box<Generator>),
    First(Vec<Generator>),
    Match { on: Path, cases: HashMap<String, Generator>, other: Option<Box<Generator>> },
    List(String),
    Digits(Vec<Figure>),
    Number { min: f64, max: f64, skew: f64, step: Option<f64>, places: u8 },
    Time { from: f64, to: f64, skew: f64, after: Option<String>, office: bool, past: bool },
    Tree(Option<Box<Generator>>),
    Point { of: Box<Generator>, within_km: f64, tree: Option<String> },
    Record { entity: Option<String>, same: Option<String>, skew: f64 },
    Copy { via: String, field: String },
    User(Option<String>),
    Team,
    Sample { from: Vec<String>, min: usize, max: usize },
    Lines { min: usize, max: usize, made: Box<Made> },
}

/// Named generators of one kind of record.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub(super) lets: Vec<Named>,
    pub(super) fields: Vec<Named>,
}

/// A generator with its name and the hash that names its dice.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) stream: u64,
    pub(super) generator: Generator,
}

impl Made {
    /// Reads `let` and `fields`.
    pub(super) fn read(
        entity: &str,
        lets: Option<&Json>,
        fields: Option<&Json>,
        depth: usize,
    ) -> Result<Made, String> {
        let named = |json: Option<&Json>| -> Result<Vec<Named>, String> {
            let Some(json) = json else { return Ok(Vec::new()) };
            let object = json.as_object().ok_or("`let` and `fields` are objects")?;
            object
                .iter()
                .map(|(name, json)| {
                    let generator =
                        Generator::read(json, depth).map_err(|reason| format!("{name}: {reason}"))?;
                    Ok(Named { name: name.clone(), stream: stream(&[entity, name]), generator })
                })
                .collect()
        };
        Ok(Made { lets: named(lets)?, fields: named(fields)? })
    }

    /// Calls `look` with every generator.
    pub(super) fn each<'a>(&'a self, look: &mut dyn FnMut(&'a Generator)) {
        self.lets.iter().chain(&self.fields).for_each(|named| named.generator.each(look));
    }
}

impl Generator {
    /// Reads a generator.
    pub(super) fn read(json: &Json, depth: usize) -> Result<Generator, String> {
        if depth > DEPTH_MAX {
            return Err("generators are nested too deeply".to_owned());
        }
        match json {
            Json::String(text) if text.contains('{') => Ok(Generator::Text(template(text)?)),
            Json::Object(object) => {
                let mut members = object.iter();
                match (members.next(), members.next()) {
                    (Some((name, argument)), None) => Generator::named(name, argument, depth + 1),
                    _ => Err("a generator has exactly one key".to_owned()),
                }
            }
            Json::Array(_) => Err("a list is no generator; use `one_of` or `sample`".to_owned()),
            plain => Ok(Generator::Constant(plain.clone())),
        }
    }

    fn named(name: &str, json: &Json, depth: usize) -> Result<Generator, String> {
        let text = || json.as_str().ok_or_else(|| format!("`{name}` takes a text"));
        let options = Options { name, object: json.as_object() };
        match name {
            "text" => Ok(Generator::Text(template(text()?)?)),
            "get" => Ok(Generator::Get(path(text()?))),
            "list" => Ok(Generator::List(text()?.to_owned())),
            "digits" => Ok(Generator::Digits(figures(text()?)?)),
            "one_of" => {
                let parts = parts(name, json, depth)?;
                let sums = (1..=parts.len()).map(|count| count as f64).collect();
                Ok(Generator::Weighted(parts, sums))
            }
            "first" => Ok(Generator::First(parts(name, json, depth)?)),
            "weighted" => weighted(json, depth),
            "maybe" => {
                let value = options.generator("value", depth)?.ok_or("`maybe` needs a `value`")?;
                Ok(Generator::Maybe(
                    options.number("probability")?.ok_or("`maybe` needs a `probability`")?,
                    value,
                ))
            }
            "match" => options.matching(depth),
            "number" => options.range(),
            "time" => Ok(Generator::Time {
                from: options.number("from")?.unwrap_or(0.0),
                to: options.number("to")?.unwrap_or(0.0),
                skew: options.number("skew")?.unwrap_or(1.0),
                after: options.text("after")?,
                office: options.flag("office"),
                past: options.flag("past"),
            }),
            "tree" => Ok(Generator::Tree(options.generator("under", depth)?)),
            "point" => Ok(Generator::Point {
                of: options.generator("of", depth)?.ok_or("`point` needs `of`")?,
                within_km: options.number("within_km")?.unwrap_or(0.0),
                tree: options.text("tree")?,
            }),
            "record" => Ok(Generator::Record {
                entity: options.text("entity")?,
                same: options.text("same")?,
                skew: options.number("skew")?.unwrap_or(1.0),
            }),
            "copy" => Ok(Generator::Copy {
                via: options.text("via")?.ok_or("`copy` needs `via`")?,
                field: options.text("field")?.ok_or("`copy` needs a `field`")?,
            }),
            "user" => Ok(Generator::User(options.text("role")?)),
            "team" => Ok(Generator::Team),
            "sample" => options.sample(),
            "lines" => {
                let member = |key: &str| options.object.and_then(|object| object.get(key));
                let made = Made::read("lines", member("let"), member("fields"), depth)?;
                let (min, max) = (options.count("min")?, options.count("max")?);
                Ok(Generator::Lines { min, max, made: Box::new(made) })
            }
            _ => Err(format!("there is no generator `{name}`")),
        }
    }

    /// Calls `look` with this generator and all within it.
    pub(super) fn each<'a>(&'a self, look: &mut dyn FnMut(&'a Generator)) {
        look(self);
        match self {
            Generator::Weighted(parts, _) | Generator::First(parts) => {
                parts.iter().for_each(|part| part.each(look))
            }
            Generator::Maybe(_, value)
            | Generator::Tree(Some(value))
            | Generator::Point { of: value, .. } => {
                value.each(look);
            }
            Generator::Match { cases, other, .. } => {
                cases.values().chain(other.as_deref()).for_each(|part| part.each(look));
            }
            Generator::Lines { made, .. } => made.each(look),
            _ => {}
        }
    }
}

/// The options of a generator.
struct Options<'a> {
    name: &'a str,
    object: Option<&'a Map<String, Json>>,
}

impl Options<'_> {
    fn get(&self, key: &str) -> Option<&Json> {
        self.object?.get(key).filter(|json| !json.is_null())
    }

    fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let Some(json) = self.get(key) else { return Ok(None) };
        json.as_f64().map(Some).ok_or_else(|| format!("`{}.{key}` is a number", self.name))
    }

    fn count(&self, key: &str) -> Result<usize, String> {
        let number = self.number(key)?.unwrap_or(0.0);
        if (0.0..=1_000.0).contains(&number) {
            Ok(number as usize)
        } else {
            Err(format!("`{key}` is 0 to 1000"))
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        let Some(json) = self.get(key) else { return Ok(None) };
        json.as_str()
            .map(|text| Some(text.to_owned()))
            .ok_or_else(|| format!("`{}.{key}` is a text", self.name))
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key).and_then(Json::as_bool).unwrap_or(false)
    }

    fn generator(&self, key: &str, depth: usize) -> Result<Option<Box<Generator>>, String> {
        self.get(key).map(|json| Generator::read(json, depth).map(Box::new)).transpose()
    }

    fn matching(&self, depth: usize) -> Result<Generator, String> {
        let on = path(&self.text("on")?.ok_or("`match` needs `on`")?);
        let mut cases = HashMap::new();
        for (case, json) in self.get("cases").and_then(Json::as_object).into_iter().flatten() {
            cases.insert(case.clone(), Generator::read(json, depth)?);
        }
        Ok(Generator::Match { on, cases, other: self.generator("else", depth)? })
    }

    fn range(&self) -> Result<Generator, String> {
        let (min, max) = (self.number("min")?.unwrap_or(0.0), self.number("max")?.unwrap_or(0.0));
        let step = self.number("step")?.filter(|step| *step > 0.0);
        // Without a field that says it, the digits that are written say how exact the number is.
        let written = [Some(min), Some(max), step].into_iter().flatten().map(|n| n.to_string());
        let places = written.map(|text| text.split_once('.').map_or(0, |(_, places)| places.len())).max();
        let places = u8::try_from(places.unwrap_or(0).min(9)).unwrap_or(0);
        Ok(Generator::Number { min, max, skew: self.number("skew")?.unwrap_or(1.0), step, places })
    }

    fn sample(&self) -> Result<Generator, String> {
        let from = self.get("from").and_then(Json::as_array).ok_or("`sample` needs `from`")?;
        let from: Option<Vec<String>> = from.iter().map(|json| json.as_str().map(str::to_owned)).collect();
        let from = from.ok_or("`sample.from` is a list of texts")?;
        let max = self.count("max")?.min(from.len());
        Ok(Generator::Sample { min: self.count("min")?.min(max), max, from })
    }
}

fn parts(name: &str, json: &Json, depth: usize) -> Result<Vec<Generator>, String> {
    let items = json.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| format!("`{name}` takes a list that is not empty"))?;
    items.iter().map(|json| Generator::read(json, depth)).collect()
}

fn weighted(json: &Json, depth: usize) -> Result<Generator, String> {
    let wrong = "`weighted` takes a list of [generator, weight]";
    let items = json.as_array().filter(|items| !items.is_empty()).ok_or(wrong)?;
    let (mut parts, mut sums, mut sum) = (Vec::new(), Vec::new(), 0.0);
    for item in items {
        let [part, weight] = item.as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(wrong.to_owned());
        };
        sum += weight.as_f64().filter(|weight| *weight > 0.0).ok_or(wrong)?;
        parts.push(Generator::read(part, depth)?);
        sums.push(sum);
    }
    Ok(Generator::Weighted(parts, sums))
}

fn path(text: &str) -> Path {
    match text.split_once('.') {
        Some((name, part)) => Path { name: name.to_owned(), part: Some(part.to_owned()) },
        None => Path { name: text.to_owned(), part: None },
    }
}

fn template(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let close =
            rest[open..].find('}').ok_or_else(|| format!("a brace is not closed in `{text}`"))? + open;
        if open > 0 {
            pieces.push(Piece::Text(rest[..open].to_owned()));
        }
        pieces.push(Piece::Value(path(rest[open + 1..close].trim())));
        rest = &rest[close + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

fn figures(text: &str) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        figures.push(match c {
            '#' => Figure::OneOf(('0'..='9').collect()),
            '\\' => Figure::Fixed(characters.next().unwrap_or('\\')),
            '[' => {
                let inner: String = characters.by_ref().take_while(|c| *c != ']').collect();
                let set = character_set(&inner);
                if set.is_empty() {
                    return Err(format!("empty brackets in `{text}`"));
                }
                Figure::OneOf(set)
            }
            c => Figure::Fixed(c),
        });
    }
    Ok(figures)
}

/// `0-35-9` as characters.
fn character_set(text: &str) -> Vec<char> {
    let characters: Vec<char> = text.chars().collect();
    let mut set = Vec::new();
    let mut index = 0;
    while index < characters.len() {
        if index + 2 < characters.len() && characters[index + 1] == '-' {
            set.extend(characters[index]..=characters[index + 2]);
            index += 3;
        } else {
            set.push(characters[index]);
            index += 1;
        }
    }
    set
}

//! Text that a person reads: one string, or one per language, anywhere in an app's JSON.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::source::patterns::LANGUAGE;

/// `"Order"` or `{"en": "Order", "zh-CN": "订单"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Text {
    /// The same words in every language.
    Plain(String),
    /// Words by BCP 47 language tag.
    ByLanguage(IndexMap<String, String>),
}

impl Text {
    /// Text in English and Chinese.
    pub fn both(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Text::ByLanguage(IndexMap::from([("en".into(), en.into()), ("zh-CN".into(), zh.into())]))
    }

    /// The words for `language`, else English, else whatever there is.
    pub fn get(&self, language: &str) -> &str {
        match self {
            Text::Plain(text) => text,
            Text::ByLanguage(map) => map
                .get(language)
                .or_else(|| map.get("en"))
                .or_else(|| map.values().next())
                .map_or("", String::as_str),
        }
    }

    /// True when there are no words for `language`.
    pub fn lacks(&self, language: &str) -> bool {
        matches!(self, Text::ByLanguage(map) if map.get(language).is_none_or(|text| text.is_empty()))
    }

    /// All the words there are, in any language.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let (plain, map) = match self {
            Text::Plain(text) => (Some(text.as_str()), None),
            Text::ByLanguage(map) => (None, Some(map.values().map(String::as_str))),
        };
        plain.into_iter().chain(map.into_iter().flatten())
    }
}

/// By hand, because the derived code would buffer each of the thousands of names of a tree.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or an object of texts by language")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::Plain(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Text, E> {
                Ok(Text::Plain(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                let mut words = IndexMap::with_capacity(2);
                while let Some((language, text)) = map.next_entry()? {
                    words.insert(language, text);
                }
                Ok(Text::ByLanguage(words))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

/// By hand, because only a list of languages makes `{"lable": "…"}` an error.
impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Words for people: one text, or one per language (`{\"en\": \"Order\", \"zh-CN\": \"订单\"}`).",
            "anyOf": [
                { "type": "string", "minLength": 1 },
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": { "pattern": LANGUAGE },
                    "additionalProperties": { "type": "string" },
                },
            ],
        })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::Plain(text.to_owned())
    }
}

/// Turns a field or artifact name into words when no label was given: `next_review` → `Next review`.
pub fn humanize(name: &str) -> Cow<'_, str> {
    let mut words = name.replace(['_', '-'], " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    Cow::Owned(words)
}

//! `data/*.json`: records that come with an app (grades, stages, sources) and are kept up to date on upgrade.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::patterns::ARTIFACT_ID;
use crate::Text;

/// Records of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// The entity: `grade`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// Field by which an existing record is recognised; must be unique.
    pub key: String,
    /// The records: field names with values as in the API. A reference is given by the key of the target's data file.
    /// Text may be given by language, `{"en": "Call", "zh-CN": "电话"}`: the language of the tenant at the time of the
    /// installation decides which words are stored.
    pub records: Vec<Map<String, Value>>,
}

/// Words of a record that are given by language; none when the value is anything else.
pub fn words(value: &Value) -> Option<Text> {
    let words = value.as_object().filter(|words| !words.is_empty())?;
    let tag = |tag: &str| {
        let parts = || tag.split('-');
        matches!(parts().next(), Some(first) if (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_lowercase()))
            && parts().skip(1).all(|part| {
                (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
    };
    let word = |(language, text): (&String, &Value)| {
        let text = text.as_str().filter(|text| !text.is_empty() && tag(language))?;
        Some((language.clone(), text.to_owned()))
    };
    Some(Text::ByLanguage(words.iter().map(word).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::words;

    #[test]
    fn only_texts_under_tags_of_languages_are_words() {
        let both = words(&json!({"en": "Call", "zh-CN": "电话"}));
        assert_eq!(both.as_ref().map(|words| words.get("zh-CN")), Some("电话"));
        assert_eq!(both.as_ref().map(|words| words.get("de")), Some("Call"));
        for other in
            [json!("Call"), json!({}), json!({"en": ""}), json!({"lat": 31.2}), json!({"English": "Call"})]
        {
            assert_eq!(words(&other), None, "{other}");
        }
    }
}

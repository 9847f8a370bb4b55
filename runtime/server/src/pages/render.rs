//! Templates: embedded in the binary, one environment per language, so that `t("key")` needs no argument for it.
//! Everything that templates print is escaped; only the few functions here make markup, from parts they escape themselves.

use std::collections::HashMap;

use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, HtmlEscape, Value};
use mortise_definition::locale;
use rust_embed::RustEmbed;

use super::assets;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// Number of colours of avatars; the style sheet has as many.
const HUES: u32 = 8;

/// The templates of all languages.
pub(super) struct Pages(HashMap<&'static str, Environment<'static>>);

impl Pages {
    /// Loads and compiles every template for every installed language; a broken template ends the start of the server.
    pub(super) fn load() -> Result<Self, Error> {
        let languages = locale::languages();
        let environments = languages.into_iter().map(|language| Ok((language, environment(language)?)));
        environments.collect::<Result<_, Error>>().map(Pages)
    }

    /// Renders a template in a language.
    pub(super) fn render(&self, language: &str, name: &str, context: Value) -> Result<String, Error> {
        // While pages are being designed, templates are read again for every page.
        if cfg!(debug_assertions) && std::env::var_os("MORTISE_TEMPLATES_RELOAD").is_some() {
            return environment(locale_of(language))?.get_template(name)?.render(context);
        }
        let environment = self.0.get(language).or_else(|| self.0.get(locale::FALLBACK));
        let unknown = || Error::new(ErrorKind::TemplateNotFound, format!("no templates for {language}"));
        environment.ok_or_else(unknown)?.get_template(name)?.render(context)
    }
}

fn locale_of(language: &str) -> &'static str {
    locale::languages().into_iter().find(|known| *known == language).unwrap_or(locale::FALLBACK)
}

fn environment(language: &'static str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.add_function("t", move |key: &str, args: Kwargs| words(language, key, &args));
    environment
        .add_function("icon", |name: &str, class: Option<&str>| safe(icon(name, class.unwrap_or("icon"))));
    environment
        .add_function("avatar", |name: &str, class: Option<&str>| safe(avatar(name, class.unwrap_or(""))));
    environment.add_function("aria", aria);
    environment.add_function("gap", |sentence: &str| Value::from(locale::gap(sentence)));
    environment.add_function("asset", |name: &str| match assets::address(name) {
        Some(address) => Ok(address),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("there is no asset {name}"))),
    });
    for name in Templates::iter() {
        let file =
            Templates::get(&name).ok_or_else(|| Error::new(ErrorKind::TemplateNotFound, name.to_string()))?;
        let source = String::from_utf8_lossy(&file.data).into_owned();
        environment.add_template_owned(name.into_owned(), source)?;
    }
    Ok(environment)
}

fn safe(markup: String) -> Value {
    Value::from_safe_string(markup)
}

/// Words of the catalogue: `t("list.new", label=…)`.
fn words(language: &str, key: &str, args: &Kwargs) -> Result<String, Error> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for name in args.args() {
        pairs.push((name, args.get::<Value>(name)?.to_string()));
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(locale::translate(language, &format!("ui.{key}"), &pairs))
}

/// A Tabler icon as inline SVG; a circle for names that Tabler does not have.
pub(super) fn icon(name: &str, class: &str) -> String {
    let inner = assets::icon(name).or_else(|| assets::icon("circle")).unwrap_or_default();
    format!(
        "<svg class=\"{}\" viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">{inner}</svg>",
        HtmlEscape(class)
    )
}

/// A round picture with the initials of a person; the same person has the same colour everywhere.
fn avatar(name: &str, class: &str) -> String {
    let hue = name.chars().fold(0_u32, |sum, c| sum.wrapping_mul(31).wrapping_add(u32::from(c))) % HUES;
    format!(
        "<span class=\"avatar {} hue-{hue}\" aria-hidden=\"true\">{}</span>",
        HtmlEscape(class),
        HtmlEscape(&initials(name))
    )
}

/// Chinese names are told apart by their family name, others by first and last letter.
fn initials(name: &str) -> String {
    let first = |word: &str| word.chars().next();
    match first(name) {
        None => "?".to_owned(),
        Some(c) if !c.is_ascii() => c.to_string(),
        Some(_) => name.split_whitespace().filter_map(first).take(2).flat_map(char::to_uppercase).collect(),
    }
}

/// What `aria` needs to know of a field.
#[derive(serde::Deserialize)]
struct Described {
    id: String,
    #[serde(default)]
    help: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    required: bool,
}

/// Attributes that tie an input to its help and messages.
fn aria(field: Serde<Described>) -> Value {
    let Serde(field) = field;
    let wrong = !field.errors.is_empty() || field.error.is_some();
    let mut described = Vec::new();
    if field.help.is_some() {
        described.push(format!("{}-help", field.id));
    }
    if wrong {
        described.push(format!("{}-error", field.id));
    }
    let mut markup = String::new();
    if wrong {
        markup.push_str(" aria-invalid=\"true\"");
    }
    if !described.is_empty() {
        markup.push_str(&format!(" aria-describedby=\"{}\"", HtmlEscape(&described.join(" "))));
    }
    if field.required {
        markup.push_str(" aria-required=\"true\"");
    }
    safe(markup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_compiles_in_every_language() {
        Pages::load().expect("templates compile");
    }

    /// Quoted words that stand directly behind `before` in any template.
    fn named(before: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for file in Templates::iter() {
            let source = String::from_utf8(Templates::get(&file).unwrap().data.into_owned()).unwrap();
            for part in source.split(before).skip(1) {
                let name = part.split('"').next().unwrap();
                // `t("profile.theme_" ~ choice)` is put together while rendering.
                if !name.ends_with(['_', '.']) {
                    found.push((file.to_string(), name.to_owned()));
                }
            }
        }
        found
    }

    #[test]
    fn every_text_of_a_template_is_translated() {
        let texts = named("t(\"");
        assert!(texts.len() > 200, "only {} texts were found", texts.len());
        for (file, key) in texts {
            for language in locale::languages() {
                let known = locale::lookup(language, &format!("ui.{key}"));
                assert!(known.is_some() || assets::address(&key).is_some(), "{file}: {key} in {language}");
            }
        }
    }

    #[test]
    fn every_icon_of_a_template_exists() {
        for (file, name) in named("icon(\"").into_iter().chain(named("heading(\"")) {
            assert!(assets::icon(&name).is_some(), "{file}: {name}");
        }
    }

    #[test]
    fn people_are_shown_by_family_name_in_chinese_and_by_initials_otherwise() {
        assert_eq!(initials("王芳"), "王");
        assert_eq!(initials("anna maria li"), "AM");
        assert_eq!(initials(""), "?");
    }

    #[test]
    fn markup_in_names_stays_text() {
        assert!(avatar("<b>", "").contains("&lt;"));
        assert!(!icon("x", "\"><script>").contains("<script>"));
    }

    #[test]
    fn an_unknown_icon_becomes_a_circle() {
        assert_eq!(icon("no-such-icon", "icon"), icon("circle", "icon"));
    }
}

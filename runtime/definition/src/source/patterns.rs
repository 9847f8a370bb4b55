//! Forms of names, as regular expressions for the schemas. Kept here and nowhere else, so that the messages about
//! them can tell which form was meant.

/// Id of an app.
pub(crate) const APP_ID: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
/// Id of an artifact within its app.
pub(crate) const ARTIFACT_ID: &str = "^[a-z][a-z0-9_-]*$";
/// Name in expressions and databases.
pub(crate) const NAME: &str = "^[a-z][a-z0-9_]*$";
/// Name of a colour or an icon.
pub(crate) const STYLE_NAME: &str = "^[a-z0-9-]{1,40}$";
/// Id of a plugin: its author, a point, its name.
pub(crate) const PLUGIN_ID: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*\\.[a-z][a-z0-9]*(-[a-z0-9]+)*$";
/// ISO 4217 code.
pub(crate) const CURRENCY: &str = "^[A-Z]{3}$";
/// BCP 47 tag of a language.
pub(crate) const LANGUAGE: &str = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$";

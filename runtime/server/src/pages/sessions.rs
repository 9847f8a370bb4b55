//! Where a person is signed in, on their profile and for administrators: devices in words, and buttons that end sessions.
//! What a browser says about itself is only shown, never relied on.

use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::admin::administrator;
use super::flash::Toast;
use super::show::Show;
use super::visit::Visit;
use crate::Failure;
use crate::api::sessions::{self, SessionView};

/// A device that is not known by name is shown by the beginning of what it says about itself.
const SHOWN_CHARS: usize = 40;

/// What browsers and systems are called, by what is found in their `User-Agent`: the first that fits, since nearly all
/// claim to be the later ones too.
const PROGRAMS: [(&str, &str); 9] = [
    ("MicroMessenger/", "WeChat"),
    ("DingTalk/", "DingTalk"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// A session in words.
#[derive(Serialize)]
pub(super) struct Row {
    id: String,
    device: String,
    place: String,
    since: String,
    current: bool,
}

/// The sessions of a person in words.
pub(super) async fn rows(visit: &Visit, user: Uuid) -> Result<Vec<Row>, Failure> {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show =
        Show { by: &visit.by, model: &model, directory: &directory, now: visit.state.now(), files: &[] };
    let row = |session: SessionView| Row {
        device: session.device.as_deref().map_or_else(|| visit.t("sessions.unknown", &[]), device),
        place: session.ip.unwrap_or_default(),
        since: show.ago(session.created_at),
        current: session.current,
        id: session.id,
    };
    Ok(sessions::of(&visit.state, visit, user).await?.into_iter().map(row).collect())
}

/// A device by the names of its program and system.
pub(super) fn device(said: &str) -> String {
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| said.contains(mark)).map(|(_, name)| *name)
    };
    match (named(&PROGRAMS), named(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => said.chars().take(SHOWN_CHARS).collect(),
    }
}

/// `POST /profile/sessions/{id}/end`. A session that has ended already is as good.
pub(super) async fn end(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    sessions::end(&visit.state, &visit, visit.user().id, Some(&id)).await?;
    Ok(visit.go_with("/profile", &Toast::good(visit.t("sessions.ended", &[]))))
}

/// `POST /profile/end-sessions`: all but this one.
pub(super) async fn end_others(visit: Visit) -> Result<Response, Failure> {
    sessions::end(&visit.state, &visit, visit.user().id, None).await?;
    Ok(visit.go_with("/profile", &Toast::good(visit.t("sessions.others_ended", &[]))))
}

/// `POST /admin/users/{id}/end-sessions`.
pub(super) async fn end_of(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let user = crate::api::users::one(&visit.state, &visit, id).await?;
    sessions::end(&visit.state, &visit, id, None).await?;
    let toast = Toast::good(visit.t("users.sessions_ended", &[("name", &user.name)]));
    Ok(visit.go_with(&format!("/admin/users/{id}"), &toast))
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn devices_are_named_by_what_they_are_not_by_what_they_claim() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge · Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; V2352A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.60",
                "WeChat · Android",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
            ("curl/8.14.1", "curl/8.14.1"),
        ];
        for (said, wanted) in cases {
            assert_eq!(device(said), wanted);
        }
    }
}

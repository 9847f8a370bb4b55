//! Words for what happened to a record by itself: clocks, freezes, messages, failures. One place knows all kinds of entries,
//! so that none is shown as an unexplained change.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::{Text, locale};
use mortise_engine::TimelineEntry;
use serde_json::Value as Json;

use super::course::{length, origin, person_name};
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// How an entry is drawn: icon, words, and more about it.
pub(super) struct Told {
    pub(super) icon: &'static str,
    pub(super) what: String,
    pub(super) more: Option<String>,
}

/// Tells an entry of something that happened by itself; none for other entries.
pub(super) fn tell(visit: &Visit, show: &Show, entry: &TimelineEntry) -> Option<Told> {
    let (kind, name) = entry.action.split_once('.')?;
    match kind {
        "clock" => Some(clock(visit, show, name, &entry.details)),
        "rights" => Some(rights(visit, show, name, &entry.details)),
        "automation" => Some(automation(visit, show, name, &entry.details)),
        "notification" => Some(notification(visit, show, &entry.details)),
        "delivery" => Some(delivery(visit, show, &entry.details)),
        "plugin" => Some(plugin(visit, name, &entry.details)),
        _ => None,
    }
}

fn text<'a>(details: &'a Json, name: &str) -> &'a str {
    details[name].as_str().unwrap_or_default()
}

fn moment(visit: &Visit, details: &Json, name: &str) -> Option<String> {
    let at: DateTime<Utc> = details[name].as_str()?.parse().ok()?;
    Some(at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string())
}

fn clock(visit: &Visit, show: &Show, name: &str, details: &Json) -> Told {
    let sla = origin(show, text(details, "sla"));
    let icon = match name {
        "met" => "circle-check",
        "late" | "breached" => "alert-triangle",
        "paused" => "player-pause",
        "resumed" => "player-play",
        "cancelled" => "clock-off",
        "step" | "step_passed_over" => "bell",
        _ => "clock",
    };
    let step = match name.starts_with("step") {
        true => origin(show, &format!("{}.{}", text(details, "sla"), text(details, "step"))),
        false => String::new(),
    };
    let limit = TimeDelta::microseconds(details["limit"].as_i64().unwrap_or(0));
    let args = [("clock", sla.as_str()), ("step", step.as_str()), ("limit", &length(visit, limit))];
    let key = format!("timeline.clock.{name}");
    let due =
        moment(visit, details, "due").filter(|_| matches!(name, "started" | "resumed" | "limit_changed"));
    Told {
        icon,
        what: visit.t(&key, &args),
        more: due.map(|due| visit.t("timeline.clock_due", &[("due", &due)])),
    }
}

fn rights(visit: &Visit, show: &Show, name: &str, details: &Json) -> Told {
    let person = |id: &Json| {
        let id = id.as_str()?.parse().ok()?;
        Some(person_name(show, id))
    };
    if name == "restored" {
        let people: Vec<String> =
            details["people"].as_array().into_iter().flatten().filter_map(person).collect();
        let people = people.join(&visit.t("value.list_separator", &[]));
        return Told {
            icon: "lock-open",
            what: visit.t("timeline.unfrozen", &[("people", &people)]),
            more: None,
        };
    }
    let who = person(&details["person"]).unwrap_or_default();
    let what = match moment(visit, details, "until") {
        Some(until) => visit.t("timeline.frozen_until", &[("person", &who), ("until", &until)]),
        None => visit.t("timeline.frozen", &[("person", &who)]),
    };
    let reason: Option<Text> = serde_json::from_value(details["reason"].clone()).ok();
    Told { icon: "lock", what, more: reason.map(|reason| reason.get(visit.language).to_owned()) }
}

fn automation(visit: &Visit, show: &Show, name: &str, details: &Json) -> Told {
    let handler = text(details, "handler");
    let key = handler.split_once(':').map_or(handler, |(_, key)| key);
    let args = [("rule", &*origin(show, key))];
    match name {
        "retried" => Told { icon: "refresh", what: visit.t("timeline.retried", &args), more: None },
        "passed_over" => Told {
            icon: "circle-x",
            what: visit.t("timeline.passed_over", &args),
            more: Some(reason(visit, &details["error"])).filter(|reason| !reason.is_empty()),
        },
        "dismissed" => Told { icon: "circle-x", what: visit.t("timeline.dismissed", &args), more: None },
        _ => Told {
            icon: "alert-triangle",
            what: match text(details, "state") {
                "waiting" => visit.t("timeline.failed_waiting", &args),
                _ => visit.t("timeline.failed", &args),
            },
            more: Some(reason(visit, &details["error"])).filter(|reason| !reason.is_empty()),
        },
    }
}

/// Why something failed, as it was written down.
fn reason(visit: &Visit, error: &Json) -> String {
    let code = text(error, "code");
    let args: Vec<(&str, &str)> = error["args"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
        .collect();
    locale::find(visit.language, &format!("error.{code}"), &args).unwrap_or_else(|| code.to_owned())
}

fn notification(visit: &Visit, show: &Show, details: &Json) -> Told {
    let key = text(details, "notification");
    let name = show.model.automation.notifications.get(key);
    let name = name.map_or(key, |notification| notification.label.get(visit.language));
    let names = |list: &Json| -> Vec<String> {
        let ids = list.as_array().into_iter().flatten().filter_map(Json::as_str);
        ids.filter_map(|id| Some(person_name(show, id.parse().ok()?))).collect()
    };
    let people = names(&details["people"]);
    let told = visit.t("timeline.told", &[("notification", name)]);
    let to = people.join(&visit.t("value.list_separator", &[]));
    Told {
        icon: "bell",
        what: told,
        more: (!people.is_empty()).then(|| visit.t("timeline.told_to", &[("people", &to)])),
    }
}

fn plugin(visit: &Visit, name: &str, details: &Json) -> Told {
    let title: Option<Text> = serde_json::from_value(details["title"].clone()).ok();
    let title = title.as_ref().map_or(text(details, "plugin"), |title| title.get(visit.language));
    let icon = match name {
        "done" => "circle-check",
        "waits" => "clock",
        "dead" => "alert-triangle",
        _ => "circle-x",
    };
    let args = [("plugin", title), ("export", text(details, "export"))];
    Told {
        icon,
        what: visit.t(&format!("timeline.plugin_{name}"), &args),
        more: Some(reason(visit, &details["error"])).filter(|reason| !reason.is_empty()),
    }
}

fn delivery(visit: &Visit, show: &Show, details: &Json) -> Told {
    let channel = text(details, "channel");
    let name = show.model.automation.connectors.get(channel);
    let name = name.map_or_else(
        || visit.t("connectors.email", &[]),
        |connector| connector.label.get(visit.language).to_owned(),
    );
    Told {
        icon: "send-off",
        what: visit.t("timeline.undelivered", &[("channel", &name)]),
        more: Some(reason(visit, &details["error"])).filter(|reason| !reason.is_empty()),
    }
}

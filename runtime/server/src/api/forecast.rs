//! What came of a simulation, in words: the same document for the API, the command line and the page. It adds labels to keys
//! and names to people and records, and puts what happened most often first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use mortise_definition::Text;
use mortise_definition::model::Model;
use mortise_engine::EMAIL;
use mortise_engine::scenario::sandbox::{Day, Forecast, Message, Recipient, RecordKey, Sent, Stop, Tally};
use serde_json::{Value, json};
use uuid::Uuid;

use super::automation::failure_text;

/// What came of a simulation, as the API tells it.
pub fn forecast_json(forecast: &Forecast, language: &str) -> Value {
    let words = Words { forecast, model: &forecast.model, language };
    json!({
        "from": words.moment(forecast.from),
        "until": words.moment(forecast.until),
        "complete": forecast.stopped.is_none(),
        "stopped": forecast.stopped.map(|stop| match stop {
            Stop::Time => "time",
            Stop::Endless => "endless",
        }),
        "records": forecast.records,
        "moments": forecast.moments,
        "took_ms": forecast.took_ms,
        "totals": totals(forecast),
        "by_day": forecast.days.iter().map(day).collect::<Vec<_>>(),
        "people": words.people(),
        "assignments": words.assignments(),
        "clocks": words.clocks(),
        "transitions": words.transitions(),
        "notifications": words.notifications(),
        "messages": forecast.messages.iter().map(|message| words.message(message)).collect::<Vec<_>>(),
        "plugins": words.plugins(),
        "parked": words.parked(),
    })
}

fn counts(day: &Day) -> Value {
    json!({
        "assigned": day.assigned, "nobody": day.nobody, "breached": day.breached, "steps": day.steps,
        "transitions": day.transitions, "messages": day.messages, "deliveries": day.deliveries,
        "calls": day.calls, "parked": day.parked,
    })
}

fn day(day: &Day) -> Value {
    let mut told = counts(day);
    told["day"] = day.date.to_string().into();
    told["weekday"] = day.date.weekday().number_from_monday().into();
    told
}

fn totals(forecast: &Forecast) -> Value {
    let mut sum = Day::default();
    for day in &forecast.days {
        sum.assigned += day.assigned;
        sum.nobody += day.nobody;
        sum.breached += day.breached;
        sum.steps += day.steps;
        sum.transitions += day.transitions;
        sum.messages += day.messages;
        sum.deliveries += day.deliveries;
        sum.calls += day.calls;
        sum.parked += day.parked;
    }
    counts(&sum)
}

/// Puts words to keys.
struct Words<'a> {
    forecast: &'a Forecast,
    model: &'a Model,
    language: &'a str,
}

impl Words<'_> {
    /// A moment in the tenant's zone.
    fn moment(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.forecast.directory.tz).to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// A label; the key of what is gone.
    fn label(&self, label: Option<&Text>, key: &str) -> String {
        label.map_or(key, |label| label.get(self.language)).to_owned()
    }

    fn person(&self, id: Uuid) -> String {
        self.forecast.directory.user(id).map_or_else(|| id.to_string(), |user| user.name.clone())
    }

    fn policy(&self, key: &str) -> String {
        self.label(self.model.automation.assignments.get(key).map(|policy| &policy.label), key)
    }

    fn sla(&self, key: &str) -> String {
        self.label(self.model.automation.slas.get(key).map(|sla| &sla.label), key)
    }

    fn step(&self, sla: &str, step: &str) -> String {
        let found = self.model.automation.slas.get(sla);
        let found = found.and_then(|sla| sla.ladder.iter().find(|known| known.id == step));
        self.label(found.map(|step| &step.label), step)
    }

    fn notification(&self, key: &str) -> String {
        self.label(self.model.automation.notifications.get(key).map(|known| &known.label), key)
    }

    fn connector(&self, key: &str) -> String {
        self.label(self.model.automation.connectors.get(key).map(|known| &known.label), key)
    }

    fn entity(&self, key: &str) -> String {
        self.label(self.model.entity(key).map(|entity| &entity.label), key)
    }

    fn transition(&self, entity: &str, id: &str) -> String {
        let index = self.model.entity(entity).map(|entity| entity.index);
        let mut lifecycles = self.model.automation.lifecycles.values();
        let found = lifecycles.find(|lifecycle| Some(lifecycle.entity) == index);
        self.label(found.and_then(|lifecycle| lifecycle.transition(id)).map(|known| &known.label), id)
    }

    /// Who does something: a rule, a clock, a step of one, or a connector.
    fn origin(&self, key: &str) -> String {
        let automation = &self.model.automation;
        if let Some(rule) = automation.rules.get(key) {
            return rule.label.get(self.language).to_owned();
        }
        match key.rsplit_once('.') {
            Some((sla, step)) if automation.slas.contains_key(sla) => {
                format!("{} · {}", self.sla(sla), self.step(sla, step))
            }
            _ if automation.slas.contains_key(key) => self.sla(key),
            _ => self.connector(key),
        }
    }

    /// A record with its name; without an address when it is there in the simulation only.
    fn record(&self, record: &RecordKey) -> Value {
        let (key, id) = record;
        let named = self.forecast.names.get(record);
        let entity = self.model.entity(key);
        let path = entity.filter(|_| named.is_some_and(|named| named.real));
        let path = path.map(|entity| format!("/a/{}/{}/{id}", self.model.apps[entity.app].id, entity.id));
        json!({
            "entity": key, "id": id, "path": path,
            "title": named.map_or_else(|| self.entity(key), |named| named.title.clone()),
            "new": named.is_some_and(|named| !named.real),
        })
    }

    fn records(&self, tally: &Tally) -> Vec<Value> {
        tally.records.iter().map(|record| self.record(record)).collect()
    }

    fn people(&self) -> Vec<Value> {
        let mut people: BTreeMap<Uuid, (usize, usize)> = BTreeMap::new();
        for ((_, person), tally) in &self.forecast.assignments {
            if let Some(person) = person {
                people.entry(*person).or_default().0 += tally.count;
            }
        }
        for (route, sent) in &self.forecast.told {
            if let (Some(person), None) = (route.person, &route.channel) {
                people.entry(person).or_default().1 += sent.count;
            }
        }
        let mut people: Vec<_> = people.into_iter().collect();
        people.sort_by_key(|(_, counts)| Reverse(*counts));
        let told = |(person, (assigned, messages)): (Uuid, (usize, usize))| {
            json!({
                "person": person, "name": self.person(person), "assigned": assigned, "messages": messages,
            })
        };
        people.into_iter().map(told).collect()
    }

    fn assignments(&self) -> Vec<Value> {
        let told = self.forecast.assignments.iter().map(|((policy, person), tally)| {
            json!({
                "policy": policy, "label": self.policy(policy),
                "person": person, "name": person.map(|person| self.person(person)),
                "count": tally.count, "records": self.records(tally),
            })
        });
        often(told)
    }

    /// Clocks in the order of their ladders: the limit, then the steps.
    fn clocks(&self) -> Vec<Value> {
        let place = |sla: &str, step: Option<&str>| {
            let ladder = self.model.automation.slas.get(sla).map(|sla| &sla.ladder);
            ladder.zip(step).and_then(|(ladder, step)| ladder.iter().position(|known| known.id == step))
        };
        let mut clocks: Vec<_> = self.forecast.clocks.iter().collect();
        clocks.sort_by_key(|((sla, step), _)| (sla, place(sla, step.as_deref())));
        let told = clocks.into_iter().map(|((sla, step), tally)| {
            json!({
                "sla": sla, "label": self.sla(sla),
                "step": step, "step_label": step.as_ref().map(|step| self.step(sla, step)),
                "count": tally.count, "records": self.records(tally),
            })
        });
        told.collect()
    }

    fn transitions(&self) -> Vec<Value> {
        let told = self.forecast.transitions.iter().map(|((entity, transition, by), tally)| {
            json!({
                "entity": entity, "entity_label": self.entity(entity),
                "transition": transition, "label": self.transition(entity, transition),
                "by": by, "by_label": by.as_ref().map(|by| self.origin(by)),
                "count": tally.count, "records": self.records(tally),
            })
        });
        often(told)
    }

    /// What is told by which way, with whom it is told.
    fn notifications(&self) -> Vec<Value> {
        let mut ways: BTreeMap<_, Vec<(Option<Uuid>, Sent)>> = BTreeMap::new();
        for (route, sent) in &self.forecast.told {
            let way = (route.notification.as_deref(), route.channel.as_deref());
            ways.entry(way).or_default().push((route.person, *sent));
        }
        let told = ways.into_iter().map(|((notification, channel), sent)| {
            let connector = channel.filter(|channel| *channel != EMAIL);
            let people = sent.iter().filter_map(|(person, sent)| {
                let name = self.person((*person)?);
                Some(json!({"person": person, "name": name, "count": sent.count}))
            });
            json!({
                "notification": notification, "label": notification.map(|key| self.notification(key)),
                "channel": channel.unwrap_or("inbox"),
                "channel_label": connector.map(|key| self.connector(key)),
                "count": sent.iter().map(|(_, sent)| sent.count).sum::<usize>(),
                "hopeless": sent.iter().map(|(_, sent)| sent.hopeless).sum::<usize>(),
                "people": often(people),
            })
        });
        often(told)
    }

    fn message(&self, message: &Message) -> Value {
        let (person, connector) = match &message.to {
            Recipient::Person(id) => (Some(*id), None),
            Recipient::Connector(key) => (None, Some(key)),
        };
        let to = connector
            .map_or_else(|| person.map(|id| self.person(id)).unwrap_or_default(), |key| self.connector(key));
        let notification = message.notification.as_deref();
        json!({
            "at": self.moment(message.at), "to": to, "person": person, "connector": connector,
            "notification": notification, "label": notification.map(|key| self.notification(key)),
            "title": message.title, "body": message.body,
            "record": message.record.as_ref().map(|record| self.record(record)),
        })
    }

    /// Plugins that would be called; the forecast knows them by their ids.
    fn plugins(&self) -> Vec<Value> {
        let told = self.forecast.plugins.iter().map(|((plugin, point, export), tally)| {
            json!({
                "plugin": plugin, "point": point, "export": export,
                "count": tally.count, "records": self.records(tally),
            })
        });
        often(told)
    }

    fn parked(&self) -> Vec<Value> {
        let told = self.forecast.parked.iter().map(|((handler, code), parked)| {
            let (kind, key) = handler.split_once(':').unwrap_or(("rule", handler));
            json!({
                "handler": handler, "kind": kind, "label": self.origin(key), "code": code,
                "message": failure_text(&parked.failure, None, self.language), "place": parked.failure.place,
                "count": parked.tally.count, "records": self.records(&parked.tally),
            })
        });
        often(told)
    }
}

/// What happened most often first.
fn often(rows: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut rows: Vec<Value> = rows.collect();
    rows.sort_by_key(|row| Reverse(row["count"].as_u64()));
    rows
}

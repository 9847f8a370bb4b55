//! Telling people: inboxes, e-mail, robots, calls of other systems, reports and comments. Everything is written in the
//! transaction of what caused it; what leaves the house is sent afterwards, by the post.

mod delivery;
mod endpoint;
mod inbox;
mod post;
mod recipients;
mod report;
mod template;
mod webhook;
mod words;

use mortise_definition::model::{EntityModel, NotificationModel, RecipientModel};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{AuditEntry, Session};
use serde_json::json;
use uuid::Uuid;

pub use delivery::{Delivery, DeliveryState, EMAIL};
pub(crate) use endpoint::unknown as unknown_connector;
pub use endpoint::{Endpoint, EndpointInput, EndpointView, MailOptions, MailSecurity};
pub use inbox::Message;
pub(crate) use inbox::put as put_message;
pub use post::{Courier, Door, Parcel, Refusal};
pub(crate) use post::{Post, carry};
pub(crate) use recipients::person as recipient;
pub(crate) use report::{comment, report};
pub(crate) use webhook::call;

use crate::automation::Subject;
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::metrics;
use crate::people::{Actor, Person};
use crate::timeline::Titles;
use crate::values::Issue;
use delivery::Delivery as Row;
use template::Form;
use words::Reader;

/// Longest title in characters: a line on a phone, with room to spare.
const TITLE_CHARS_MAX: usize = 300;

/// Tells people about a record: those of `to`, or of the notification itself.
pub(crate) fn tell(
    work: &Work,
    session: &mut Session<'_>,
    notification: &NotificationModel,
    to: &[RecipientModel],
    subject: &Subject,
) -> Result<(), Error> {
    let to = if to.is_empty() { &notification.to } else { to };
    tell_all(work, session, notification, &recipients::find(work, subject, to)?, subject)
}

/// Tells these people, whoever the notification itself means.
pub(crate) fn tell_these(
    work: &Work,
    session: &mut Session<'_>,
    notification: &NotificationModel,
    people: Vec<Uuid>,
    subject: &Subject,
) -> Result<(), Error> {
    let told = recipients::Told { people, missing: Vec::new() };
    tell_all(work, session, notification, &told, subject)
}

fn tell_all(
    work: &Work,
    session: &mut Session<'_>,
    notification: &NotificationModel,
    told: &recipients::Told,
    subject: &Subject,
) -> Result<(), Error> {
    let directory = work.directory.clone();
    let templates: Vec<&str> = notification.title.all().chain(notification.body.all()).collect();
    let records = [&*subject.record, &*subject.previous];
    let pointed = words::pointed(work, session, &subject.entity, &records, &templates)?;
    let measures = metrics::figures(work, session, notification.app, &notification.measures, subject)?;
    let told_words = Told { work, notification, subject, pointed, measures };
    for person in told.people.iter().filter_map(|id| directory.user(*id)) {
        told_words.person(session, person)?;
    }
    if !notification.channels.is_empty() {
        let titles = told_words.pointed.titles(work, session)?;
        let words = told_words.words(work, &titles, None, true)?;
        for channel in &notification.channels {
            let row = delivery::new(work, channel, "", words.channel_payload(notification, subject));
            delivery::put(session, &about(row, Some(notification), subject))?;
        }
    }
    note(work, session, notification, told, subject);
    session.wake_lane();
    Ok(())
}

/// The notification of a key.
pub(crate) fn find(work: &Work, key: &str) -> Result<std::sync::Arc<NotificationModel>, Error> {
    let found = work.model().automation.notifications.get(key).cloned();
    let missing = || Error::BadRequest(Issue::new("automation.no_notification").with("notification", key));
    found.ok_or_else(missing)
}

/// Says on the record's timeline who was told what.
fn note(
    work: &Work,
    session: &mut Session<'_>,
    notification: &NotificationModel,
    told: &recipients::Told,
    subject: &Subject,
) {
    let mut details = json!({
        "notification": notification.key, "people": told.people, "channels": notification.channels,
    });
    if !told.missing.is_empty() {
        details["missing"] = json!(told.missing);
    }
    session.audit(AuditEntry {
        entity: Some(subject.entity.key.clone()),
        record: Some(subject.id),
        ..audit_entry(work, "notification.told", details.to_string())
    });
}

/// A delivery about a record.
fn about(row: Row, notification: Option<&NotificationModel>, subject: &Subject) -> Row {
    Row {
        notification: notification.map(|notification| notification.key.clone()),
        entity: Some(subject.entity.key.clone()),
        record: Some(subject.id),
        ..row
    }
}

/// What is told.
struct Told<'a> {
    work: &'a Work,
    notification: &'a NotificationModel,
    subject: &'a Subject,
    /// Records whose titles may come up.
    pointed: words::Pointed,
    /// Figures of the notification, in its order.
    measures: Vec<Value>,
}

/// What somebody reads.
struct Words {
    title: String,
    body: String,
    /// Address of the record; none for who may not see it.
    link: Option<String>,
    language: String,
}

impl Told<'_> {
    /// Tells a person, in their language and with their eyes.
    fn person(&self, session: &mut Session<'_>, person: &Person) -> Result<(), Error> {
        let Some(user) = self.work.directory.context(person.id) else { return Ok(()) };
        let actor = Actor { user, origin: self.work.actor.origin.clone() };
        let reader = Work { access: self.work.published.access(&actor.user), actor, ..self.work.clone() };
        let subject = self.subject;
        let sees = reader.reaches_in(session, &subject.entity, Operation::Read, &subject.record, None)?;
        let titles = self.pointed.titles(&reader, session)?;
        let words = self.words(&reader, &titles, Some(person), sees && !subject.deleted)?;
        let message = Message {
            id: self.work.env.id(),
            at: self.work.now,
            notification: self.notification.key.clone(),
            title: words.title.clone(),
            body: words.body.clone(),
            entity: Some(subject.entity.key.clone()),
            record: words.link.is_some().then_some(subject.id),
            read_at: None,
        };
        inbox::put(session, person.id, &message)?;
        match self.notification.email {
            true => self.email(session, person, &words),
            false => Ok(()),
        }
    }

    fn email(&self, session: &mut Session<'_>, person: &Person, words: &Words) -> Result<(), Error> {
        let address = person.email.as_deref().unwrap_or_default();
        let payload = json!({
            "name": person.name, "subject": words.title, "text": words.body, "link": words.link,
            "language": words.language,
        });
        let row =
            about(delivery::new(self.work, EMAIL, address, payload), Some(self.notification), self.subject);
        if !address.is_empty() {
            return delivery::put(session, &row);
        }
        let row = row.hopeless(&Issue::new("delivery.no_address").with("name", &person.name));
        delivery::put(session, &row)?;
        delivery::tell_dead(self.work, session, &row);
        Ok(())
    }

    /// The words for a reader. Who may not see the record learns what it is called, as far as their roles show that at
    /// all, and no more.
    fn words(
        &self,
        reader: &Work,
        titles: &Titles,
        person: Option<&Person>,
        sees: bool,
    ) -> Result<Words, Error> {
        let (notification, subject) = (self.notification, self.subject);
        let language = &reader.actor.user.language;
        let eyes = Reader::new(reader, notification.app, subject, titles);
        let link = sees.then(|| link(reader, &subject.entity, subject.id));
        if !sees && !eyes.may_name() {
            let title = notification.label.get(language).to_owned();
            return Ok(Words { title, body: String::new(), link, language: language.clone() });
        }
        let mut values = eyes.words();
        values.insert("link".to_owned(), link.as_deref().unwrap_or_default().into());
        values.insert("person".to_owned(), words::person(&reader.directory, person));
        values.insert("measures".to_owned(), eyes.figures(&notification.measures, &self.measures));
        let values = values.into();
        let render = |text: &mortise_definition::Text| {
            template::render(Form::Words, language, text.get(language), &values)
        };
        let title = one_line(&render(&notification.title)?);
        let body = if sees { render(&notification.body)?.trim().to_owned() } else { String::new() };
        Ok(Words { title, body, link, language: language.clone() })
    }
}

impl Words {
    /// What a robot or another system is told.
    fn channel_payload(&self, notification: &NotificationModel, subject: &Subject) -> serde_json::Value {
        json!({
            "title": self.title, "body": self.body, "link": self.link,
            "notification": notification.key, "entity": subject.entity.key, "record": subject.id,
        })
    }
}

/// Address of a record's page; absolute where the operator has said at which address people find this server.
fn link(work: &Work, entity: &EntityModel, record: Uuid) -> String {
    let app = &work.model().apps[entity.app].id;
    format!("{}/a/{app}/{}/{record}", work.directory.address, entity.id)
}

/// A title is one line, and not too long.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

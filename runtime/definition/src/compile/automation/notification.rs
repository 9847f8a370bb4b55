//! Compiles notifications: words, people, channels.

use std::sync::Arc;

use super::template::NOTIFICATION;
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::expressions::Site;
use crate::compile::place::Place;
use crate::model::{NotificationModel, RecipientModel};
use crate::source::{ConnectorKind, Notification, Recipient};

/// Most recipients of one notification; a role is one of them, however many people have it.
const RECIPIENTS_MAX: usize = 50;

/// Connectors that carry words to people.
const CHANNELS: [ConnectorKind; 4] =
    [ConnectorKind::Dingtalk, ConnectorKind::Wecom, ConnectorKind::Feishu, ConnectorKind::Webhook];

impl Build<'_> {
    pub(super) fn notifications(&mut self) -> Keyed<NotificationModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for notification in &package.notifications {
                let place = Place::new(package, Kind::Notification, &notification.id);
                if let Some(model) = self.notification(app, notification, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn notification(
        &mut self,
        app: usize,
        notification: &Notification,
        place: &Place,
    ) -> Option<NotificationModel> {
        let entity = self.entity(app, &notification.entity, &place.key("entity"))?;
        let site = Site { entity, app };
        let area = self.rule_area(entity, app);
        let figures = self.figures(&area, &notification.measures, &place.key("measures"));
        let names = NOTIFICATION.with_measures(&figures.shape);
        self.template(site, &notification.title, &names, &place.key("title"));
        self.template(site, &notification.body, &names, &place.key("body"));
        let at = place.key("channels");
        let mut channels: Vec<String> = Vec::with_capacity(notification.channels.len());
        for (index, name) in notification.channels.iter().enumerate() {
            let place = at.index(index);
            let Some(key) = self.connector_of(app, name, &CHANNELS, &place) else { continue };
            if channels.contains(&key) {
                self.problems.push(place.error("automation.twice").arg("name", name));
            }
            channels.push(key);
        }
        Some(NotificationModel {
            key: self.key(app, &notification.id),
            app,
            entity,
            label: notification.label.clone(),
            measures: figures.uses,
            title: notification.title.clone(),
            body: notification.body.clone(),
            to: self.recipients(entity, app, &notification.to, &place.key("to")),
            email: notification.email,
            channels,
        })
    }

    /// The key of a connector, which has to be of one of these kinds.
    pub(super) fn connector_of(
        &mut self,
        app: usize,
        name: &str,
        kinds: &[ConnectorKind],
        place: &Place,
    ) -> Option<String> {
        let (owner, id) = self.artifact(Kind::Connector, app, name, place)?;
        let connector = self.compiler.packages[owner].connectors.iter().find(|one| one.id == id)?;
        if !kinds.contains(&connector.kind) {
            self.problems.push(place.error("connector.kind").arg("name", name));
            return None;
        }
        Some(self.key(owner, id))
    }

    /// People who are told about a record of `entity`.
    pub(super) fn recipients(
        &mut self,
        entity: usize,
        app: usize,
        to: &[Recipient],
        place: &Place,
    ) -> Vec<RecipientModel> {
        self.at_most(to.len(), RECIPIENTS_MAX, place);
        let to = to.iter().enumerate();
        to.filter_map(|(index, one)| self.recipient(entity, app, one, &place.index(index))).collect()
    }

    /// Somebody by what they are to a record of `entity`.
    pub(super) fn recipient(
        &mut self,
        entity: usize,
        app: usize,
        recipient: &Recipient,
        place: &Place,
    ) -> Option<RecipientModel> {
        Some(match recipient {
            Recipient::Owner => RecipientModel::Owner,
            Recipient::PreviousOwner => RecipientModel::PreviousOwner,
            Recipient::Creator => RecipientModel::Creator,
            Recipient::Supervisor => RecipientModel::Supervisor,
            Recipient::PreviousSupervisor => RecipientModel::PreviousSupervisor,
            Recipient::Role { role } => {
                RecipientModel::Role(self.artifact_key(Kind::Role, app, role, &place.key("role"))?)
            }
            Recipient::Field { field } => {
                RecipientModel::Field(self.person_field(entity, field, &place.key("field"))?)
            }
            Recipient::SupervisorOf { supervisor_of } => {
                let place = place.key("supervisor_of");
                RecipientModel::SupervisorOf(self.person_field(entity, supervisor_of, &place)?)
            }
        })
    }

    /// A field of type user.
    pub(super) fn person_field(
        &mut self,
        entity: usize,
        name: &str,
        place: &Place,
    ) -> Option<crate::model::Slot> {
        let slot = self.field(entity, name, place)?;
        if !self.is_person(entity, slot) {
            if self.draft(entity).fields[slot].ty.is_some() {
                self.problems.push(place.error("automation.not_person").arg("name", name));
            }
            return None;
        }
        Some(slot)
    }
}

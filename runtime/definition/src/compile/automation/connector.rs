//! Compiles connectors: doors that go out need nothing more; of a call that comes in, every value finds its field.

use std::sync::Arc;

use super::values::Target;
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{AttachModel, ConnectorModel, ReceiveModel, Slot};
use crate::source::{Attach, Connector, ConnectorKind, Mapping, Places, Receive};

/// What a call says beside its JSON.
const CIRCUMSTANCES: [&str; 4] = ["@ip", "@user_agent", "@received_at", "@device"];
/// Most places at which one value is looked for.
const PLACES_MAX: usize = 10;
/// Longest JSON pointer into a call.
const POINTER_CHARS_MAX: usize = 500;

impl Build<'_> {
    pub(super) fn connectors(&mut self) -> Keyed<ConnectorModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for connector in &package.connectors {
                let place = Place::new(package, Kind::Connector, &connector.id);
                if let Some(model) = self.connector(app, connector, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn connector(&mut self, app: usize, connector: &Connector, place: &Place) -> Option<ConnectorModel> {
        let inbound = connector.kind == ConnectorKind::Inbound;
        let at = place.key("receive");
        let receive = match &connector.receive {
            Some(receive) if inbound => Some(self.receive(app, receive, &at)?),
            Some(_) => {
                self.problems.push(at.error("connector.receive_unused"));
                None
            }
            None if inbound => {
                self.problems.push(place.error("connector.no_receive"));
                None
            }
            None => None,
        };
        Some(ConnectorModel {
            key: self.key(app, &connector.id),
            id: connector.id.clone(),
            app,
            label: connector.label.clone(),
            kind: connector.kind,
            receive,
        })
    }

    fn receive(&mut self, app: usize, receive: &Receive, place: &Place) -> Option<ReceiveModel> {
        let entity = self.entity(app, &receive.entity, &place.key("entity"))?;
        let map = self.mappings(entity, &receive.map, &place.key("map"));
        let given = |slot: Slot, _: &str| map.iter().any(|(other, _)| *other == slot);
        self.check_complete(entity, given, &place.key("map"));
        if let Some(key) = &receive.key {
            self.check_pointer(key, &place.key("key"));
        }
        let attach = match &receive.attach {
            Some(attach) => Some(self.attach(app, entity, attach, &map, &place.key("attach"))?),
            None => None,
        };
        Some(ReceiveModel { entity, map, key: receive.key.clone(), attach })
    }

    fn attach(
        &mut self,
        app: usize,
        received: usize,
        attach: &Attach,
        mapped: &[(Slot, Mapping)],
        place: &Place,
    ) -> Option<AttachModel> {
        let at = place.key("match");
        if attach.by.is_empty() {
            self.problems.push(at.error("connector.no_match"));
        }
        let mut by = Vec::with_capacity(attach.by.len());
        for (index, name) in attach.by.iter().enumerate() {
            let place = at.index(index);
            let Some(slot) = self.field(received, name, &place) else { continue };
            if !mapped.iter().any(|(other, _)| *other == slot) {
                self.problems.push(place.error("connector.match_unmapped").arg("name", name));
            }
            by.push(slot);
        }
        let condition = match &attach.condition {
            Some(source) => Some(self.filter(received, app, source, &place.key("where"))?),
            None => None,
        };
        let entity = self.entity(app, &attach.entity, &place.key("entity"))?;
        let via = self.pointing(entity, &attach.via, received, &place.key("via"))?;
        let map = self.mappings(entity, &attach.map, &place.key("map"));
        if map.iter().any(|(slot, _)| *slot == via) {
            self.problems.push(place.key("map").error("connector.via_mapped").arg("name", &attach.via));
        }
        let given = |slot: Slot, _: &str| slot == via || map.iter().any(|(other, _)| *other == slot);
        self.check_complete(entity, given, &place.key("map"));
        Some(AttachModel { by, condition, entity, via, map, always: attach.always })
    }

    fn mappings(&mut self, entity: usize, map: &[Mapping], place: &Place) -> Vec<(Slot, Mapping)> {
        let mut slots: Vec<(Slot, Mapping)> = Vec::with_capacity(map.len());
        if map.is_empty() {
            self.problems.push(place.error("connector.no_map"));
        }
        for (index, mapping) in map.iter().enumerate() {
            let place = place.index(index);
            let at = place.key("field");
            let Some(slot) = self.field(entity, &mapping.field, &at) else { continue };
            match &mapping.from {
                Some(Places::One(from)) => self.check_source(from, &place.key("from")),
                Some(Places::Several(all)) => {
                    let place = place.key("from");
                    self.at_most(all.len(), PLACES_MAX, &place);
                    all.iter().enumerate().for_each(|(at, from)| self.check_source(from, &place.index(at)));
                }
                None if mapping.default.is_none() => self.problems.push(place.error("connector.no_value")),
                None => {}
            }
            if !self.may_be_given(entity, slot, None, Target::New, &at) {
                continue;
            }
            if slots.iter().any(|(other, _)| *other == slot) {
                self.problems.push(at.error("automation.twice").arg("name", &mapping.field));
            }
            slots.push((slot, mapping.clone()));
        }
        slots
    }

    /// A circumstance of the call, or something within it.
    fn check_source(&mut self, from: &str, place: &Place) {
        if from.starts_with('@') && !CIRCUMSTANCES.contains(&from) {
            let problem = place.error("connector.circumstance").arg("name", from);
            let problem = problem.arg("known", CIRCUMSTANCES.join(", "));
            self.problems.push(problem.suggest(from, CIRCUMSTANCES));
        } else if !from.starts_with('@') {
            self.check_pointer(from, place);
        }
    }

    /// A JSON pointer (RFC 6901) to something within the call.
    fn check_pointer(&mut self, pointer: &str, place: &Place) {
        let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let fits = pointer.chars().count() <= POINTER_CHARS_MAX;
        if !pointer.starts_with('/') || !escapes || !fits {
            self.problems.push(place.error("connector.pointer").arg("value", pointer));
        }
    }
}

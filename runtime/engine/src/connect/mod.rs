//! Calls of other systems that come in: a signed call becomes a record, or belongs to one that is there. A call is taken
//! once however often it comes, and one that cannot be taken is kept, so that nothing is lost.

mod call;
mod existing;
mod received;
pub mod signature;

use std::sync::Arc;

use mortise_definition::model::{AttachModel, ConnectorModel, EntityModel, ReceiveModel};
use mortise_expr::Value;
use mortise_store::Session;
use serde_json::Value as Json;
use uuid::Uuid;

pub use call::{Call, Circumstances, SignedCall};
use received::Known;

use crate::automation;
use crate::commands::{Command, Outcome, Work, prepare_now};
use crate::error::Error;
use crate::notify::unknown_connector;
use crate::people::{Actor, Channel, Origin};
use crate::tenant::Tenant;
use crate::values::{self, Issue};

/// Tries of a call whose definitions change meanwhile.
const TRIES_MAX: u32 = 50;

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The record that the call is about: a new one, or the one that it belongs to.
    pub record: Uuid,
    /// Entity of that record.
    pub entity: String,
    /// The record that was made beside it.
    pub attached: Option<Uuid>,
    /// The record was there before.
    pub known: bool,
    /// The call has been taken before, and nothing was done.
    pub repeated: bool,
}

impl Tenant {
    /// Checks that a call comes from the other system, just now and unchanged; only what was checked is received.
    pub async fn check_call(&self, connector: &str, signed: &SignedCall<'_>) -> Result<Call, Error> {
        inbound(&self.model(), connector)?;
        let endpoint = self.endpoint(connector).await?;
        if endpoint.as_ref().is_some_and(|endpoint| endpoint.locked) {
            return Err(Error::Store(mortise_store::Error::Locked));
        }
        let key = endpoint.and_then(|endpoint| signature::key(endpoint.secret.as_deref()?));
        let key = key.ok_or_else(|| Error::Forbidden(Issue::new("connector.not_set_up")))?;
        // Others sign by the real time, whatever time it is in here.
        let real = self.env.real();
        signature::verify(&key, (signed.id, signed.timestamp, signed.signature), signed.body, real)
            .map_err(|code| Error::Forbidden(Issue::new(code)))?;
        // The parser gives up at 128 levels.
        let body = serde_json::from_slice(signed.body)
            .map_err(|error| Error::BadRequest(Issue::new("connector.not_json").with("reason", error)))?;
        let (id, at) = (Some(signed.id.to_owned()), Some(self.now()));
        let meta = Circumstances { id, at, ..signed.circumstances() };
        Ok(Call::new(connector, body, meta))
    }

    /// Takes a call. One that cannot be taken is kept as failed work for the administrator, and refused.
    pub async fn receive(&self, call: Call) -> Result<Received, Error> {
        let call = Arc::new(call);
        let mut tries = 0;
        loop {
            let work = call_work(&self.work(&Actor::system(self.directory().tz)), &call);
            let call = call.clone();
            let write = move |session: &mut Session<'_>| {
                if session.model != work.published.digest {
                    return Err(Error::ModelChanged);
                }
                match session.nested(|session| take(&work, session, &call)) {
                    Ok(received) => Ok(Ok(received)),
                    Err(error @ (Error::ModelChanged | Error::Store(_) | Error::NotFound(_))) => Err(error),
                    Err(error) => {
                        keep(&work, session, &call, &error)?;
                        Ok(Err(error))
                    }
                }
            };
            match self.store.write(write).await {
                Err(Error::ModelChanged) if tries < TRIES_MAX => tries += 1,
                result => return result?,
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

/// A call is something that the system does, from where the call came.
fn call_work(work: &Work, call: &Call) -> Work {
    let device = call.meta.user_agent.as_deref().map(Into::into);
    let origin = Origin { channel: Channel::Inbound, ip: call.meta.ip, device };
    Work { actor: Actor { origin, ..work.actor.clone() }, cause: None, ..work.clone() }
}

fn inbound<'a>(
    model: &'a mortise_definition::model::Model,
    connector: &str,
) -> Result<(&'a Arc<ConnectorModel>, &'a ReceiveModel), Error> {
    let found = model.automation.connectors.get(connector);
    found
        .and_then(|connector| Some((connector, connector.receive.as_ref()?)))
        .ok_or_else(|| unknown_connector(connector))
}

/// Takes a call inside a write.
fn take(work: &Work, session: &mut Session<'_>, call: &Call) -> Result<Received, Error> {
    let model = work.published.model.clone();
    let (connector, receive) = inbound(&model, &call.connector)?;
    let entity = &model.entities[receive.entity];
    let keys = call.keys(receive);
    match received::find(session, &connector.key, &keys)? {
        Known::Taken(record) => {
            Ok(Received { record, entity: entity.key.clone(), attached: None, known: true, repeated: true })
        }
        Known::Kept => Err(Error::BadRequest(Issue::new("connector.kept"))),
        Known::New => {
            let taken = make(work, session, connector.app, receive, call)?;
            received::put(session, &connector.key, &keys, work.now, Some(taken.record))?;
            Ok(taken)
        }
    }
}

/// Takes a call that was kept, after what stood in its way was put right.
pub(crate) fn take_kept(work: &Work, session: &mut Session<'_>, payload: &str) -> Result<(), Error> {
    let lost = |error| Error::BadRequest(Issue::new("connector.not_json").with("reason", error));
    let call: Call = serde_json::from_str(payload).map_err(lost)?;
    let work = call_work(work, &call);
    let model = work.published.model.clone();
    let (connector, receive) = inbound(&model, &call.connector)?;
    let taken = make(&work, session, connector.app, receive, &call)?;
    received::put(session, &connector.key, &call.keys(receive), work.now, Some(taken.record))
}

/// Makes what a call says: the record and what belongs to it.
fn make(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    receive: &ReceiveModel,
    call: &Call,
) -> Result<Received, Error> {
    let model = work.published.model.clone();
    let entity = &model.entities[receive.entity];
    let values = call.values(work, session, entity, &receive.map)?;
    let command = create(entity, values);
    let (step, settled) = crate::commands::prepare_new(work, &command)?;
    let found = match &receive.attach {
        Some(attach) => existing::find(work, session, app, entity, attach, &settled)?,
        None => None,
    };
    let mut received = Received {
        record: Uuid::nil(),
        entity: entity.key.clone(),
        attached: None,
        known: found.is_some(),
        repeated: false,
    };
    received.record = match found {
        Some(record) => record,
        None => written(step.apply(work, session)?)?,
    };
    if let Some(attach) = receive.attach.as_ref().filter(|attach| received.known || attach.always) {
        received.attached = Some(beside(work, session, attach, received.record, call)?);
    }
    Ok(received)
}

/// Makes the record beside one that is there.
fn beside(
    work: &Work,
    session: &mut Session<'_>,
    attach: &AttachModel,
    record: Uuid,
    call: &Call,
) -> Result<Uuid, Error> {
    let entity = work.published.model.entities[attach.entity].clone();
    let mut values = call.values(work, session, &entity, &attach.map)?;
    let via = entity.fields[attach.via].name.to_string();
    values.insert(via, values::to_json(&Value::Id(record)));
    written(prepare_now(work, &create(&entity, values))?.apply(work, session)?)
}

fn create(entity: &EntityModel, values: serde_json::Map<String, Json>) -> Command {
    // Whether it is about somebody known already was said by the connector.
    Command::Create { entity: entity.key.clone(), values, id: None, allow_duplicates: true }
}

fn written(outcome: Outcome) -> Result<Uuid, Error> {
    match outcome {
        Outcome::Record(written) => Ok(written.id),
        Outcome::Batch(_) | Outcome::Done => Err(Error::no_record()),
    }
}

/// Keeps a call that could not be taken, once however often it comes.
fn keep(work: &Work, session: &mut Session<'_>, call: &Call, error: &Error) -> Result<(), Error> {
    if error.code() == "connector.kept" {
        return Ok(());
    }
    let model = work.published.model.clone();
    let (connector, receive) = inbound(&model, &call.connector)?;
    let payload = serde_json::to_string(call).unwrap_or_default();
    automation::keep_call(work, session, &connector.key, payload, error)?;
    received::put(session, &connector.key, &call.keys(receive), work.now, None)
}

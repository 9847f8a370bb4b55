//! Taking a transition of a record's lifecycle: one press where nothing is asked, else a form of just those fields that
//! the transition requires. What stands in the way is told in the words of the app, and nothing typed is lost.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_engine::{Command, Error, TransitionOffer};
use uuid::Uuid;

use super::raw::Raw;
use super::read::Reading;
use super::{Editing, Layout, Pairs, Trouble, entity_for, issue_text};
use crate::Failure;
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;
use mortise_definition::source::Operation;

/// A record and the transition that is to be taken with it.
type Address = Path<(String, String, Uuid, String)>;

/// `GET /a/{app}/{entity}/{id}/transitions/{transition}`: asks for what the transition requires.
pub(in crate::pages) async fn show(visit: Visit, Path(address): Address) -> Result<Response, Failure> {
    match Editing::of_transition(&visit, &address).await? {
        Ok(editing) => {
            let record = editing.record.as_ref().ok_or_else(|| Failure::not_found("record.not_found"))?;
            let raw = editing.raw(record).await;
            editing.show(&raw, Trouble::default(), true).await
        }
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// `POST /a/{app}/{entity}/{id}/transitions/{transition}`.
pub(in crate::pages) async fn take(
    visit: Visit,
    Path(address): Address,
    Form(pairs): Pairs,
) -> Result<Response, Failure> {
    match Editing::of_transition(&visit, &address).await? {
        Ok(editing) => editing.save(Raw(pairs)).await,
        Err(elsewhere) => Ok(elsewhere),
    }
}

impl<'a> Editing<'a> {
    /// The form of a transition; the way back to the record when it is not offered any more.
    pub(super) async fn of_transition(
        visit: &'a Visit,
        (app, entity, id, transition): &(String, String, Uuid, String),
    ) -> Result<Result<Editing<'a>, Response>, Failure> {
        let entity = entity_for(visit, app, entity, Operation::Update)?;
        let engine = &visit.tenant.engine;
        let record = engine.read(visit.actor(), &entity.key, *id).await?;
        let offers = engine.transitions(visit.actor(), &entity.key, &record).await?;
        let Some(offer) = offers.into_iter().find(|offer| offer.id == *transition) else {
            let told = Toast::error(visit.t("transition.gone", &[]));
            return Ok(Err(visit.go_with(&format!("/a/{app}/{}/{id}", entity.id), &told)));
        };
        let layout = Layout::of_slots(&visit.by, &engine.model(), &entity, &record, &offer.requires);
        let ids: Vec<Uuid> = layout
            .items()
            .flat_map(|item| crate::pages::show::file_ids(&record.values[item.slot]).collect::<Vec<_>>())
            .collect();
        let files = engine.file_infos(visit.actor(), &ids).await?;
        Ok(Ok(Editing { visit, entity, layout, record: Some(record), files, transition: Some(offer) }))
    }

    /// The command that takes the transition with what was typed.
    pub(super) fn taking(&self, offer: &TransitionOffer, id: Uuid, raw: &Raw, reading: &Reading) -> Command {
        Command::Transition {
            entity: self.entity.key.clone(),
            id,
            version: raw.get("_version").and_then(|text| text.parse().ok()),
            transition: offer.id.clone(),
            values: reading.values.clone(),
        }
    }

    /// Where nothing is asked, a form would show nothing: what stands in the way is told on the record's page.
    pub(super) fn told_on_record(&self, error: &Error) -> Option<Response> {
        self.transition.as_ref()?;
        if !self.layout.sections.is_empty() {
            return None;
        }
        let failure = Failure::from(error.clone());
        if failure.status().is_server_error() {
            return None;
        }
        let language = self.visit.language;
        let told = failure.issues().first().map(|issue| match self.entity.field(&issue.field) {
            Some(field) => format!("{}: {}", field.label.get(language), issue_text(language, issue)),
            None => issue_text(language, issue),
        });
        let told = told.unwrap_or_else(|| failure.title(language));
        Some(self.visit.go_with(&format!("{}/{}", self.path(), self.id()?), &Toast::error(told)))
    }
}

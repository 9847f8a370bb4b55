//! What a handler knows about its request before it looks at the body: tenant, person, language, base path.
//! Made once by the layer; handlers take it as [`Ctx`] (anybody) or [`SignedIn`] (a person or a token, else 401 or sign-in page).

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mortise_definition::model::{EntityModel, Slot};
use mortise_definition::source::Operation;
use mortise_engine::{Actor, UserContext};
use uuid::Uuid;

use crate::{Failure, TenantHandle};

/// What every link starts with: empty, or `/t/slug` when the tenant is named by the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base(pub Arc<str>);

impl Base {
    /// The path as it has to be written into a page: `base.path("/a/crm/lead")`.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known about a request.
pub struct RequestContext {
    /// Start of every link.
    pub base: Base,
    /// The tenant.
    pub tenant: Arc<TenantHandle>,
    /// Who is signed in.
    pub person: Option<Person>,
    /// BCP 47 tag of the language to answer in.
    pub language: &'static str,
    /// Address of the person's device.
    pub ip: Option<IpAddr>,
    /// What the device says about itself (`User-Agent`), shortened.
    pub device: Option<Arc<str>>,
    /// The person came by https.
    pub secure: bool,
    /// The request was made by htmx and wants a fragment.
    pub htmx: bool,
}

/// Somebody who is signed in, and how.
pub struct Person {
    /// As the engine knows them.
    pub actor: Actor,
    /// How they proved who they are.
    pub via: Via,
}

/// How somebody proved who they are.
#[derive(Debug, Clone)]
pub enum Via {
    /// Session cookie; the hash names the session.
    Session {
        /// SHA-256 of the cookie.
        hash: [u8; 32],
    },
    /// API token; its scopes allow this request.
    Token {
        /// Id of the token.
        id: Uuid,
    },
    /// The operator's token out of the data folder.
    Operator,
}

impl RequestContext {
    /// Who acts, when somebody is signed in.
    pub fn actor(&self) -> Option<&Actor> {
        self.person.as_ref().map(|person| &person.actor)
    }
}

/// The context of a request, whether or not somebody is signed in.
#[derive(Clone)]
pub struct Ctx(pub Arc<RequestContext>);

impl Deref for Ctx {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let context = parts.extensions.get::<Arc<RequestContext>>();
        context.cloned().map(Ctx).ok_or_else(|| Failure::not_found("tenant.unknown").with("tenant", ""))
    }
}

/// The context of a request of somebody who is signed in.
#[derive(Clone)]
pub struct SignedIn(Arc<RequestContext>);

impl SignedIn {
    /// The context of somebody who is signed in; none for others.
    pub fn of(context: &Arc<RequestContext>) -> Option<SignedIn> {
        context.person.is_some().then(|| SignedIn(context.clone()))
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.person().actor
    }

    /// The person who acts.
    pub fn user(&self) -> &Arc<UserContext> {
        &self.actor().user
    }

    /// Who is signed in, and how.
    pub fn person(&self) -> &Person {
        self.0.person.as_ref().expect("a SignedIn is made from a context with a person only")
    }

    /// Whether the person sees a field, at least on some records.
    pub fn sees(&self, entity: &EntityModel, slot: Slot) -> bool {
        self.opens(entity, Operation::Read, slot)
    }

    /// Whether a field is open to an operation of the person, at least on some records.
    pub fn opens(&self, entity: &EntityModel, operation: Operation, slot: Slot) -> bool {
        self.tenant.engine.opens(self.actor(), &entity.key, operation, slot)
    }

    /// The context as shared value.
    pub fn context(&self) -> &Arc<RequestContext> {
        &self.0
    }

    /// Refuses everybody but administrators of the tenant.
    pub fn require_admin(&self) -> Result<(), Failure> {
        if self.user().admin { Ok(()) } else { Err(Failure::forbidden()) }
    }
}

impl Deref for SignedIn {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Ctx(context) = Ctx::from_request_parts(parts, state).await?;
        if context.person.is_some() { Ok(SignedIn(context)) } else { Err(Failure::sign_in_required()) }
    }
}

/// The context of a request of an administrator of the tenant.
#[derive(Clone)]
pub struct Administrator(pub SignedIn);

impl Deref for Administrator {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        signed_in.require_admin()?;
        Ok(Administrator(signed_in))
    }
}

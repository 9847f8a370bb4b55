//! The mortise binary: HTTP API, pages, sign-in and command line around one engine and one control plane.
//! Nothing here changes tenant data by itself: every change is a command given to the engine.
//!
//! A request passes, in this order: [`http::layer`] (which tenant, who, which language; renders failures at the end),
//! then a handler of [`api`] or [`pages`], which takes a [`context::SignedIn`] and returns `Result<_, Failure>`.

pub mod api;
pub mod auth;
pub mod cli;
pub mod config;
pub mod context;
pub mod courier;
pub mod failure;
pub mod http;
mod keys;
pub mod lanes;
pub mod language;
pub mod pages;
mod photo;
mod plugins;
pub mod state;

pub use config::Config;
pub use context::{Base, Ctx, RequestContext, SignedIn};
pub use failure::Failure;
pub use http::router;
pub use state::{AppState, TenantHandle};

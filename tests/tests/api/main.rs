//! The REST API from outside: tables of requests with their expected answers, on SQLite and on PostgreSQL, against the
//! real server in this process. Each table is a story: later requests see what earlier ones did.

mod admin;
mod administration;
mod apps;
mod bad_input;
mod clock;
mod course;
mod files;
mod guest;
mod hidden;
mod inbound;
mod interactions;
mod later;
mod messages;
mod openapi;
mod photos;
mod plugins;
mod records;
mod sandbox;
mod sign_in;
mod tenancy;
mod workshop;
mod world;

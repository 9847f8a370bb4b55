//! Apps whose automation is wrong in one way each: what a person is told, by kind of artifact.

mod assignments;
mod clocks;
mod connectors;
mod decisions;
mod figures;
mod lifecycles;
mod notifications;
mod rules;
mod scenarios;

//! Plugins against the host. Those that mean harm, each a real component written for it: every one ends with the failure
//! that the host declares, and neither the host nor a neighbour is worse off. And those of the museum, built once and
//! never again: they have to go on working. Modules that mean harm are text, so that nothing stands between what is
//! meant and what runs.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod fair;
mod files;
mod functions;
mod guests;
mod interpreters;
mod limits;
mod museum;
mod output;
mod rights;
mod sitting;
mod support;
mod warm;

//! Plugins that mean harm, each a real component written for it: every one ends with the failure that the host declares,
//! and neither the host nor a neighbour is worse off. The modules are text, so that nothing stands between what is meant
//! and what runs.

mod files;
mod functions;
mod guests;
mod limits;
mod output;
mod rights;
mod support;

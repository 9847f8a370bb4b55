//! The one write path: commands are authorised, checked and written with their audit and events in one transaction.

pub mod exchange;
pub mod values;

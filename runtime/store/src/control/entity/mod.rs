//! The tables of the control plane as sea-orm entities. Rows only; what may be done with them is in the modules beside.

pub mod department;
pub mod lane;
pub mod note;
pub mod session;
pub mod sign_in_failure;
pub mod tenant;
pub mod token;
pub mod user;
pub mod user_role;

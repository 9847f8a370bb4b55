//! Expressions as they leave the server: to where somebody fills in a form. What they hold of settings and of the person is
//! replaced by what it comes to, so that no more of it goes out than is needed.

use mortise_expr::{Expression, Portable};

use crate::commands::Work;
use crate::people::Actor;
use crate::tenant::Tenant;

/// Writes expressions down for a person.
pub struct Carrier(Work);

impl Tenant {
    /// Writes expressions down for this person.
    pub fn carrier(&self, actor: &Actor) -> Carrier {
        Carrier(self.work(actor))
    }
}

impl Carrier {
    /// An expression of an app as a tree; none where only the server can tell.
    pub fn carry(&self, app: usize, expression: &Expression) -> Option<Portable> {
        self.0.with_roots(app, &[], |cx| expression.portable(cx))
    }
}

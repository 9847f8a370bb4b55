//! Lanes of tenants: which node works off what happens by itself, and until when that is its own business.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lanes")]
pub struct Model {
    /// Tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Node that works it.
    pub holder: Option<Uuid>,
    /// Raised with every taking; what a holder with an earlier one writes is refused.
    pub epoch: i64,
    /// When the holder's right ends unless it is renewed.
    pub lease_until: Option<DateTimeUtc>,
    /// When there is something to do again, while nobody holds it.
    pub next_due: Option<DateTimeUtc>,
    /// The tenant is in use by some node, which has not closed it in good order since.
    pub active: bool,
    /// Failed work that is tried again, when it was last noted.
    pub waiting: i64,
    /// Failed work that somebody has to look at.
    pub parked: i64,
    /// Deliveries that are to be sent.
    pub unsent: i64,
    /// Deliveries that were given up.
    pub dead: i64,
}

/// Rows are joined by hand where that is needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

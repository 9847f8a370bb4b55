//! Tenants in the control plane: made, changed, listed, removed. Their data is made and removed by the engine.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Set, TransactionTrait,
};
use uuid::Uuid;

use super::entity::{department, lane, session, tenant, token, user, user_role};
use super::{Control, Tenant};
use crate::Result;

/// What a new tenant is made of.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Short name in addresses and of its database.
    pub slug: String,
    /// Name shown to people.
    pub name: String,
    /// Host that leads to it.
    pub host: Option<String>,
    /// BCP 47 tag.
    pub language: String,
    /// IANA zone.
    pub time_zone: String,
    /// `sqlite` or `postgres`.
    pub placement: String,
    /// Its time can be moved on by the operator.
    pub test_clock: bool,
}

/// Changes of a tenant; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct TenantPatch {
    /// Name.
    pub name: Option<String>,
    /// Host; the inner `None` takes it away.
    pub host: Option<Option<String>>,
    /// Language.
    pub language: Option<String>,
    /// Zone.
    pub time_zone: Option<String>,
    /// Not served.
    pub suspended: Option<bool>,
}

impl Control {
    /// All tenants by slug.
    pub async fn tenants(&self) -> Result<Vec<Tenant>> {
        Ok(tenant::Entity::find().order_by_asc(tenant::Column::Slug).all(&self.db).await?)
    }

    /// The tenant with this slug.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<Tenant>> {
        Ok(tenant::Entity::find().filter(tenant::Column::Slug.eq(slug)).one(&self.db).await?)
    }

    /// Makes a tenant. A slug or host that is taken is [`crate::Error::Unique`].
    pub async fn create_tenant(&self, id: Uuid, new: NewTenant, now: DateTime<Utc>) -> Result<Tenant> {
        let row = tenant::ActiveModel {
            id: Set(id),
            slug: Set(new.slug),
            name: Set(new.name),
            host: Set(new.host),
            language: Set(new.language),
            time_zone: Set(new.time_zone),
            placement: Set(new.placement),
            suspended: Set(false),
            created_at: Set(now),
            clock_ahead: Set(new.test_clock.then_some(0)),
        };
        Ok(row.insert(&self.db).await?)
    }

    /// Changes a tenant.
    pub async fn update_tenant(&self, id: Uuid, patch: TenantPatch) -> Result<Option<Tenant>> {
        let Some(row) = tenant::Entity::find_by_id(id).one(&self.db).await? else { return Ok(None) };
        let mut row = tenant::ActiveModel::from(row);
        if let Some(name) = patch.name {
            row.name = Set(name);
        }
        if let Some(host) = patch.host {
            row.host = Set(host);
        }
        if let Some(language) = patch.language {
            row.language = Set(language);
        }
        if let Some(zone) = patch.time_zone {
            row.time_zone = Set(zone);
        }
        if let Some(suspended) = patch.suspended {
            row.suspended = Set(suspended);
        }
        Ok(Some(row.update(&self.db).await?))
    }

    /// Lets time pass in a tenant with a clock of its own, as long as it is not more than `most` ahead of the real time
    /// afterwards. False when nothing was moved. Whoever looks after lanes looks at once, since anything may be due.
    pub async fn advance_clock(
        &self,
        id: Uuid,
        by: TimeDelta,
        most: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let micros = |span: TimeDelta| span.num_microseconds().unwrap_or(i64::MAX);
        let ahead = tenant::Column::ClockAhead;
        let transaction = self.db.begin().await?;
        let moved = tenant::Entity::update_many()
            .col_expr(ahead, Expr::col(ahead).add(micros(by)))
            .filter(tenant::Column::Id.eq(id))
            .filter(ahead.lte(micros(most).saturating_sub(micros(by))));
        if moved.exec(&transaction).await?.rows_affected == 0 {
            return Ok(false);
        }
        let waiting = lane::Entity::update_many()
            .col_expr(lane::Column::NextDue, Expr::value(now))
            .filter(lane::Column::TenantId.eq(id))
            .filter(lane::Column::Holder.is_null());
        waiting.exec(&transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes a tenant with its people, sessions and tokens.
    pub async fn delete_tenant(&self, id: Uuid) -> Result<()> {
        let people = user::Entity::find().filter(user::Column::TenantId.eq(id)).all(&self.db).await?;
        let transaction = self.db.begin().await?;
        session::Entity::delete_many().filter(session::Column::TenantId.eq(id)).exec(&transaction).await?;
        token::Entity::delete_many().filter(token::Column::TenantId.eq(id)).exec(&transaction).await?;
        for person in people {
            let roles = user_role::Entity::delete_many().filter(user_role::Column::UserId.eq(person.id));
            roles.exec(&transaction).await?;
        }
        user::Entity::delete_many().filter(user::Column::TenantId.eq(id)).exec(&transaction).await?;
        department::Entity::delete_many()
            .filter(department::Column::TenantId.eq(id))
            .exec(&transaction)
            .await?;
        lane::Entity::delete_by_id(id).exec(&transaction).await?;
        tenant::Entity::delete_by_id(id).exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}

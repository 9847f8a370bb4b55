//! Who works the lane of each tenant. A lane is leased: who does not renew loses it, and is kept from writing by the
//! epoch (see `Session::fence`), whatever its clock says. Nothing here reads a clock: times come in.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set};
use uuid::Uuid;

use super::Control;
use super::entity::{lane, tenant};
use crate::Result;

/// What tenants have left undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Noted {
    /// Failed work that is tried again.
    pub waiting: i64,
    /// Failed work that somebody has to look at.
    pub parked: i64,
    /// Deliveries that are to be sent.
    pub unsent: i64,
    /// Deliveries that were given up.
    pub dead: i64,
}

impl Control {
    /// Takes the lane of a tenant for a node, and tells its epoch; none while another node's lease lasts.
    pub async fn acquire_lane(
        &self,
        tenant: Uuid,
        node: Uuid,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Option<i64>> {
        let row = lane::ActiveModel {
            tenant_id: Set(tenant),
            holder: Set(Some(node)),
            epoch: Set(1),
            lease_until: Set(Some(now + lease)),
            next_due: Set(None),
            active: Set(true),
            ..Default::default()
        };
        let own = |column: lane::Column| Expr::col((lane::Entity, column));
        let mut conflict = OnConflict::column(lane::Column::TenantId);
        conflict
            .update_columns([
                lane::Column::Holder,
                lane::Column::LeaseUntil,
                lane::Column::NextDue,
                lane::Column::Active,
            ])
            .value(lane::Column::Epoch, own(lane::Column::Epoch).add(1))
            .action_cond_where(
                Condition::any()
                    .add(own(lane::Column::Holder).is_null())
                    .add(own(lane::Column::Holder).eq(node))
                    .add(own(lane::Column::LeaseUntil).lte(now)),
            );
        let taken = lane::Entity::insert(row).on_conflict(conflict).exec_without_returning(&self.db).await?;
        if taken == 0 {
            return Ok(None);
        }
        let held =
            lane::Entity::find_by_id(tenant).filter(lane::Column::Holder.eq(node)).one(&self.db).await?;
        Ok(held.map(|held| held.epoch))
    }

    /// Raises the epoch of a lane that is held, when its tenant has seen a higher one (its data came from elsewhere);
    /// false when the lane has been taken over.
    pub async fn raise_lane(&self, tenant: Uuid, node: Uuid, epoch: i64, to: i64) -> Result<bool> {
        let raised = held(tenant, node, epoch).col_expr(lane::Column::Epoch, Expr::value(to));
        Ok(raised.exec(&self.db).await?.rows_affected > 0)
    }

    /// Keeps a lane for another while; false when it has been taken over.
    pub async fn renew_lane(
        &self,
        tenant: Uuid,
        node: Uuid,
        epoch: i64,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool> {
        let renewed = held(tenant, node, epoch).col_expr(lane::Column::LeaseUntil, Expr::value(now + lease));
        Ok(renewed.exec(&self.db).await?.rows_affected > 0)
    }

    /// Gives a lane back and says when there is something to do again. Does nothing when it has been taken over.
    pub async fn release_lane(
        &self,
        tenant: Uuid,
        node: Uuid,
        epoch: i64,
        next_due: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let released = held(tenant, node, epoch)
            .col_expr(lane::Column::Holder, Expr::value(None::<Uuid>))
            .col_expr(lane::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(lane::Column::NextDue, Expr::value(next_due));
        released.exec(&self.db).await?;
        Ok(())
    }

    /// Notes that a node is about to use a tenant: should it die, the lane is looked after at the next start.
    pub async fn open_lane(&self, tenant: Uuid) -> Result<()> {
        let row = lane::ActiveModel {
            tenant_id: Set(tenant),
            holder: Set(None),
            epoch: Set(0),
            lease_until: Set(None),
            next_due: Set(None),
            active: Set(true),
            ..Default::default()
        };
        let mut conflict = OnConflict::column(lane::Column::TenantId);
        conflict.update_column(lane::Column::Active);
        lane::Entity::insert(row).on_conflict(conflict).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// Notes that these tenants were closed in good order.
    pub async fn close_lanes(&self, tenants: &[Uuid]) -> Result<()> {
        let closed = lane::Entity::update_many()
            .col_expr(lane::Column::Active, Expr::value(false))
            .filter(lane::Column::TenantId.is_in(tenants.iter().copied()));
        closed.exec(&self.db).await?;
        Ok(())
    }

    /// Tenants whose lane somebody has to work now: their time has come, or who worked it is gone, or nobody has ever
    /// looked. Suspended tenants rest.
    pub async fn lanes_due(&self, now: DateTime<Utc>) -> Result<Vec<Uuid>> {
        let waiting =
            Condition::all().add(lane::Column::Holder.is_null()).add(lane::Column::NextDue.lte(now));
        let due = Condition::any()
            .add(waiting)
            .add(lane::Column::LeaseUntil.lte(now))
            .add(Expr::col((lane::Entity, lane::Column::TenantId)).is_null());
        self.lanes(due).await
    }

    /// Tenants that were in use and not closed in good order: at the start of a node they may hold anything.
    pub async fn lanes_left(&self, now: DateTime<Utc>) -> Result<Vec<Uuid>> {
        let free =
            Condition::any().add(lane::Column::Holder.is_null()).add(lane::Column::LeaseUntil.lte(now));
        self.lanes(Condition::all().add(lane::Column::Active.eq(true)).add(free)).await
    }

    async fn lanes(&self, which: Condition) -> Result<Vec<Uuid>> {
        let lane = tenant::Entity::belongs_to(lane::Entity)
            .from(tenant::Column::Id)
            .to(lane::Column::TenantId)
            .into();
        let found = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .join(sea_orm::JoinType::LeftJoin, lane)
            .filter(tenant::Column::Suspended.eq(false))
            .filter(which);
        Ok(found.into_tuple().all(&self.db).await?)
    }

    /// When the next lane falls due that nobody holds.
    pub async fn next_lane_due(&self) -> Result<Option<DateTime<Utc>>> {
        let next = lane::Entity::find()
            .select_only()
            .column_as(lane::Column::NextDue.min(), "next_due")
            .filter(lane::Column::Holder.is_null());
        Ok(next.into_tuple::<Option<DateTime<Utc>>>().one(&self.db).await?.flatten())
    }

    /// Notes what a tenant has left undone, for figures of all tenants.
    pub async fn note_lane(&self, tenant: Uuid, noted: &Noted) -> Result<()> {
        let note = lane::Entity::update_many()
            .col_expr(lane::Column::Waiting, Expr::value(noted.waiting))
            .col_expr(lane::Column::Parked, Expr::value(noted.parked))
            .col_expr(lane::Column::Unsent, Expr::value(noted.unsent))
            .col_expr(lane::Column::Dead, Expr::value(noted.dead))
            .filter(lane::Column::TenantId.eq(tenant));
        note.exec(&self.db).await?;
        Ok(())
    }

    /// What was noted of each tenant that has left something undone.
    pub async fn noted_lanes(&self) -> Result<Vec<(Uuid, Noted)>> {
        let left = Condition::any()
            .add(lane::Column::Waiting.gt(0))
            .add(lane::Column::Parked.gt(0))
            .add(lane::Column::Unsent.gt(0))
            .add(lane::Column::Dead.gt(0));
        let lanes = lane::Entity::find().filter(left).all(&self.db).await?;
        let noted = |lane: lane::Model| {
            let lane::Model { waiting, parked, unsent, dead, .. } = lane;
            (lane.tenant_id, Noted { waiting, parked, unsent, dead })
        };
        Ok(lanes.into_iter().map(noted).collect())
    }

    /// Notes when there is something to do again in a tenant that is being closed, unless some node holds its lane.
    pub async fn rest_lane(&self, tenant: Uuid, next_due: Option<DateTime<Utc>>) -> Result<()> {
        let rest = lane::Entity::update_many()
            .col_expr(lane::Column::NextDue, Expr::value(next_due))
            .filter(lane::Column::TenantId.eq(tenant))
            .filter(lane::Column::Holder.is_null());
        rest.exec(&self.db).await?;
        Ok(())
    }

    /// Ends all leases: where no other node can be, those of before the start belong to nobody.
    pub async fn end_leases(&self) -> Result<()> {
        let ended = lane::Entity::update_many()
            .col_expr(lane::Column::Holder, Expr::value(None::<Uuid>))
            .col_expr(lane::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(lane::Column::Holder.is_not_null());
        ended.exec(&self.db).await?;
        Ok(())
    }
}

fn held(tenant: Uuid, node: Uuid, epoch: i64) -> sea_orm::UpdateMany<lane::Entity> {
    lane::Entity::update_many()
        .filter(lane::Column::TenantId.eq(tenant))
        .filter(lane::Column::Holder.eq(node))
        .filter(lane::Column::Epoch.eq(epoch))
}

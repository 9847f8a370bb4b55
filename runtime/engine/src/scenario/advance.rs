//! Time passes: from one due moment to the next, so that everything happens at its time and a month costs milliseconds.

use chrono::{DateTime, TimeDelta, Utc};

use super::stage::Stage;
use super::step::broken;
use crate::env::span;
use crate::values::Issue;

/// Longest time that one step may pass over.
const SPAN_MAX: TimeDelta = TimeDelta::days(5 * 366);
/// Moments in one step at which something is due; more are a loop.
const MOMENTS_MAX: usize = 200_000;

impl Stage {
    /// Lets time pass.
    pub(super) async fn advance(&mut self, text: &str) -> Result<(), Issue> {
        let span = span(text).filter(|span| *span <= SPAN_MAX);
        let span = span.ok_or_else(|| Issue::of("scenario.duration", text))?;
        let end = self.now() + span;
        for _ in 0..MOMENTS_MAX {
            match self.next_due().await?.filter(|due| *due <= end) {
                Some(due) => self.move_to(due),
                None => {
                    self.move_to(end);
                    return self.settle().await;
                }
            }
            self.settle().await?;
        }
        Err(Issue::new("scenario.endless"))
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Issue> {
        let (own, call) = (self.tenant.next_due().await, self.tenant.next_call().await);
        Ok([own.map_err(broken)?, call.map_err(broken)?].into_iter().flatten().min())
    }

    fn move_to(&self, moment: DateTime<Utc>) {
        self.time.advance((moment - self.now()).max(TimeDelta::zero()));
    }

    /// Works off everything that is due: events, timers, and calls of plugins, from which more may follow.
    pub(super) async fn settle(&self) -> Result<(), Issue> {
        for _ in 0..MOMENTS_MAX {
            self.tenant.run_due().await.map_err(broken)?;
            if !self.tenant.has_calls().await.map_err(broken)? {
                return Ok(());
            }
            self.tenant.call_due().await.map_err(broken)?;
        }
        Err(Issue::new("scenario.endless"))
    }
}

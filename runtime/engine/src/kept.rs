//! Answers that were worked out from many records and are asked for again and again. They are kept in bounded memory until
//! a record changes on which they rest; never longer, and never for anybody who may read other records.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use lru::LruCache;
use mortise_store::{Param, TenantStore};
use parking_lot::Mutex;

use crate::commands::Work;
use crate::error::Error;

/// What all kept answers of one kind take at most; those that nobody asked for the longest go first.
const BYTES_MAX: usize = 4 << 20;
/// An answer larger than this is not kept, since it would drive out too many others.
const ANSWER_BYTES_MAX: usize = BYTES_MAX / 16;
/// What an answer takes besides its question and its parts.
const ENTRY_BYTES: usize = 128;

/// How much memory the parts of an answer take, roughly.
pub(crate) trait Weigh {
    fn bytes(&self) -> usize;
}

impl<T> Weigh for Vec<T> {
    fn bytes(&self) -> usize {
        self.len() * size_of::<T>()
    }
}

/// What an answer rests on, and whether it may be given again.
pub(crate) struct Ground {
    /// Statement and values, which say what the person may read, and the definitions for which they were made.
    question: String,
    changes: u64,
    volatile: bool,
}

impl Ground {
    /// Of a statement; `watched` are the entities whose changes change the answer, `volatile` says that it depends on the
    /// present moment. To be made before the database is asked: a change in between makes what is kept stale, never wrong
    /// for long.
    pub(crate) fn new(
        work: &Work,
        store: &TenantStore,
        watched: &[usize],
        (sql, params): (&str, &[Param]),
        volatile: bool,
    ) -> Ground {
        let changes = watched.iter().map(|index| store.changes(*index)).sum();
        Ground { question: format!("{}{sql}{params:?}", work.published.digest), changes, volatile }
    }
}

/// The minute of a moment. Spans of time and filters of lists see no more of the present, so that whoever asks again within a
/// minute has the same question, whose answer is known.
pub(crate) fn minute(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)
}

/// Answers of one kind.
pub(crate) struct Kept<T>(Mutex<Shelf<T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::new(Shelf { answers: LruCache::unbounded(), bytes: 0 }))
    }
}

impl<T: Clone + Weigh> Kept<T> {
    /// The answer that is kept, or that of `ask`, which is kept then.
    pub(crate) async fn answer(
        &self,
        ground: Ground,
        ask: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if ground.volatile {
            return ask.await;
        }
        let known = self.0.lock().get(&ground);
        if let Some(known) = known {
            return Ok(known);
        }
        let answer = ask.await?;
        self.0.lock().put(ground, answer.clone());
        Ok(answer)
    }
}

struct Shelf<T> {
    /// By question, with the number of changes at that time.
    answers: LruCache<String, (u64, T)>,
    bytes: usize,
}

impl<T: Clone + Weigh> Shelf<T> {
    fn get(&mut self, ground: &Ground) -> Option<T> {
        let (at, known) = self.answers.get(&ground.question)?;
        (*at == ground.changes).then(|| known.clone())
    }

    fn put(&mut self, ground: Ground, answer: T) {
        let taken = |question: &str, answer: &T| ENTRY_BYTES + question.len() + answer.bytes();
        let bytes = taken(&ground.question, &answer);
        if bytes > ANSWER_BYTES_MAX {
            return;
        }
        self.bytes += bytes;
        // Gives back what had to go for it: the answer before it to the same question.
        if let Some((question, (_, old))) = self.answers.push(ground.question, (ground.changes, answer)) {
            self.bytes -= taken(&question, &old);
        }
        while self.bytes > BYTES_MAX
            && let Some((question, (_, old))) = self.answers.pop_lru()
        {
            self.bytes -= taken(&question, &old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(question: impl Into<String>, changes: u64) -> Ground {
        Ground { question: question.into(), changes, volatile: false }
    }

    async fn ask(kept: &Kept<Vec<u64>>, ground: Ground, answer: u64) -> u64 {
        kept.answer(ground, async { Ok(vec![answer]) }).await.unwrap()[0]
    }

    #[tokio::test]
    async fn an_answer_is_given_again_until_something_changes() {
        let kept = Kept::default();
        assert_eq!(ask(&kept, ground("a", 1), 10).await, 10);
        assert_eq!(ask(&kept, ground("a", 1), 11).await, 10);
        assert_eq!(ask(&kept, ground("b", 1), 12).await, 12, "another question");
        assert_eq!(ask(&kept, ground("a", 2), 13).await, 13, "a record has changed");
        let volatile = || Ground { volatile: true, ..ground("c", 1) };
        assert_eq!(ask(&kept, volatile(), 14).await, 14);
        assert_eq!(ask(&kept, volatile(), 15).await, 15);
    }

    #[tokio::test]
    async fn memory_is_bounded_and_what_is_asked_for_stays() {
        let kept: Kept<Vec<u64>> = Kept::default();
        let large = || vec![0; ANSWER_BYTES_MAX / 16];
        for number in 0..100 {
            kept.answer(ground(number.to_string(), 1), async { Ok(large()) }).await.unwrap();
            assert_eq!(kept.answer(ground("0", 1), async { Ok(vec![]) }).await.unwrap(), large());
        }
        let shelf = kept.0.lock();
        assert!(shelf.bytes <= BYTES_MAX && shelf.answers.len() < 40, "{} bytes", shelf.bytes);
        let taken = |(question, (_, answer)): (&String, &(u64, Vec<u64>))| {
            ENTRY_BYTES + question.len() + answer.bytes()
        };
        assert_eq!(shelf.bytes, shelf.answers.iter().map(taken).sum::<usize>());
    }

    #[tokio::test]
    async fn an_answer_that_would_drive_out_all_others_is_not_kept() {
        let kept: Kept<Vec<u64>> = Kept::default();
        let huge = || async { Ok(vec![0; ANSWER_BYTES_MAX]) };
        kept.answer(ground("a", 1), huge()).await.unwrap();
        assert_eq!(ask(&kept, ground("a", 1), 7).await, 7);
    }
}

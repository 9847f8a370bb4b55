//! Patience with clients, and its end. A connection's bytes and bodies leave marks in its [`Watch`]; [`Guests`] looks at
//! the marks of all now and then and ends what stands still. Nothing here reads a clock or sets a timer for a request.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::AbortHandle;

use crate::config::Serving;

/// A client that is waited for has to move as many bytes within `--stall-seconds`; the worst telephone does.
const MOVED_MIN_BYTES: u64 = 1024;
/// When all seats are taken, a connection without a request gives up its seat after this long.
const CROWDED_IDLE: Duration = Duration::from_secs(1);
/// A client that is still sending when it is answered has this long to read the answer before the connection ends.
const LINGER: Duration = Duration::from_secs(5);
/// How often connections are looked at unless a limit is very short; so much later than its limit it may end.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A body up to this length that nobody reads is swallowed; a longer one ends the connection.
const SWALLOWED_MAX_BYTES: u64 = 64 * 1024;

/// How long clients are waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    head: Duration,
    stall: Duration,
    idle: Duration,
}

impl Limits {
    pub(super) fn new(serving: &Serving) -> Self {
        let seconds = |number: u64| Duration::from_secs(number.max(1));
        Limits {
            head: seconds(serving.head_seconds),
            stall: seconds(serving.stall_seconds),
            idle: seconds(serving.idle_seconds),
        }
    }

    fn look_every(&self) -> Duration {
        LOOK_EVERY.min(self.head.min(self.stall).min(self.idle) / 4)
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Step {
    /// Nothing has come since the last answer.
    Idle,
    /// A request has begun to come.
    Head,
    /// A request is being answered.
    Answering,
    /// The last answer is out and the rest of what the client sends is thrown away.
    Closing,
}

/// What is known of a connection that a client might hold up.
#[derive(Default)]
pub(super) struct Watch {
    step: AtomicU8,
    /// Counts steps.
    turn: AtomicU64,
    /// Bytes that came and went.
    moved: AtomicU64,
    /// A handler waits for more of the body.
    body_waits: AtomicBool,
    /// The client does not take more of the answer.
    answer_waits: AtomicBool,
    /// The present request has a body that has not been read to its end.
    unread: AtomicBool,
    /// The body of the present request was given up.
    late: AtomicBool,
    body: AtomicWaker,
}

impl Watch {
    fn enter(&self, step: Step) {
        self.step.store(step as u8, Relaxed);
        self.turn.fetch_add(1, Relaxed);
    }

    fn is(&self, step: Step) -> bool {
        self.step.load(Relaxed) == step as u8
    }

    /// A request is handed over; its body is watched.
    pub(super) fn begin(self: &Arc<Self>, body: Incoming) -> Body {
        self.enter(Step::Answering);
        self.late.store(false, Relaxed);
        let whole = body.is_end_stream();
        self.unread.store(!whole, Relaxed);
        if whole { Body::empty() } else { Body::new(WatchedBody { body, watch: self.clone() }) }
    }

    /// True when so much of the request is still to come that the connection cannot be used on.
    pub(super) fn must_end(&self, announced: Option<u64>) -> bool {
        self.unread.load(Relaxed) && announced.is_none_or(|length| length > SWALLOWED_MAX_BYTES)
    }

    /// What the client is waited for, and how long at most; none while it is the server's turn.
    fn awaited(&self, limits: &Limits, crowded: bool) -> Option<(Mark, Duration)> {
        let answering = self.is(Step::Answering);
        let stalls = self.answer_waits.load(Relaxed) || (answering && self.body_waits.load(Relaxed));
        let limit = match () {
            () if self.is(Step::Closing) => LINGER,
            () if stalls => limits.stall,
            () if answering => return None,
            () if self.is(Step::Head) => limits.head,
            () if crowded => limits.idle.min(CROWDED_IDLE),
            () => limits.idle,
        };
        let mark = Mark {
            turn: self.turn.load(Relaxed),
            late: self.late.load(Relaxed),
            moved: stalls.then(|| self.moved.load(Relaxed)),
        };
        Some((mark, limit))
    }

    /// Gives up on a body that does not come, so that its handler can say so. False when there is nobody to say it.
    fn give_up_body(&self) -> bool {
        let can = self.is(Step::Answering)
            && self.body_waits.load(Relaxed)
            && !self.answer_waits.load(Relaxed)
            && !self.late.swap(true, Relaxed);
        if can {
            self.body.wake();
        }
        can
    }
}

/// What was seen of a connection at one look.
#[derive(Clone, Copy)]
struct Mark {
    turn: u64,
    late: bool,
    /// Bytes, where they count: in bodies and answers, not in heads, which must not trickle.
    moved: Option<u64>,
}

impl Mark {
    fn stands_still_since(&self, before: &Mark) -> bool {
        let moved = match (self.moved, before.moved) {
            (Some(now), Some(then)) => now.wrapping_sub(then) >= MOVED_MIN_BYTES,
            (now, then) => now.is_some() != then.is_some(),
        };
        self.turn == before.turn && self.late == before.late && !moved
    }
}

/// All connections, looked at together: one timer for the server instead of one for each connection or request.
pub(super) struct Guests {
    all: Mutex<Vec<Guest>>,
    limits: Limits,
}

struct Guest {
    watch: Weak<Watch>,
    task: AbortHandle,
    seen: Option<(Mark, Instant)>,
}

impl Guests {
    pub(super) fn new(limits: Limits) -> Self {
        Guests { all: Mutex::default(), limits }
    }

    /// A connection that is served by this task and ends when it drops the watch.
    pub(super) fn add(&self, watch: Weak<Watch>, task: AbortHandle) {
        self.all.lock().push(Guest { watch, task, seen: None });
    }

    /// Ends what stands still, for ever.
    pub(super) async fn look_after(&self, crowded: impl Fn() -> bool) {
        let every = self.limits.look_every();
        loop {
            tokio::time::sleep(every).await;
            let (now, crowded) = (Instant::now(), crowded());
            self.all.lock().retain_mut(|guest| guest.may_stay(&self.limits, crowded, now));
        }
    }
}

impl Guest {
    fn may_stay(&mut self, limits: &Limits, crowded: bool, now: Instant) -> bool {
        let Some(watch) = self.watch.upgrade() else { return false };
        let Some((mark, limit)) = watch.awaited(limits, crowded) else {
            self.seen = None;
            return true;
        };
        match self.seen {
            Some((before, since)) if mark.stands_still_since(&before) => {
                if now - since >= limit && !watch.give_up_body() {
                    self.task.abort();
                    return false;
                }
            }
            _ => self.seen = Some((mark, now)),
        }
        true
    }
}

/// Put into requests with a body: tells whether the body was given up because it did not come.
#[derive(Clone)]
pub(super) struct Lateness(pub(super) Arc<Watch>);

impl Lateness {
    pub(super) fn is_late(&self) -> bool {
        self.0.late.load(Relaxed)
    }
}

/// The bytes of a connection.
pub(super) struct WatchedStream<S> {
    stream: S,
    watch: Arc<Watch>,
}

impl<S> WatchedStream<S> {
    pub(super) fn new(stream: S, watch: Arc<Watch>) -> Self {
        WatchedStream { stream, watch }
    }

    fn sent<T>(&self, done: Poll<io::Result<T>>, count: impl Fn(&T) -> usize) -> Poll<io::Result<T>> {
        self.watch.answer_waits.store(done.is_pending(), Relaxed);
        if let Poll::Ready(Ok(written)) = &done {
            self.watch.moved.fetch_add(count(written) as u64, Relaxed);
        }
        done
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if read > 0 && self.watch.is(Step::Idle) {
            self.watch.enter(Step::Head);
        }
        self.watch.moved.fetch_add(read as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(done, |count| *count)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.sent(done, |count| *count)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(context);
        self.sent(done, |()| 0)
    }

    /// A socket that is closed while bytes come resets the connection, and the client may never see its answer: what
    /// still comes is read and thrown away, until the client stops or [`LINGER`] is over.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.watch.is(Step::Closing) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.watch.enter(Step::Closing);
        }
        let mut waste = [0; 16 * 1024];
        while self.watch.unread.load(Relaxed) {
            let mut waste = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut waste)) {
                Ok(()) if !waste.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The body of a request.
struct WatchedBody {
    body: Incoming,
    watch: Arc<Watch>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let watch = self.watch.clone();
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                watch.body_waits.store(false, Relaxed);
                let broken = matches!(frame, Some(Err(_)));
                watch.unread.store(broken || (frame.is_some() && !self.body.is_end_stream()), Relaxed);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                watch.body.register(context.waker());
                watch.body_waits.store(true, Relaxed);
                match watch.late.load(Relaxed) {
                    true => Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into()))),
                    false => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.watch.body_waits.store(false, Relaxed);
    }
}

/// The body of an answer: when it is gone, the connection waits for the next request.
pub(super) struct WatchedAnswer {
    pub(super) body: Body,
    pub(super) watch: Arc<Watch>,
}

impl HttpBody for WatchedAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedAnswer {
    fn drop(&mut self) {
        self.watch.enter(Step::Idle);
    }
}

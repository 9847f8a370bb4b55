//! Threads of a lower priority than all others of this process, for calls that keep a processor busy: the system then gives
//! processors to everybody else first. A call is there only while it runs; what it waits for, it waits for where it came from.
//! Decides nothing: who has to go there is said by whoever sends a call.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

/// A call under way, which any thread can go on with.
pub(crate) type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped.
pub(crate) struct Aside(Sender<Job>);

/// Rings when a call that waits can go on.
#[derive(Default)]
pub(crate) struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Bell {
    /// Waits until it rings; it need not be heard in that moment.
    pub(crate) async fn rings(&self) {
        self.0.notified().await;
    }
}

impl Aside {
    pub(crate) fn start(threads: usize) -> std::io::Result<Aside> {
        let (sender, jobs) = channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new().name("plugin-aside".into()).spawn(move || work(&jobs))?;
        }
        Ok(Aside(sender))
    }

    /// Polls a call once on one of the threads and gives it back. `bell` rings when it can go on. Where whoever asked goes
    /// away meanwhile, the call goes, too.
    pub(crate) async fn poll<T: Send + 'static>(
        &self,
        mut call: Running<T>,
        bell: &Arc<Bell>,
        poll: impl FnOnce(&mut Running<T>, &mut Context<'_>) -> Poll<T> + Send + 'static,
    ) -> (Running<T>, Poll<T>) {
        let (runtime, waker) = (Handle::current(), Waker::from(Arc::clone(bell)));
        let (sender, back) = oneshot::channel();
        let job = move || {
            // Connections and timers that it makes belong to the runtime of whoever asked, which has no lower priority.
            let _inside = runtime.enter();
            let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut call, &mut Context::from_waker(&waker))));
            drop(sender.send((call, polled)));
        };
        self.0.send(Box::new(job)).expect("the threads stay as long as they can be sent something");
        let (call, polled) = back.await.expect("each job sends back what it was given");
        (call, polled.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    step_back();
    loop {
        // One thread waits for the next job, the others for their turn to wait.
        let job = jobs.lock().recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// Gives this thread a lower priority, on systems where threads have one of their own.
fn step_back() {
    // Beside another thread that wants the same processor it gets a tenth of it: plugins are put behind, never stopped.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::warn!(%error, "plugins that keep processors busy cannot be put behind others");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn poll<T: Send + 'static>(aside: &Aside, call: Running<T>) -> (Running<T>, Poll<T>, Arc<Bell>) {
        let bell = Arc::new(Bell::default());
        let (call, polled) = aside.poll(call, &bell, |call, context| call.as_mut().poll(context)).await;
        (call, polled, bell)
    }

    #[tokio::test]
    async fn a_call_runs_aside_and_waits_where_it_came_from() {
        let aside = Aside::start(1).unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        let (here, timers) = (name(), Handle::current().id());
        let call = Box::pin(async move {
            let there = name();
            // A timer, which only a runtime has.
            tokio::time::sleep(Duration::from_millis(2)).await;
            (there, name(), Handle::current().id())
        });
        let (mut call, polled, bell) = poll(&aside, call).await;
        assert!(polled.is_pending());
        bell.rings().await;
        let said = call.as_mut().await;
        assert_eq!(said, (Some("plugin-aside".to_owned()), here, timers));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_system_serves_everybody_else_first() {
        let aside = Aside::start(1).unwrap();
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let here = priority();
        let (_, polled, _) = poll(&aside, Box::pin(async move { priority() })).await;
        assert_eq!(polled, Poll::Ready((here + 10).min(19)));
        assert_eq!(priority(), here, "this thread keeps its own");
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_any_more_goes() {
        let aside = Aside::start(1).unwrap();
        let (started, begun) = oneshot::channel();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (left, gone) = oneshot::channel::<()>();
        let call: Running<()> = Box::pin(async move {
            let _left = left;
            started.send(()).unwrap();
            held.recv().unwrap_err();
            std::future::pending::<()>().await;
        });
        let asking = tokio::spawn(async move { poll(&aside, call).await.1 });
        begun.await.unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        drop(release);
        assert!(gone.await.is_err(), "what it held went with it");
    }

    #[tokio::test]
    async fn a_panic_comes_to_whoever_asked_and_the_thread_stays() {
        let aside = Arc::new(Aside::start(1).unwrap());
        let asked = Arc::clone(&aside);
        let call: Running<u8> = Box::pin(async { "no number".parse().unwrap() });
        let asking = tokio::spawn(async move { poll(&asked, call).await.1 });
        assert!(asking.await.unwrap_err().is_panic());
        let (_, polled, _) = poll(&aside, Box::pin(async { 7 })).await;
        assert_eq!(polled, Poll::Ready(7));
    }
}

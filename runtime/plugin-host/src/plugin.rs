//! A plugin that is ready to be called, and how a call is made: permit, fresh instance, typed function, answer, drop. What
//! goes wrong becomes a [`Failure`]; nothing that a plugin does becomes a panic or an error of the host.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower,
};
use wasmtime::{Store, UpdateDeadline};

use crate::aside::Running;
use crate::breaker::Circuit;
use crate::capability::Capabilities;
use crate::error::HostError;
use crate::functions::Functions;
use crate::host::PluginHost;
use crate::limits::Limits;
use crate::manifest::{Export, Manifest, Point, Tier};
use crate::meter::{Meter, TransactionBudget};
use crate::permission::Permissions;
use crate::permit::Permit;
use crate::reserve::Leave;
use crate::run::{Failure, LogLine, Run, RunRecord, failure_of, usage};
use crate::sitting::{Seat, Sitting};
use crate::state::{CallState, Memory};
use crate::v1::answer;
use crate::v1::types as wire;
use crate::value::Call;
use crate::warm::Owner;

/// For whom, with which rights and at whose expense a plugin is called.
#[derive(Clone)]
pub struct Invocation {
    /// The tenant: whose permits and whose circuit.
    pub tenant: String,
    /// What the plugin is told.
    pub call: Call,
    /// What it may do: asked for, granted, and allowed by the operator.
    pub granted: Arc<Permissions>,
    /// The engine's side, acting for whoever acts.
    pub capabilities: Arc<dyn Capabilities>,
    /// What the transaction still has, when the call is part of one.
    pub transaction: Option<Arc<TransactionBudget>>,
}

/// A plugin that is ready to be called. Calls under way finish on the one they began with when another replaces it.
pub struct Plugin {
    /// Which of all plugins that were loaded since the start it is.
    pub(crate) number: u64,
    pub(crate) host: Arc<PluginHost>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) digest: String,
    pub(crate) serving: Option<Serving>,
    /// What runs on the deterministic engine: loaded when a function is called for the first time. Most plugins that have
    /// functions beside other things are never asked for them in most places.
    pub(crate) functions: Option<OnceLock<Functions>>,
}

/// The part that runs on the serving engine.
pub(crate) struct Serving {
    pre: InstancePre<CallState>,
    exports: HashMap<(Point, &'static str), ComponentExportIndex>,
}

impl Serving {
    pub(crate) fn of(
        pre: InstancePre<CallState>,
        component: &Component,
        manifest: &Manifest,
    ) -> Result<Serving, HostError> {
        let points = manifest.points().filter(|point| *point != Point::Function);
        Ok(Serving { pre, exports: export_indexes(component, points)? })
    }
}

/// Where the functions of these points are in a component.
pub(crate) fn export_indexes(
    component: &Component,
    points: impl Iterator<Item = Point>,
) -> Result<HashMap<(Point, &'static str), ComponentExportIndex>, HostError> {
    let mut indexes = HashMap::new();
    for point in points {
        let missing = |what: &str| HostError::Link(format!("it does not export {what}"));
        let interface =
            component.get_export_index(None, point.interface()).ok_or_else(|| missing(point.interface()))?;
        for function in point.functions() {
            let index = component
                .get_export_index(Some(&interface), *function)
                .ok_or_else(|| missing(&format!("{}#{function}", point.interface())))?;
            indexes.insert((point, *function), index);
        }
    }
    Ok(indexes)
}

/// Which function of which export is called.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) point: Point,
    pub(crate) function: &'static str,
    pub(crate) name: &'a str,
}

/// How long the trial of a plugin that is being installed waits for a place among the calls.
const PROBE_WAITS: Duration = Duration::from_secs(30);

/// What counts a call, and where its lines go.
#[derive(Clone, Copy)]
struct Counted<'a> {
    meter: &'a Arc<Meter>,
    lines: &'a Arc<Mutex<Vec<LogLine>>>,
}

/// A call under way. When whoever waits for it goes away, the transaction still pays, and the circuit may be tried again.
struct Unfinished<'a> {
    plugin: &'a Plugin,
    circuit: &'a Circuit,
    meter: &'a Meter,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.meter.finish();
        self.plugin.host.breaker.withdrawn(self.circuit);
    }
}

/// What a call holds while it runs; when it ends, in whatever way, its tenant is charged.
struct Held {
    permit: Option<Permit>,
    meter: Arc<Meter>,
}

impl Held {
    /// The permit, charged.
    fn release(mut self) -> Option<Permit> {
        self.charge();
        self.permit.take()
    }

    fn charge(&mut self) {
        if let Some(permit) = &mut self.permit {
            self.meter.count_cpu();
            permit.charge(self.meter.cpu());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.charge();
    }
}

/// What a call has come to: its answer, and its instance with its place where that is kept.
type Said<W> = (Result<W, wire::Fault>, Option<(Seat, Permit)>);

/// An instance that could serve another call.
struct Left {
    seat: Seat,
    permit: Permit,
    /// Calls that it has served, where that counts.
    calls: u32,
}

impl Plugin {
    /// What it says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of its component.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn circuit(&self, tenant: &str, target: Target<'_>) -> Circuit {
        Circuit {
            tenant: tenant.to_owned(),
            plugin: self.manifest.id.clone(),
            point: target.point,
            export: target.name.to_owned(),
        }
    }

    /// Calls an export on a fresh instance.
    pub(crate) async fn call<P, W, T>(
        &self,
        invocation: &Invocation,
        target: Target<'_>,
        params: P,
        convert: impl FnOnce(&Export, W) -> Result<T, Failure>,
    ) -> Run<T>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        W: Lift + Send + Sync + 'static,
    {
        self.call_in(None, invocation, target, params, convert).await
    }

    /// The same on the instance of a sitting, which is made for the first call. Where instances are kept warm anyway, no call
    /// needs one.
    pub(crate) async fn call_in<P, W, T>(
        &self,
        sitting: Option<&mut Sitting>,
        invocation: &Invocation,
        target: Target<'_>,
        params: P,
        convert: impl FnOnce(&Export, W) -> Result<T, Failure>,
    ) -> Run<T>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        W: Lift + Send + Sync + 'static,
    {
        let mut sitting = sitting.filter(|_| !self.manifest.warm);
        let export = self.manifest.export(target.point, target.name);
        let deadline = export.and_then(|export| export.deadline_ms);
        let limits = self.host.settings.limits(target.point.tier(), self.manifest.language, deadline);
        // The clock starts when it may be called: the time of others is not its own.
        let leave = self.leave(invocation, target, &limits).await;
        let meter = Meter::start(limits, invocation.transaction.clone());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let circuit = self.circuit(&invocation.tenant, target);
        let admitted = leave.as_ref().map_err(Failure::clone);
        let outcome = match (export, admitted.and_then(|_| self.admit(invocation, &circuit))) {
            (None, _) => Err(Failure::Missing { point: target.point, name: target.name.to_owned() }),
            (_, Err(failure)) => Err(failure),
            (Some(export), Ok(())) => {
                let unfinished = Unfinished { plugin: self, circuit: &circuit, meter: &meter };
                let counted = Counted { meter: &meter, lines: &lines };
                let called =
                    self.within_deadline(sitting.as_deref_mut(), invocation, target, params, counted).await;
                std::mem::forget(unfinished);
                let outcome = called.and_then(|(said, left)| {
                    let said = answer(said, |value| convert(export, value))?;
                    self.keep(sitting, invocation, left);
                    Ok(said)
                });
                return self.close(invocation, target, outcome, &meter, &lines, Some(&circuit));
            }
        };
        self.close(invocation, target, outcome, &meter, &lines, None)
    }

    /// Waits until there is room for one more call in the background; a save needs no leave.
    async fn leave(
        &self,
        invocation: &Invocation,
        target: Target<'_>,
        limits: &Limits,
    ) -> Result<Option<Leave>, Failure> {
        if in_save(invocation, target) {
            return Ok(None);
        }
        let until = Instant::now() + Duration::from_millis(limits.wall_ms);
        self.host.reserve.leave(&invocation.tenant, until).await.map(Some)
    }

    fn admit(&self, invocation: &Invocation, circuit: &Circuit) -> Result<(), Failure> {
        if let Some(budget) = &invocation.transaction {
            budget.enter(invocation.call.depth).map_err(Failure::Limit)?;
        }
        self.host.breaker.admit(circuit, Instant::now()).map_err(|left| Failure::Resting { left })
    }

    async fn within_deadline<P, W>(
        &self,
        mut sitting: Option<&mut Sitting>,
        invocation: &Invocation,
        target: Target<'_>,
        params: P,
        counted: Counted<'_>,
    ) -> Result<(Result<W, wire::Fault>, Option<Left>), Failure>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        W: Lift + Send + Sync + 'static,
    {
        let meter = counted.meter;
        let until = meter.deadline();
        // Nothing but a save can be what a running call waits for: everything else comes out of a queue, however deep.
        let depth = if in_save(invocation, target) { invocation.call.depth } else { 0 };
        let (seat, permit, served) = match sitting.as_mut().and_then(|sitting| sitting.take(self.number)) {
            Some((seat, permit)) => (Some(seat), permit, 0),
            None => {
                let permits = &self.host.permits;
                let permit = permits.acquire(&invocation.tenant, depth, until).await?;
                let (seat, served) = self.warm(invocation, meter).unzip();
                (seat, permit, served.unwrap_or(0))
            }
        };
        let held = Held { permit: Some(permit), meter: Arc::clone(meter) };
        let keep = sitting.is_some() || self.manifest.warm;
        let running = self.running(held, (seat, keep), invocation, target, params, counted);
        let running = running.map_err(|error| failure_of(&error, meter))?;
        let in_turn = self.host.turns.run(&invocation.tenant, meter, running);
        match tokio::time::timeout_at(until.into(), in_turn).await {
            Ok(Ok((said, left))) => {
                Ok((said, left.map(|(seat, permit)| Left { seat, permit, calls: served + 1 })))
            }
            Ok(Err(error)) => Err(failure_of(&error, meter)),
            // It never had its turn, which is no fault of the plugin.
            Err(_) if meter.cpu().is_zero() => Err(Failure::Busy),
            Err(_) => Err(meter
                .shared_deadline()
                .map_or_else(|| Failure::Deadline { limit_ms: meter.limits().wall_ms }, Failure::Limit)),
        }
    }

    /// An instance that has waited for a call of this tenant, with the number of calls that it has served.
    fn warm(&self, invocation: &Invocation, meter: &Meter) -> Option<(Seat, u32)> {
        match self.manifest.warm {
            true => self.host.warm.take(&self.owner(invocation), meter.limits(), Instant::now()),
            false => None,
        }
    }

    fn owner(&self, invocation: &Invocation) -> Owner {
        Owner { tenant: invocation.tenant.clone(), number: self.number, granted: invocation.granted.digest() }
    }

    /// Keeps an instance whose call has ended well, where it may serve another one.
    fn keep(&self, sitting: Option<&mut Sitting>, invocation: &Invocation, left: Option<Left>) {
        let Some(Left { seat, permit, calls }) = left else { return };
        if let Some(sitting) = sitting {
            return sitting.keep(self.number, seat, permit);
        }
        self.host.warm.keep(self.owner(invocation), &self.manifest.id, seat, calls, Instant::now());
        // Not before the instance is counted among those that wait: there is room for no more of both.
        drop(permit);
    }

    /// The call itself. All that it needs goes along, so that any thread can go on with it.
    fn running<P, W>(
        &self,
        held: Held,
        (seat, keep): (Option<Seat>, bool),
        invocation: &Invocation,
        target: Target<'_>,
        params: P,
        Counted { meter, lines }: Counted<'_>,
    ) -> wasmtime::Result<Running<wasmtime::Result<Said<W>>>>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        W: Lift + Send + Sync + 'static,
    {
        let missing = || wasmtime::Error::msg("the export is not part of the serving component");
        let serving = self.serving.as_ref().ok_or_else(missing)?;
        let index = *serving.exports.get(&(target.point, target.function)).ok_or_else(missing)?;
        let (store, instance) = match seat {
            Some(Seat { mut store, instance }) => {
                store.data_mut().go_on(invocation, meter, lines)?;
                limit_copies(&mut store, meter);
                (store, Some(instance))
            }
            None => (self.store(invocation, meter, lines), None),
        };
        let (pre, meter) = (serving.pre.clone(), Arc::clone(meter));
        let work = async move {
            let mut store = store;
            let instance = match instance {
                Some(instance) => instance,
                None => pre.instantiate_async(&mut store).await?,
            };
            let function = instance.get_typed_func::<P, (Result<W, wire::Fault>,)>(&mut store, index)?;
            let (said,) = function.call_async(&mut store, params).await?;
            Ok::<_, wasmtime::Error>((said, keep.then_some(Seat { store, instance })))
        };
        let call = (work, held);
        Ok(Box::pin(async move {
            // Its place is given back when its instance has gone, not before: parts go in their order.
            let call = call;
            let (work, held) = call;
            let (said, seat) = meter.measure(work).await?;
            Ok((said, seat.zip(held.release())))
        }))
    }

    fn store(
        &self,
        invocation: &Invocation,
        meter: &Arc<Meter>,
        lines: &Arc<Mutex<Vec<LogLine>>>,
    ) -> Store<CallState> {
        let state = CallState {
            meter: Arc::clone(meter),
            granted: Arc::clone(&invocation.granted),
            capabilities: Arc::clone(&invocation.capabilities),
            locale: invocation.call.locale.clone(),
            lines: Arc::clone(lines),
            memory: Memory::new(Arc::clone(meter)),
        };
        let mut store = Store::new(&self.host.engines.serving, state);
        store.limiter(|state| &mut state.memory);
        limit_copies(&mut store, meter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            store.data().meter.check_cpu()?;
            store.data().meter.note_epoch();
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// Ends a call: the transaction pays, the circuit learns, the record is written.
    pub(crate) fn close<T>(
        &self,
        invocation: &Invocation,
        target: Target<'_>,
        outcome: Result<T, Failure>,
        meter: &Meter,
        lines: &Mutex<Vec<LogLine>>,
        circuit: Option<&Circuit>,
    ) -> Run<T> {
        meter.finish();
        let breaker = &self.host.breaker;
        let mut opened = false;
        if let Some(circuit) = circuit {
            match &outcome {
                Ok(_) | Err(Failure::Fault(_)) => breaker.succeeded(circuit),
                Err(failure) if failure.is_breakdown() => {
                    opened = breaker.failed(circuit, &self.host.settings.breaker, Instant::now());
                }
                Err(_) => breaker.withdrawn(circuit),
            }
        }
        let failure = outcome.as_ref().err();
        let record = RunRecord {
            tenant: invocation.tenant.clone(),
            plugin: self.manifest.id.clone(),
            version: self.manifest.version.clone(),
            point: target.point,
            export: target.name.to_owned(),
            failure: failure.map(Failure::code),
            detail: failure.map(ToString::to_string),
            used: usage(meter),
            lines: std::mem::take(&mut lines.lock()),
            opened,
        };
        Run { outcome, record }
    }

    /// Instantiates the component once, without any rights, and looks whether its functions have the types of this server.
    pub(crate) async fn probe(&self, invocation: &Invocation) -> Result<(), HostError> {
        let Some(serving) = &self.serving else { return Ok(()) };
        let limits = self.host.settings.background;
        // There is room in the pool for as many instances as there are permits.
        let permit = self.host.permits.acquire(&invocation.tenant, 0, Instant::now() + PROBE_WAITS).await;
        let _permit = permit.map_err(|busy| HostError::Engine(busy.to_string()))?;
        let meter = Meter::start(limits, None);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let work = meter.measure(async {
            let mut store = self.store(invocation, &meter, &lines);
            let instance = serving.pre.instantiate_async(&mut store).await?;
            for ((point, function), index) in &serving.exports {
                crate::calls::check_type(*point, &instance, &mut store, index)
                    .map_err(|error| error.context(format!("{}#{function}", point.interface())))?;
            }
            Ok(())
        });
        let timed = tokio::time::timeout_at(meter.deadline().into(), work).await;
        let outcome = timed.unwrap_or_else(|_| Err(wasmtime::Error::msg("it takes too long to start")));
        outcome.map_err(|error: wasmtime::Error| HostError::Link(format!("{error:#}")))
    }
}

/// Whether a call is part of a save, which somebody waits for.
fn in_save(invocation: &Invocation, target: Target<'_>) -> bool {
    target.point.tier() == Tier::Save || invocation.transaction.is_some()
}

/// How much a plugin may make the host copy, and how many handles it may hold.
pub(crate) fn limit_copies<T>(store: &mut Store<T>, meter: &Meter) {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    store.set_hostcall_fuel(size(meter.limits().output_bytes));
    store.set_max_component_handles(size(meter.limits().handles));
}

/// The types of a function, compared with ours.
pub(crate) fn typed<P, W>(
    instance: &Instance,
    store: &mut Store<CallState>,
    index: &ComponentExportIndex,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lower,
    W: Lift + 'static,
{
    instance.get_typed_func::<P, (Result<W, wire::Fault>,)>(store, index).map(drop)
}

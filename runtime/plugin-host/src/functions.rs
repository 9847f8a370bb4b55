//! Functions in expressions: batches of rows on a fresh instance of the deterministic engine. Instructions are counted, no
//! import does anything, numbers that are none have one form; so the same rows give the same answers everywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::engine::{EngineKind, FUNCTION_EPOCHS};
use crate::error::HostError;
use crate::host::PluginHost;
use crate::limits::Counter;
use crate::manifest::{Point, Tier};
use crate::meter::Meter;
use crate::permit::Permit;
use crate::plugin::{Invocation, Plugin, Target, export_indexes, limit_copies};
use crate::run::{Failure, Run, failure_of};
use crate::state::Memory;
use crate::v1::types as wire;
use crate::v1::{Checked, answer};
use crate::value::Value;

/// The part that runs on the deterministic engine.
pub(crate) struct Functions {
    pre: InstancePre<FunctionState>,
    call_many: ComponentExportIndex,
}

pub(crate) struct FunctionState {
    memory: Memory,
}

type Rows<'a> = (&'a str, &'a [Vec<wire::Value>]);
type Said = (Result<Vec<wire::Value>, wire::Fault>,);

impl Functions {
    pub(crate) fn of(engine: &Engine, component: &Component) -> Result<Functions, HostError> {
        let link = |error: wasmtime::Error| HostError::Link(format!("{error:#}"));
        let mut linker = Linker::new(engine);
        // Other exports of the same component may import things; a function that uses one breaks down.
        linker.define_unknown_imports_as_traps(component).map_err(link)?;
        let pre = linker.instantiate_pre(component).map_err(link)?;
        let indexes = export_indexes(component, std::iter::once(Point::Function))?;
        let call_many = indexes.into_values().next().expect("the point has one function");
        Ok(Functions { pre, call_many })
    }
}

/// A place among the calls of its tenant, for batches of functions: they need no instance of the pool, but keep a processor
/// busy like any other call. Given back when it is dropped.
pub struct Place {
    permit: Permit,
    begun: Instant,
}

impl PluginHost {
    /// Waits for a place. Not for whoever may be waited for by a call that has one, as a writer may.
    pub async fn place(&self, tenant: &str) -> Result<Place, Failure> {
        let until = Instant::now() + Duration::from_millis(self.settings.background.wall_ms);
        let permit = self.permits.acquire(tenant, 0, until).await?;
        Ok(Place { permit, begun: Instant::now() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit.charge(self.begun.elapsed());
    }
}

impl Plugin {
    /// Calls a function for many rows: one answer each, in their order. Does not wait for anything; a full batch keeps a
    /// thread busy for some ten milliseconds.
    pub fn call_many(&self, invocation: &Invocation, name: &str, rows: &[Vec<Value>]) -> Run<Vec<Value>> {
        let target = Target { point: Point::Function, function: "call-many", name };
        let limits = self.host.settings.limits(Tier::Function, self.manifest.language, None);
        let meter = Meter::start(limits, None);
        let lines = Mutex::new(Vec::new());
        let circuit = self.circuit(&invocation.tenant, target);
        let admitted = match self.manifest.export(Point::Function, name) {
            None => Err(Failure::Missing { point: Point::Function, name: name.to_owned() }),
            Some(_) => {
                let admitted = self.host.breaker.admit(&circuit, Instant::now());
                admitted.map_err(|left| Failure::Resting { left })
            }
        };
        match admitted {
            Err(failure) => self.close(invocation, target, Err(failure), &meter, &lines, None),
            Ok(()) => {
                let batches = rows.chunks(self.host.settings.batch_rows.max(1));
                let answers: Result<Vec<Vec<Value>>, Failure> =
                    batches.map(|batch| self.batch(name, batch, &meter)).collect();
                let outcome = answers.map(|answers| answers.into_iter().flatten().collect());
                self.close(invocation, target, outcome, &meter, &lines, Some(&circuit))
            }
        }
    }

    fn functions(&self, name: &str) -> Result<&Functions, Failure> {
        let late = self.functions.as_ref();
        let late = late.ok_or_else(|| Failure::Missing { point: Point::Function, name: name.to_owned() })?;
        if late.get().is_none() {
            let loaded = self.load_functions();
            let loaded = loaded.map_err(|error| Failure::Unavailable { reason: error.to_string() })?;
            // Another call may have been quicker.
            drop(late.set(loaded));
        }
        Ok(late.get().expect("it was put there"))
    }

    /// Loads the functions and lets go of them again.
    pub(crate) fn probe_functions(&self) -> Result<(), HostError> {
        match self.functions {
            Some(_) => self.load_functions().map(drop),
            None => Ok(()),
        }
    }

    fn load_functions(&self) -> Result<Functions, HostError> {
        let (code, engines) = (&self.host.code, &self.host.engines);
        let component = code.component(engines, EngineKind::Deterministic, &self.digest)?;
        Functions::of(&engines.deterministic, &component)
    }

    fn batch(&self, name: &str, rows: &[Vec<Value>], meter: &Arc<Meter>) -> Result<Vec<Value>, Failure> {
        let functions = self.functions(name)?;
        let rows: Vec<Vec<wire::Value>> =
            rows.iter().map(|row| row.iter().map(Into::into).collect()).collect();
        let said = instance_call(functions, &self.host.engines.deterministic, name, &rows, meter);
        let said = said.map_err(|error| failure_of(&error, meter))?;
        let values = answer(said, Checked::checked)?;
        if values.len() == rows.len() {
            return Ok(values);
        }
        Err(Failure::Output { reason: format!("{} answers for {} rows", values.len(), rows.len()) })
    }
}

fn instance_call(
    functions: &Functions,
    engine: &Engine,
    name: &str,
    rows: &[Vec<wire::Value>],
    meter: &Arc<Meter>,
) -> wasmtime::Result<Result<Vec<wire::Value>, wire::Fault>> {
    let mut store = Store::new(engine, FunctionState { memory: Memory::new(Arc::clone(meter)) });
    store.limiter(|state| &mut state.memory);
    limit_copies(&mut store, meter);
    let fuel = meter.limits().fuel;
    store.set_fuel(fuel)?;
    store.set_epoch_deadline(FUNCTION_EPOCHS);
    let instance = functions.pre.instantiate(&mut store)?;
    let function = instance.get_typed_func::<Rows<'_>, Said>(&mut store, functions.call_many)?;
    let said = function.call(&mut store, (name, rows));
    let used = fuel.saturating_sub(store.get_fuel().unwrap_or_default());
    meter.reach(Counter::Fuel, used)?;
    Ok(said?.0)
}

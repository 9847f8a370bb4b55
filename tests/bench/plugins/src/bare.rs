//! The same component called by bare wasmtime: an engine set up alike, a store without limits, and nothing around the call.
//! This is what nobody can be faster than.

use std::time::Instant;

use anyhow::{Result, anyhow};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline};

wasmtime::component::bindgen!({
    path: ["../../../sdk/wit/types", "../../../sdk/wit/validation"],
    inline: "
        package mortise:bench;

        world validating {
            export mortise:validation/validator@1.0.0;
        }
    ",
    exports: { default: async },
});

use exports::mortise::validation::validator::Violation;
use mortise::types::calls::{Call, Entry, Fault};
use mortise::types::values::{Field, Value};

type Parameters<'a> = (&'a str, &'a Call, Option<&'a Entry>, &'a Entry);
type Answer = (Result<Vec<Violation>, Fault>,);

/// The compiled component.
pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    index: wasmtime::component::ComponentExportIndex,
    call: Call,
    entry: Entry,
    kept: tokio::sync::Mutex<(Store<()>, wasmtime::component::Instance)>,
}

impl Bare {
    pub(crate) fn compile(component: &[u8]) -> Result<Bare> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(64).total_core_instances(64).total_memories(64).total_stacks(64);
        let mut config = Config::new();
        config.wasm_component_model(true).concurrency_support(false).epoch_interruption(true);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).map_err(words)?;
        let component = Component::new(&engine, component).map_err(words)?;
        let index = component
            .get_export_index(None, "mortise:validation/validator@1.0.0")
            .and_then(|interface| component.get_export_index(Some(&interface), "validate"))
            .ok_or_else(|| anyhow!("the guest exports no validator"))?;
        let mut linker = Linker::<()>::new(&engine);
        // What the guest could import and never calls.
        linker.define_unknown_imports_as_traps(&component).map_err(words)?;
        let pre = linker.instantiate_pre(&component).map_err(words)?;
        let mut store = store(&engine);
        let instance = blocking(pre.instantiate_async(&mut store))?;
        let (call, entry) = (call(), entry());
        Ok(Bare { engine, pre, index, call, entry, kept: tokio::sync::Mutex::new((store, instance)) })
    }

    fn parameters(&self) -> Parameters<'_> {
        ("thirty", &self.call, None, &self.entry)
    }

    /// Microseconds of a fresh instance, the call, and their end.
    pub(crate) async fn call(&self) -> Result<f64> {
        self.fresh().await.map_err(words)?
    }

    async fn fresh(&self) -> wasmtime::Result<Result<f64>> {
        let begin = Instant::now();
        let mut store = store(&self.engine);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let function = instance.get_typed_func::<Parameters<'_>, Answer>(&mut store, &self.index)?;
        let (answer,) = function.call_async(&mut store, self.parameters()).await?;
        drop(store);
        let micros = begin.elapsed().as_secs_f64() * 1e6;
        Ok(answer.map(|_| micros).map_err(|fault| anyhow!(fault.message)))
    }

    /// Microseconds of the call alone.
    pub(crate) async fn call_reused(&self) -> Result<f64> {
        self.again().await.map_err(words)?
    }

    async fn again(&self) -> wasmtime::Result<Result<f64>> {
        let mut kept = self.kept.lock().await;
        let (store, instance) = &mut *kept;
        let begin = Instant::now();
        let function = instance.get_typed_func::<Parameters<'_>, Answer>(&mut *store, &self.index)?;
        let (answer,) = function.call_async(&mut *store, self.parameters()).await?;
        let micros = begin.elapsed().as_secs_f64() * 1e6;
        Ok(answer.map(|_| micros).map_err(|fault| anyhow!(fault.message)))
    }
}

fn store(engine: &Engine) -> Store<()> {
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
    store
}

/// Instantiation waits for nothing, so that blocking on it is no harm.
fn blocking<T>(work: impl Future<Output = wasmtime::Result<T>>) -> Result<T> {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work)).map_err(words)
}

fn words(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

fn call() -> Call {
    let ours = crate::host::invocation().call;
    Call {
        tenant: ours.tenant,
        actor: ours.actor,
        locale: ours.locale,
        time_zone: ours.time_zone,
        now: ours.now,
        idempotency_key: ours.idempotency_key,
        attempt: ours.attempt,
        depth: ours.depth,
        config: Vec::new(),
    }
}

fn entry() -> Entry {
    let ours = crate::host::entry();
    let field = |field: mortise_plugin_host::value::Field| Field {
        name: field.name,
        value: match field.value {
            mortise_plugin_host::value::Value::Text(text) => Value::Text(text),
            _ => Value::Null,
        },
    };
    Entry { entity: ours.entity, id: ours.id, fields: ours.fields.into_iter().map(field).collect() }
}

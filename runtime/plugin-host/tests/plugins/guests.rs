//! Installing: in a process of its own, once for each component, and not at all for what cannot run.

use std::path::Path;

use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Compiler, HostError, PluginHost};

use crate::support::{GOOD, Place, invocation, settings, thing, validator, version};

fn worker() -> Compiler {
    let program = Path::new(env!("CARGO_BIN_EXE_plugin-compile")).to_path_buf();
    Compiler::Worker { program, arguments: Vec::new() }
}

#[tokio::test]
async fn a_component_is_compiled_by_another_process_and_then_only_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let package = validator("", "", GOOD);
    let host = PluginHost::open(settings(), folder.path(), worker()).unwrap();
    let plugin = host.install(&package, &version()).await.unwrap();
    assert!(plugin.validate(&invocation(), "it", None, &thing("a")).await.outcome.is_ok());

    let again = PluginHost::open(settings(), folder.path(), worker()).unwrap();
    let never = || panic!("the machine code is there");
    let plugin = again.load(package.manifest.clone().into(), &package.digest(), &never).await.unwrap();
    assert!(plugin.validate(&invocation(), "it", None, &thing("a")).await.outcome.is_ok());
}

#[tokio::test]
async fn a_worker_that_fails_says_why_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let host = PluginHost::open(settings(), folder.path(), worker()).unwrap();
    let package = validator("", "", GOOD);
    let broken = || Ok(b"no component".to_vec());
    let error = host.load(package.manifest.clone().into(), "broken", &broken).await.err().unwrap();
    assert!(matches!(&error, HostError::Compile(reason) if !reason.is_empty()), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let missing = Compiler::Worker { program: "/nowhere/compiler".into(), arguments: Vec::new() };
    let host = PluginHost::open(settings(), folder.path(), missing).unwrap();
    assert!(matches!(host.install(&package, &version()).await, Err(HostError::Folder(_))));
}

#[tokio::test]
async fn code_that_is_too_large_is_given_up() {
    let mut settings = Settings::default();
    settings.sizes.native_bytes = 100;
    let error = Place::new(settings).install(&validator("", "", GOOD)).await.err().unwrap();
    assert!(matches!(error, HostError::GivenUp { .. }), "{error}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_worker_that_wants_too_much_memory_is_given_up() {
    let mut settings = settings();
    settings.sizes.compile_memory_bytes = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let host = PluginHost::open(settings, folder.path(), worker()).unwrap();
    let error = host.install(&validator("", "", GOOD), &version()).await.err().unwrap();
    assert!(matches!(&error, HostError::GivenUp { reason } if reason.contains("1 MB")), "{error}");
}

#[tokio::test]
async fn a_plugin_is_tried_out_in_a_place_of_its_own() {
    let mut settings = Settings { calls: 1, calls_nested: 0, calls_per_tenant: 1, ..settings() };
    settings.warm.instances = 0;
    let place = Place::new(settings);
    let (one, other) = (validator("", "", GOOD), validator("", "", "(drop (i32.const 7)) (i32.const 1024)"));
    let (one, other) = tokio::join!(place.install(&one), place.install(&other));
    assert!(one.is_ok() && other.is_ok(), "there is room for one instance, and they wait for one another");
}

#[tokio::test]
async fn two_installs_of_one_component_compile_it_once() {
    let place = Place::new(settings());
    let package = validator("", "", GOOD);
    let (one, other) = tokio::join!(place.install(&package), place.install(&package));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(place.code_files(), 1);
}

//! Files that were damaged on purpose, installed in a tenant in which people save: they are refused, shown as broken, or run
//! within their limits, and what was in force before stays in force.

use std::sync::Arc;

use mortise_engine::plugins::{PluginState, Standing};
use mortise_engine::{Error, Tenant};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::{check, save};
use crate::common::Bench;
use crate::support::{GOOD, ID, manifest, of_parts, package};

/// Files that are tried on each database. Most are refused before anything of them is compiled.
const FILES: usize = 120;

/// What is done to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// Ends after this part of it, in thousandths.
    Cut(usize),
    /// These bits are turned over: a place in thousandths and a bit.
    Flip(Vec<(usize, u8)>),
    /// Something else stands there.
    Overwrite(usize, Vec<u8>),
    /// Said twice.
    Twice,
}

impl Damage {
    fn any() -> impl Strategy<Value = Damage> {
        prop_oneof![
            (0..1_000_usize).prop_map(Damage::Cut),
            vec((0..1_000_usize, 0..8_u8), 1..4).prop_map(Damage::Flip),
            (0..1_000_usize, vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
            Just(Damage::Twice),
        ]
    }

    fn done_to(&self, bytes: &[u8]) -> Vec<u8> {
        let place = |thousandths: usize| thousandths * bytes.len() / 1_000;
        let mut bytes = bytes.to_vec();
        match self {
            Damage::Cut(at) => bytes.truncate(place(*at)),
            Damage::Flip(bits) => bits.iter().for_each(|(at, bit)| bytes[place(*at)] ^= 1 << bit),
            Damage::Overwrite(at, other) => {
                let at = place(*at);
                let length = other.len().min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&other[..length]);
            }
            Damage::Twice => bytes.extend_from_within(..),
        }
        bytes
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_or_broken_or_runs_within_its_limits_and_people_go_on_saving() {
    let sound = package(&manifest("1.0.0", &json!({})), GOOD);
    let component =
        mortise_plugin_host::Package::read(&sound, &mortise_plugin_host::limits::Settings::default());
    let component = component.unwrap().component;
    check(async |bench: &Bench, next: &Arc<Tenant>| {
        let (root, mut runner) = (bench.admin(), TestRunner::deterministic());
        for tenant in [&bench.tenant, next] {
            tenant.install_plugin(&root, sound.clone(), None).await.unwrap();
        }
        let mut ends = [0; 3];
        for number in 0..FILES {
            let damage = (any::<bool>(), Damage::any()).new_tree(&mut runner).unwrap().current();
            let bytes = match &damage {
                (true, damage) => damage.done_to(&sound),
                (false, damage) => {
                    of_parts(&manifest(&format!("1.1.{number}"), &json!({})), damage.done_to(&component))
                }
            };
            let end = match bench.tenant.install_plugin(&root, bytes, None).await {
                Err(error) => {
                    assert!(matches!(error, Error::Plugin(_)), "{damage:?}: {error:?}");
                    0
                }
                Ok(report) => usize::from(report.standing == Standing::InForce) + 1,
            };
            ends[end] += 1;
            let found = bench.tenant.plugins(&root).await.unwrap();
            let found = found.iter().find(|plugin| plugin.id == ID).unwrap();
            assert_eq!(found.state, PluginState::On, "{damage:?}: what was in force stays in force");
            if end == 2 {
                // It may say anything, but it ends, and is taken back.
                drop(save(&bench.tenant, bench, "calm").await);
                let again = package(&manifest(&format!("1.2.{number}"), &json!({})), GOOD);
                bench.tenant.install_plugin(&root, again, None).await.unwrap();
                bench.tenant.reset_circuits(&root, ID).unwrap();
            }
            if number % 10 == 0 || end == 2 {
                save(&bench.tenant, bench, "calm")
                    .await
                    .unwrap_or_else(|error| panic!("{damage:?}: {error:?}"));
                save(next, bench, "calm").await.unwrap_or_else(|error| panic!("{damage:?}: {error:?}"));
            }
        }
        assert!(ends[0] > 0 && ends[1] > 0, "refused, broken and running: {ends:?}");
    })
    .await;
}

//! `mortise plugin test` and `mortise plugin run`: the built component in a host like that of a server. Limits that count are
//! those of a server and end a call; times are told beside their limits, and end it much later only, since the machine of an
//! author or of CI may be busy with other things.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use mortise_cases::{Report, Said};
use mortise_definition::Problem;
use mortise_plugin_host::limits::{Counter, Limits, Settings};
use mortise_plugin_host::run::Used;
use mortise_plugin_host::{Compiler, Package, Plugin, PluginHost};
use serde_json::{Value, json};

use crate::build::build;
use crate::cases::{Placed, counts_fuel, ending, of_file, of_folder, rewrite};
use crate::error::{AuthorError, about, of_case, problem};
use crate::project::{Project, read_package, server_version};
use crate::terms::Terms;

/// How much longer than on a server a call may take here.
const PATIENCE: u64 = 200;

/// `mortise plugin test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Test this package instead of building one.
    #[arg(long)]
    package: Option<PathBuf>,
    /// Only cases whose file or sentence has this part.
    #[arg(long, default_value = "")]
    case: String,
    /// Write what comes back into the cases, to be looked at and committed.
    #[arg(long)]
    update: bool,
    /// A time above its limit on a server fails the case.
    #[arg(long)]
    strict: bool,
}

/// `mortise plugin run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Name of the export.
    name: String,
    /// A file of one case; what it expects is not compared.
    #[arg(long)]
    input: PathBuf,
    /// Folder of the plugin.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Run this package instead of building one.
    #[arg(long)]
    package: Option<PathBuf>,
}

impl Test {
    pub(crate) async fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let project = Project::open(&self.folder)?;
        let mut cases = of_folder(&project.folder, &project.manifest)?;
        cases.retain(|placed| placed.case.about.contains(&self.case) || placed.place().contains(&self.case));
        if cases.is_empty() {
            let folder = project.folder.join("cases").display().to_string();
            return Err(Problem::error("author.no_cases", folder, "").into());
        }
        let stage = Stage::of(&project, self.package.as_deref()).await?;
        let (mut told, mut failed) = (Vec::new(), 0);
        let mut updates: BTreeMap<PathBuf, Vec<_>> = BTreeMap::new();
        for placed in &cases {
            let mut performed = stage.perform(placed).await?;
            if self.update && !performed.report.passed() {
                let update = (placed.index, ending(&performed.report.outcome), performed.lines());
                updates.entry(placed.file.clone()).or_default().push(update);
                performed.report.differences.clear();
            }
            let passed = performed.report.passed() && !(self.strict && performed.over().next().is_some());
            failed += usize::from(!passed);
            tell(placed, &performed, passed, terms);
            told.push(performed.json(placed, passed, terms));
        }
        for (file, results) in &updates {
            rewrite(file, results)?;
            terms.say("author.test.updated", &[("file", &file.display().to_string())]);
        }
        terms.result(&json!({ "passed": failed == 0, "failed": failed, "cases": told }));
        let count = cases.len().to_string();
        if failed > 0 {
            return Err(problem("author.cases_failed").arg("failed", failed).arg("count", count).into());
        }
        terms.say("author.test.good", &[("count", &count)]);
        Ok(())
    }
}

impl Run {
    pub(crate) async fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let project = Project::open(&self.folder)?;
        let cases = of_file(&self.input, &project.manifest)?;
        let found = cases.into_iter().find(|placed| placed.case.export == self.name);
        let file = self.input.display().to_string();
        let missing = || Problem::error("author.run_no_case", file, "").arg("name", &self.name);
        let placed = found.ok_or_else(missing)?;
        let stage = Stage::of(&project, self.package.as_deref()).await?;
        let performed = stage.perform(&placed).await?;
        let (key, value) = ending(&performed.report.outcome);
        terms.line(&format!("{key}: {value:#}"));
        if let Err(failure) = &performed.report.outcome {
            terms.line(&Said::failure(failure).words(terms.language));
        }
        performed.lines().iter().for_each(|line| terms.line(line));
        terms.line(&performed.usage(terms));
        terms.result(&performed.json(&placed, true, terms));
        Ok(())
    }
}

/// A plugin that is ready for cases.
struct Stage {
    plugin: Arc<Plugin>,
    settings: Settings,
}

/// What became of a case.
struct Performed {
    report: Report,
    took_us: u64,
    /// What was used of each limit of a server.
    used: Vec<Used>,
}

impl Stage {
    /// Installs the package as a server does; without one the plugin is built.
    async fn of(project: &Project, package: Option<&Path>) -> Result<Stage, AuthorError> {
        let built = project.package_path();
        let path = match package {
            Some(path) => path,
            None => {
                build(project, &built)?;
                &built
            }
        };
        Stage::open(&read_package(path)?, &project.target().join("machine-code")).await
    }

    /// `folder` keeps machine code, so that a component is compiled once.
    async fn open(package: &Package, folder: &Path) -> Result<Stage, AuthorError> {
        about(folder, std::fs::create_dir_all(folder))?;
        forget_others(folder, &package.digest());
        let settings = Settings::default();
        let patient = |limits: Limits| Limits {
            wall_ms: limits.wall_ms * PATIENCE,
            cpu_ms: limits.cpu_ms * PATIENCE,
            cpu_ms_dynamic: limits.cpu_ms_dynamic * PATIENCE,
            ..limits
        };
        let lenient = Settings {
            save: patient(settings.save),
            background: patient(settings.background),
            job: patient(settings.job),
            ..settings.clone()
        };
        let host = PluginHost::open(lenient, folder, Compiler::InProcess)?;
        Ok(Stage { plugin: host.install(package, &server_version()).await?, settings })
    }

    async fn perform(&self, placed: &Placed) -> Result<Performed, AuthorError> {
        let manifest = self.plugin.manifest();
        let export = placed.export(manifest)?;
        let begun = Instant::now();
        let report = placed.case.run(&self.plugin).await;
        let report = report.map_err(|error| of_case(&placed.place(), &error))?;
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        // The manifest's deadline counts as on a server, and so do times that were lengthened above.
        let limits = self.settings.limits(export.point.tier(), manifest.language, export.deadline_ms);
        let used = report.record.used.iter().map(|used| Used { limit: limits.of(used.counter), ..*used });
        let used = used.collect();
        Ok(Performed { report, took_us, used })
    }
}

/// Machine code of earlier builds is never needed again. What cannot be removed only takes room.
fn forget_others(folder: &Path, digest: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(digest) {
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

impl Performed {
    fn lines(&self) -> Vec<String> {
        let line = |line: &mortise_plugin_host::run::LogLine| {
            format!("{}: {}", format!("{:?}", line.level).to_lowercase(), line.message)
        };
        self.report.record.lines.iter().map(line).collect()
    }

    /// Counters above their limit on a server: only times can be.
    fn over(&self) -> impl Iterator<Item = &Used> {
        self.used.iter().filter(|used| used.used > used.limit)
    }

    fn used(&self, counter: Counter) -> Option<&Used> {
        self.used.iter().find(|used| used.counter == counter)
    }

    /// One line: time, instructions or processor, memory, calls to the host, each beside its limit.
    fn usage(&self, terms: Terms) -> String {
        let of = |counter: Counter, unit: u64| {
            let used = self.used(counter)?;
            Some((used.used.div_ceil(unit).to_string(), (used.limit / unit).to_string()))
        };
        let part = |key: &str, counter: Counter, unit: u64| {
            let (used, limit) = of(counter, unit)?;
            Some(terms.text(key, &[("used", &used), ("limit", &limit)]))
        };
        let milliseconds = format!("{:.2}", self.took_us as f64 / 1000.0);
        let wall = self.used(Counter::WallMs).map(|used| used.limit.to_string());
        let time = match wall {
            Some(limit) => terms.text("author.used.time", &[("used", &milliseconds), ("limit", &limit)]),
            None => terms.text("author.used.time_only", &[("used", &milliseconds)]),
        };
        let work = match counts_fuel(self.report.record.point) {
            true => part("author.used.fuel", Counter::Fuel, 1),
            false => part("author.used.cpu", Counter::CpuMs, 1),
        };
        let memory = part("author.used.memory", Counter::MemoryBytes, 1024);
        let host = part("author.used.host_calls", Counter::HostCalls, 1);
        let rows = part("author.used.rows", Counter::RowsRead, 1);
        let parts = [Some(time), work, memory, host, rows.filter(|_| self.used_any(Counter::RowsRead))];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn used_any(&self, counter: Counter) -> bool {
        self.used(counter).is_some_and(|used| used.used > 0)
    }

    fn json(&self, placed: &Placed, passed: bool, terms: Terms) -> Value {
        let (key, value) = ending(&self.report.outcome);
        json!({
            "file": placed.file,
            "number": placed.index + 1,
            "about": placed.case.about,
            "point": placed.case.point,
            "export": placed.case.export,
            "passed": passed,
            "differences": self.report.told(terms.language),
            "came": { key: value },
            "log": self.lines(),
            "took_us": self.took_us,
            "used": self.used,
        })
    }
}

fn tell(placed: &Placed, performed: &Performed, passed: bool, terms: Terms) {
    let key = if passed { "author.test.passed" } else { "author.test.failed" };
    terms.say(key, &[("about", &placed.case.about), ("place", &placed.place())]);
    terms.line(&format!("    {}", performed.usage(terms)));
    for difference in performed.report.told(terms.language) {
        terms.line(&format!("    {}", difference.replace('\n', "\n    ")));
    }
    if !performed.report.passed() {
        performed.lines().iter().for_each(|line| terms.line(&format!("    {line}")));
    }
    for used in performed.over() {
        let (counter, used, limit) = (used.counter.name(), used.used.to_string(), used.limit.to_string());
        terms.say("author.test.over", &[("counter", counter), ("used", &used), ("limit", &limit)]);
    }
}

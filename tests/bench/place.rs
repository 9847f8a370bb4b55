//! The measured installation: a temporary folder with the bench app, its records, a person and a running server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mortise_tests::{Client, Installation, Server, people};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::driver::{Driver, Postgres, Sqlite, Subject, copy_database};
use crate::load::Workload;
use crate::process;

/// The collection of the measured entity.
pub(crate) const RECORDS: &str = "/t/demo/api/v1/records/bench.item";

/// The collection of plugins.
const PLUGINS: &str = "/t/demo/api/v1/plugins";
/// Records whose ids the workloads draw from; more than fit into any cache of answers.
const IDS: usize = 20_000;
/// A prime number, so that records that are drawn one after the other lie apart.
const SPREAD: usize = 7_919;
/// Starts of the server of which the median is taken.
const STARTS: usize = 5;

/// An installation with records and a running server.
pub(crate) struct Place {
    installation: Installation,
    server: Option<Server>,
    person: Uuid,
    token: String,
    ids: Vec<Uuid>,
    ids_file: PathBuf,
}

/// What a bulk load came to.
pub(crate) struct Bulk {
    /// From the upload to the end.
    pub(crate) seconds: f64,
    /// Largest memory of the server meanwhile.
    pub(crate) peak_mb: f64,
}

impl Place {
    /// Installs the app, makes the people and loads the records through an import, as a person would.
    pub(crate) fn new(postgres: Option<&str>, count: usize) -> Result<(Self, Bulk)> {
        Self::beside(postgres, count, |_| ())
    }

    /// The same beside something else, which is made before the server is started.
    pub(crate) fn beside(
        postgres: Option<&str>,
        count: usize,
        prepare: impl FnOnce(&Installation),
    ) -> Result<(Self, Bulk)> {
        let installation = Installation::on(postgres);
        installation.tenant(&["tests/bench/app"]);
        prepare(&installation);
        let server = installation.serve();
        let mut administrator = server.administrator();
        let (person, token) = people::person(&mut administrator, "measurer", &["bench.user"]);
        people::person(&mut administrator, "colleague", &["bench.user"]);
        let file = installation.data().join("records.csv");
        write_records(&file, count)?;
        let bulk = import(&server, "bench.item", &file)?;
        let mut place = Self {
            ids_file: installation.data().join("ids.txt"),
            person: person.parse()?,
            server: Some(server),
            installation,
            token,
            ids: Vec::new(),
        };
        place.collect_ids()?;
        Ok((place, bulk))
    }

    /// Stops the server, copies its data for the bare driver and starts it again; returns the driver, and the server's
    /// memory after the first answer.
    pub(crate) fn settle(&mut self) -> Result<(Box<dyn Driver>, f64)> {
        self.server = None;
        let subject = Subject { ids: self.ids.clone(), person: self.person };
        let driver: Box<dyn Driver> = match self.installation.postgres() {
            Some(url) => Box::new(Postgres::new(url.to_owned(), copy_database(url)?, subject)?),
            None => {
                let file = largest_database(self.installation.data())?;
                let copy = self.installation.data().join("bare-driver.sqlite");
                copy_file(&file, &copy)?;
                Box::new(Sqlite::new(file, copy, subject)?)
            }
        };
        let server = self.installation.serve();
        let answer = server.client().with_token(&self.token).get(&format!("{RECORDS}?limit=1"))?;
        answer.expect(200);
        let memory = process::memory_mb(server.process_id())?;
        self.server = Some(server);
        Ok((driver, memory))
    }

    /// Installs a plugin with all that it asks for.
    pub(crate) fn install_plugin(&self, package: &[u8]) -> Result<()> {
        let kind = [("content-type", "application/octet-stream")];
        let mut administrator = self.server().administrator();
        administrator.send("POST", &format!("{PLUGINS}?grant_all=true"), &kind, package)?.expect(200);
        Ok(())
    }

    /// Switches a plugin on or off.
    pub(crate) fn switch_plugin(&self, id: &str, on: bool) -> Result<()> {
        let verb = if on { "enable" } else { "disable" };
        let mut administrator = self.server().administrator();
        let answer = administrator.json("POST", &format!("{PLUGINS}/{id}/{verb}"), &json!({}))?;
        ensure!(answer.status < 300, "the plugin cannot be switched: {}", answer.text());
        Ok(())
    }

    /// A connection of the person.
    pub(crate) fn client(&self) -> Client {
        self.server().client().with_token(&self.token)
    }

    /// The id of one of the person's records; another number, another record.
    pub(crate) fn id(&self, number: usize) -> Uuid {
        self.ids[number * SPREAD % self.ids.len()]
    }

    /// The id of the server's process.
    pub(crate) fn process_id(&self) -> u32 {
        self.server().process_id()
    }

    /// Size of one record as JSON.
    pub(crate) fn record_bytes(&self) -> Result<usize> {
        let mut client = self.server().client().with_token(&self.token);
        Ok(client.get(&format!("{RECORDS}/{}", self.ids[0]))?.expect(200).body.len())
    }

    /// A workload against the running server.
    pub(crate) fn workload<'a>(&'a self, script: &'a str, connections: usize) -> Workload<'a> {
        Workload {
            script,
            connections,
            address: self.server().address(),
            path: RECORDS,
            ids: Some(&self.ids_file),
            token: Some(&self.token),
        }
    }

    /// The running server.
    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("the server runs except inside of settle")
    }

    /// Ids of records that the person sees, spread over all of them.
    fn collect_ids(&mut self) -> Result<()> {
        let mut client = self.server().client().with_token(&self.token);
        let mut cursor = String::new();
        while self.ids.len() < IDS {
            let page = client.get(&format!("{RECORDS}?limit=200{cursor}"))?.expect(200).json();
            for row in page["rows"].as_array().context("a list has rows")? {
                self.ids.push(row["id"].as_str().context("a record has an id")?.parse()?);
            }
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let mut file = std::fs::File::create(&self.ids_file)?;
        self.ids.iter().try_for_each(|id| writeln!(file, "{id}"))?;
        Ok(())
    }
}

/// A third of the records belongs to the person, a third to nobody, a third to somebody else.
fn write_records(file: &Path, count: usize) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(file)?);
    writeln!(file, "name,status,phone,email,company,amount,quantity,due,active,note,owner")?;
    let statuses = ["new", "open", "waiting", "won", "lost"];
    for number in 0..count {
        let owner = ["measurer", "", "colleague"][number % 3];
        let status = statuses[number / 3 % 5];
        let active = number / 15 % 5 != 0;
        let (month, day) = (number % 12 + 1, number % 28 + 1);
        writeln!(
            file,
            "Item {number},{status},+86139{:08},person{number}@example.com,Example {number} Ltd,{}.50,{},\
             2026-{month:02}-{day:02},{active},Loaded before measuring,{owner}",
            number % 100_000_000,
            number % 100_000,
            number % 100,
        )?;
    }
    Ok(file.flush()?)
}

/// Uploads the file, accepts the guessed mapping, starts the import and waits for its end.
pub(crate) fn import(server: &Server, entity: &str, file: &Path) -> Result<Bulk> {
    const IMPORTS: &str = "/t/demo/api/v1/imports";
    let mut client = server.administrator();
    process::reset_peak(server.process_id())?;
    let started = Instant::now();
    let text = std::fs::read(file)?;
    let upload = format!("{IMPORTS}?entity={entity}&name=records.csv");
    let job = client.send("POST", &upload, &[("content-type", "text/csv")], &text)?.expect(201).json();
    let guessed = job["guessed"].as_array().context("an upload guesses its columns")?;
    let columns: Vec<Value> =
        (0..).zip(guessed).map(|(column, field)| json!({"column": column, "field": field})).collect();
    let path = format!("{IMPORTS}/{}", job["id"].as_str().context("an import has an id")?);
    client.json("POST", &format!("{path}/start"), &json!({"mapping": {"columns": columns}}))?.expect(202);
    loop {
        let job: Value = client.get(&path)?.expect(200).json();
        match job["state"].as_str() {
            Some("running") => std::thread::sleep(Duration::from_millis(20)),
            Some("done") if job["progress"]["failed"] == 0 => break,
            _ => bail!("the import failed: {job}"),
        }
    }
    Ok(Bulk { seconds: started.elapsed().as_secs_f64(), peak_mb: process::peak_mb(server.process_id())? })
}

/// Seconds to install both shipped apps into a new tenant, and from the start of the process to its first list.
pub(crate) fn start_and_install(postgres: Option<&str>) -> Result<[f64; 2]> {
    let installation = Installation::on(postgres);
    installation.tenant(&[]);
    let mut install = Duration::ZERO;
    for app in ["app-templates/sales-core", "app-templates/lead-management"] {
        let folder = mortise_tests::server::workspace().join(app);
        let started = Instant::now();
        installation.run(&["app", "install", "demo", &folder.to_string_lossy()]);
        install += started.elapsed();
    }
    let server = installation.serve();
    let roles = ["lead-management.director", "sales-core.director"];
    let (_, token) = people::person(&mut server.administrator(), "director", &roles);
    drop(server);
    let path = "/t/demo/api/v1/records/lead-management.lead?limit=50";
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        let server = installation.serve();
        server.client().with_token(&token).get(path)?.expect(200);
        starts.push(started.elapsed());
    }
    starts.sort();
    Ok([install.as_secs_f64(), starts[STARTS / 2].as_secs_f64()])
}

/// The tenant's file is by far the largest of the folder.
fn largest_database(folder: &Path) -> Result<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    let mut largest = (0, None);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let (path, size) = (entry.as_ref().expect("listed").path(), entry?.metadata()?.len());
            if path.is_dir() {
                folders.push(path);
            } else if size > largest.0 && is_database(&path) {
                largest = (size, Some(path));
            }
        }
    }
    largest.1.context("no database in the folder")
}

fn is_database(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 15];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start == b"SQLite format 3"
}

/// Copies a file together with its log; nobody has it open.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)?;
    let log = format!("{}-wal", from.display());
    if Path::new(&log).exists() {
        std::fs::copy(&log, format!("{}-wal", to.display()))?;
    }
    Ok(())
}

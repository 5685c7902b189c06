//! Brokers that ask who comes: workers log in with what their files say, and go on with what these say later.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use transect_config::{ClientTls, KafkaLogin, KafkaSecurity, ScramMechanism};
use transect_e2e::authority::Authority;
use transect_e2e::kafka::{Guarded, Kafka, USER};
use transect_worker::log::kafka::{KafkaLog, KafkaSettings, Outlet, TopicSettings, create_topics};
use transect_worker::log::{Log, NewRecord, Topic, Transaction};
use transect_worker::runner::Flag;

const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait for brokers that don't let anybody in.
const REFUSED: Duration = Duration::from_secs(5);

/// A broker, and what its clients have.
struct Stage {
    kafka: Kafka,
    folder: tempfile::TempDir,
}

impl Stage {
    fn set() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new()?;
        authority.write(&folder.path().join("client"))?;
        Authority::new()?.write(&folder.path().join("stranger"))?;
        let login = folder.path().join("login");
        fs::create_dir(&login)?;
        fs::write(login.join("username"), USER.0)?;
        fs::write(login.join("password"), format!("{}\n", USER.1))?;
        Ok(Self { kafka: Kafka::start_guarded(&authority)?, folder })
    }

    fn guarded(&self) -> anyhow::Result<&Guarded> {
        self.kafka.guarded.as_ref().context("an open broker")
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn by_password(&self) -> anyhow::Result<KafkaSettings> {
        let tls = ClientTls { authorities: Some(self.path("client/ca.crt")), ..ClientTls::default() };
        let login = KafkaLogin::Scram { folder: self.path("login"), mechanism: ScramMechanism::Sha512 };
        Ok(settings(&self.guarded()?.scram, KafkaSecurity { tls: Some(tls), login: Some(login) }))
    }

    fn by_certificate(&self, whose: &Path) -> anyhow::Result<KafkaSettings> {
        let tls = ClientTls {
            authorities: Some(self.path("client/ca.crt")),
            certificate: Some(whose.join("tls.crt")),
            key: Some(whose.join("tls.key")),
        };
        Ok(settings(&self.guarded()?.mtls, KafkaSecurity { tls: Some(tls), login: None }))
    }
}

fn settings(servers: &str, security: KafkaSecurity) -> KafkaSettings {
    KafkaSettings {
        bootstrap_servers: servers.to_owned(),
        prefix: "guarded".into(),
        security,
        member: "one".into(),
        session_timeout: Duration::from_secs(10),
        timeout: PATIENCE,
        ending: Flag::default(),
        metrics: Arc::default(),
    }
}

fn refused(settings: KafkaSettings) -> bool {
    KafkaLog::connect(KafkaSettings { timeout: REFUSED, ..settings }, Vec::new()).is_err()
}

fn transaction(value: &'static str) -> Transaction {
    let record = NewRecord::new(Topic::Raw, Vec::new(), value.as_bytes()).to(Some(0));
    Transaction { records: vec![record], ..Transaction::default() }
}

#[test]
fn who_has_a_password_or_a_certificate_gets_in_and_what_changes_is_read_again() -> anyhow::Result<()> {
    let stage = Stage::set()?;
    let topics = TopicSettings { partitions: 1, replication_factor: 1, retention_ms: 86_400_000 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(create_topics(&stage.by_password()?, topics))?;
    Outlet::connect(stage.by_certificate(&stage.path("client"))?)?.commit(transaction("by certificate"))?;
    ensure!(refused(stage.by_certificate(&stage.path("stranger"))?), "a stranger's certificate is taken");
    ensure!(
        refused(settings(&stage.guarded()?.mtls, KafkaSecurity::default())),
        "plain connections are taken"
    );

    let outlet = Outlet::connect(stage.by_password()?)?;
    outlet.commit(transaction("by password"))?;
    // What is in the files now is what counts, though the connection is open: a password is taken back for good.
    let password = stage.path("login/password");
    fs::write(&password, "wrong")?;
    ensure!(refused(stage.by_password()?), "a wrong password is taken");
    let deadline = Instant::now() + PATIENCE;
    let short = KafkaSettings { timeout: REFUSED, member: "two".into(), ..stage.by_password()? };
    fs::write(&password, USER.1)?;
    let outlet_two = Outlet::connect(short)?;
    fs::write(&password, "wrong again")?;
    while outlet_two.commit(transaction("by a password that was")).is_ok() {
        ensure!(Instant::now() < deadline, "the password is not read again");
        thread::park_timeout(Duration::from_millis(200));
    }
    fs::write(&password, USER.1)?;
    outlet_two.commit(transaction("with the right one again"))?;
    outlet.commit(transaction("as before"))?;

    let log = KafkaLog::connect(stage.by_password()?, Vec::new())?.partition(0, &[])?;
    let read = log.read(Topic::Raw, 0, usize::MAX)?;
    let last = read.last().context("nothing was written")?;
    ensure!(read.first().is_some_and(|record| record.value == "by certificate"), "{read:?}");
    ensure!(last.value == "as before", "{last:?}");
    Ok(())
}

/// Secrets are in no error that is shown.
#[test]
fn errors_name_files_and_hold_no_secret() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("username"), "u")?;
    let login = KafkaLogin::Scram { folder: folder.path().to_owned(), mechanism: ScramMechanism::Sha256 };
    let settings = settings("localhost:1", KafkaSecurity { tls: None, login: Some(login) });
    let error = KafkaLog::connect(settings.clone(), Vec::new()).err().context("no password, no error")?;
    ensure!(error.to_string().contains("password"), "{error}");
    fs::write(folder.path().join("password"), "canary-secret")?;
    let error = KafkaLog::connect(KafkaSettings { timeout: REFUSED, ..settings }, Vec::new());
    let error = error.err().context("no broker, no error")?;
    ensure!(!format!("{error} {error:?}").contains("canary-secret"), "{error:?}");
    Ok(())
}

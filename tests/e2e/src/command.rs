//! The real `transect` binary, run as a user runs it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};

/// The binary under test: `TRANSECT` if set, else the one built beside this test.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("TRANSECT") {
        return Ok(path.into());
    }
    let test = std::env::current_exe().context("find the test's own binary")?;
    let profile = test.parent().and_then(Path::parent).context("find the build's folder")?;
    let path = profile.join("transect");
    if !path.is_file() {
        bail!(
            "{} is not there; build it first: cargo build -p transect (with the same profile)",
            path.display()
        );
    }
    Ok(path)
}

/// Runs `transect` with these arguments to its end.
pub fn transect(args: &[&str]) -> anyhow::Result<Output> {
    Command::new(binary()?).args(args).stdin(Stdio::null()).output().context("run transect")
}

/// The folder of manifests that belong to these tests.
pub fn manifests(name: &str) -> PathBuf {
    // Asked for as the tests run: another checkout may have built them, in a target folder that both share.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&here).join("manifests").join(name)
}

/// One way to run `transect up`.
#[derive(Clone, Debug)]
pub struct Up {
    manifests: PathBuf,
    args: Vec<String>,
    /// Where results go.
    pub out: PathBuf,
    /// Where the log is kept.
    pub state: PathBuf,
}

impl Up {
    /// A run of the manifests, with output and state in a folder.
    pub fn new(manifests: &Path, folder: &Path) -> Self {
        let (out, state) = (folder.join("out"), folder.join("state"));
        Self { manifests: manifests.to_owned(), args: Vec::new(), out, state }
    }

    /// With a file fed to a source.
    pub fn input(self, source: &str, file: &Path) -> Self {
        self.arg("--input").arg(&format!("{source}={}", file.display()))
    }

    /// With another argument.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// The command, not yet started.
    pub fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command.arg("up").arg("-f").arg(&self.manifests);
        command.arg("--out").arg(&self.out).arg("--state").arg(&self.state).args(&self.args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs to the end.
    pub fn run(&self) -> anyhow::Result<Output> {
        self.command()?.output().context("run transect up")
    }

    /// Runs to the end, which must be a good one.
    pub fn succeed(&self) -> anyhow::Result<String> {
        let output = self.run()?;
        if !output.status.success() {
            bail!("transect up ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs to the end, which must be an error; what it said.
    pub fn fail(&self) -> anyhow::Result<String> {
        let output = self.run()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            bail!("transect up ended well, but an error was expected: {said}");
        }
        if output.status.code() == Some(101) || said.contains("panicked") {
            bail!("transect up panicked: {said}");
        }
        Ok(said)
    }

    /// Starts it; output goes nowhere, so that it can't block.
    pub fn start(&self) -> anyhow::Result<Child> {
        let mut command = self.command()?;
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("start transect up")
    }
}

/// Waits for the child to end, at most so long; None if it is still running.
pub fn wait_for(child: &mut Child, time: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Asks the process to end, and waits for it.
pub fn terminate(child: &mut Child) -> anyhow::Result<()> {
    rustix::process::kill_process(Pid::from_child(child), Signal::TERM)?;
    let Some(status) = wait_for(child, Duration::from_secs(60))? else {
        bail!("it did not end within a minute")
    };
    let mut said = String::new();
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_string(&mut said)?;
    }
    ensure!(status.success(), "it ended with {status}: {said}");
    Ok(())
}

//! A real browser without a window: what a page looks like, what it says to the console, what its document becomes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::command::wait_for;

/// Long enough for any page of these tests on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Chromium, with a profile of its own.
pub struct Browser {
    folder: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// With dark letters.
    Light,
    /// With light letters.
    Dark,
}

impl Browser {
    /// A browser that knows nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    /// A picture of a page in a window of this width and height.
    pub fn picture(
        &self,
        page: &Path,
        (width, height): (u32, u32),
        look: Look,
        to: &Path,
    ) -> anyhow::Result<()> {
        let mut args = vec![
            "--hide-scrollbars".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--screenshot={}", to.display()),
        ];
        args.extend((look == Look::Dark).then(|| "--blink-settings=preferredColorScheme=0".to_owned()));
        self.run(&args, page)?;
        begins_with(to, b"\x89PNG")
    }

    /// A page as it is printed.
    pub fn print(&self, page: &Path, to: &Path) -> anyhow::Result<()> {
        self.run(&["--no-pdf-header-footer".to_owned(), format!("--print-to-pdf={}", to.display())], page)?;
        begins_with(to, b"%PDF")
    }

    /// A page's document once it is loaded and its scripts have run.
    pub fn document(&self, page: &Path) -> anyhow::Result<String> {
        self.run(&["--window-size=1280,800".to_owned(), "--dump-dom".to_owned()], page)
    }

    /// Runs the browser; what it wrote. An error if the page has said anything to the console, where also stands what it
    /// was not allowed to do.
    fn run(&self, args: &[String], page: &Path) -> anyhow::Result<String> {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new("chromium");
        // Root has no sandbox; a container has little shared memory; no machine of the tests has these services.
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--enable-logging=stderr", "--v=0"]);
        command.arg(format!("--user-data-dir={}", at("profile").display())).args(args);
        command.arg(format!("file://{}", page.display())).stdin(Stdio::null());
        command.stdout(File::create(at("stdout"))?).stderr(File::create(at("stderr"))?);
        let mut child = command
            .spawn()
            .context("run chromium; install it with tools/install-browser.sh, as make test does")?;
        let Some(status) = wait_for(&mut child, PATIENCE)? else {
            child.kill()?;
            child.wait()?;
            bail!("the browser did not end within {PATIENCE:?} with {}", page.display());
        };
        let said = String::from_utf8_lossy(&fs::read(at("stderr"))?).into_owned();
        ensure!(status.success(), "the browser ended with {status}: {said}");
        let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        ensure!(console.is_empty(), "{} said to the console: {console:?}", page.display());
        Ok(String::from_utf8_lossy(&fs::read(at("stdout"))?).into_owned())
    }
}

/// Writes a page that holds another in a frame of this size, with a script that notes what became of it, as attributes of its
/// body: `data-over` is how much wider than the frame the page is, `data-wide` what reaches beyond the frame, `data-scripts` how many
/// elements in it could run a script.
pub fn framed(page: &Path, (width, height): (u32, u32), to: &Path) -> anyhow::Result<()> {
    let escaped = fs::read_to_string(page)?.replace('&', "&amp;").replace('"', "&quot;");
    let script = "
        function look(frame) {
            const doc = frame.contentDocument, data = document.body.dataset, all = [...doc.querySelectorAll('*')];
            const name = e => e.tagName + '.' + (e.getAttribute('class') || '');
            data.over = doc.documentElement.scrollWidth - doc.documentElement.clientWidth;
            data.wide = all.filter(e => !e.closest('thead') && e.getBoundingClientRect().right > frame.clientWidth + 0.5).slice(0, 5).map(name).join(' ');
            data.scripts = all.filter(e => /^(script|img|iframe|object|embed|base|form)$/i.test(e.tagName)
                || [...e.attributes].some(a => /^on/i.test(a.name) || /javascript:/i.test(a.value))).length;
            data.sections = doc.querySelectorAll('section').length;
        }";
    let page = format!(
        "<!doctype html><meta charset=utf-8><script>{script}</script><body style=margin:0><iframe style=border:0 \
         width={width} height={height} onload=look(this) srcdoc=\"{escaped}\"></iframe>"
    );
    fs::write(to, page).with_context(|| format!("write {}", to.display()))
}

/// An attribute of the body of a `framed` document.
pub fn noted<'a>(document: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let rest = document.split_once(&format!("data-{name}=\"")).map(|(_, rest)| rest);
    let value = rest.and_then(|rest| rest.split_once('"')).map(|(value, _)| value);
    value.with_context(|| format!("the script has noted no {name}"))
}

/// A folder beside the build in which pictures are kept, to be looked at.
pub fn gallery(name: &str) -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(folder, PathBuf::from);
    let gallery = target.join("report").join(name);
    fs::create_dir_all(&gallery).with_context(|| format!("create {}", gallery.display()))?;
    Ok(gallery)
}

fn begins_with(path: &Path, magic: &[u8]) -> anyhow::Result<()> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    ensure!(bytes.starts_with(magic) && bytes.len() > 1000, "{} is not what it should be", path.display());
    Ok(())
}

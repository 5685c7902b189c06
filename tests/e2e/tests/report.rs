//! The report in a real browser: by day, by night, on a phone and on paper; and with events that mean harm.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use transect_e2e::browser::{Browser, Look, framed, gallery, noted};
use transect_e2e::command::{Up, manifests, transect};
use transect_e2e::outcome::Outcome;

/// The width of a small phone, in its own pixels.
const PHONE: (u32, u32) = (360, 800);
const DESK: (u32, u32) = (1280, 800);

/// What events say that mean harm. Each would be markup if it came through.
const HARM: [&str; 6] = [
    "<script>document.title='harm'</script>",
    "</style><script>alert(1)</script>",
    "]]></desc></svg><img src=x onerror=alert(1)>",
    "\"><b onmouseover='alert(1)'>",
    "javascript:alert(1)//\u{202e}dessever\u{202c}\u{200f}",
    "&lt;script&gt; --> <!-- <![CDATA[ </title></pre></td>",
];

fn examples() -> PathBuf {
    manifests("../../..").join("examples")
}

/// Nothing is fetched: whatever a page could load or point to is in the page.
fn check_nothing_is_fetched(html: &str) -> anyhow::Result<()> {
    for attribute in [" src=\"", " href=\"", "url(", "@import", "srcset=\"", " action=\""] {
        for (at, _) in html.match_indices(attribute) {
            let value = &html[at + attribute.len()..][..6];
            ensure!(value.starts_with('#') || value.starts_with("data:,"), "the page fetches {value}…");
        }
    }
    ensure!(html.contains("default-src 'none'"), "the page has no policy");
    Ok(())
}

/// Looks at a page in frames of several sizes.
fn check_in_frames(browser: &Browser, page: &Path, gallery: &Path) -> anyhow::Result<()> {
    for (size, name) in [(PHONE, "phone"), (DESK, "desk")] {
        let frame = gallery.join(format!("{name}.html"));
        framed(page, size, &frame)?;
        let document = browser.document(&frame)?;
        let (over, wide) = (noted(&document, "over")?, noted(&document, "wide")?);
        ensure!(over == "0", "on a {name} the page is {over} too wide, because of {wide}");
        ensure!(noted(&document, "scripts")? == "0", "something in the page could run");
        ensure!(noted(&document, "sections")?.parse::<u8>()? >= 3, "the page is not whole");
    }
    Ok(())
}

#[test]
fn the_reports_of_the_examples_can_be_read_everywhere() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut seen = 0;
    for entry in fs::read_dir(examples())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let example = name.as_str();
        if !entry.path().join("pipeline.yaml").is_file() {
            continue;
        }
        seen += 1;
        let up = Up::new(&entry.path(), &folder.path().join(example)).arg("--drain");
        let said = up.succeed()?;
        let page = up.out.join("report.html");
        ensure!(said.contains(&page.display().to_string()), "the summary doesn't name the report: {said}");
        let html = fs::read_to_string(&page)?;
        check_nothing_is_fetched(&html)?;
        ensure!(html.len() < 2 << 20, "{example}: the page has {} bytes", html.len());
        let (browser, gallery) = (Browser::new()?, gallery(example)?);
        check_in_frames(&browser, &page, &gallery).with_context(|| example.to_owned())?;
        browser.picture(&page, (1280, 4000), Look::Light, &gallery.join("light.png"))?;
        browser.picture(&page, (1280, 4000), Look::Dark, &gallery.join("dark.png"))?;
        browser.picture(&gallery.join("phone.html"), PHONE, Look::Light, &gallery.join("phone.png"))?;
        browser.print(&page, &gallery.join("print.pdf"))?;
    }
    ensure!(seen >= 3, "only {seen} examples were found");
    Ok(())
}

/// Events, good and bad, that say harm wherever a text can stand.
fn hostile_events() -> String {
    let mut lines = String::new();
    for (at, harm) in HARM.iter().enumerate() {
        let text = serde_json::Value::from(*harm);
        let event = |id: &str, value: i32, rest: &str| {
            format!(
                "{{\"id\":\"{id}{at}\",\"station\":{text},\"time\":\"2026-03-01T1{at}:00:00Z\",\"value\":{value}{rest}}}\n"
            )
        };
        lines += &event("fine", 5, &format!(",\"note\":{text}"));
        lines += &event("high", 999, "");
        lines += &event("below", -1, &format!(",\"note\":{text}"));
        lines += &event("more", 1, &format!(",{text}:{text}"));
        lines += &format!("{harm}\n{{\"id\":{text},\"station\":7,\"time\":{text},\"value\":{text}}}\n");
    }
    lines
}

#[test]
fn no_event_becomes_markup() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    // A file's name is a text, too.
    let input = folder.path().join("<script>alert(1)<!--.ndjson");
    fs::write(&input, hostile_events())?;
    let other = folder.path().join("boxes.ndjson");
    fs::write(&other, "{\"id\":\"b\",\"station\":\"s\",\"time\":\"2026-03-01T10:00:00Z\",\"value\":2}\n")?;
    let up = Up::new(&manifests("report"), folder.path())
        .arg("--drain")
        .input("web", &input)
        .input("boxes", &other);
    up.succeed()?;
    let page = up.out.join("report.html");
    let html = fs::read_to_string(&page)?;
    check_nothing_is_fetched(&html)?;
    for harm in ["<script", "<img", "<b ", "]]>", "\u{202e}", "\u{200f}", "<!--"] {
        ensure!(!html.contains(harm), "{harm:?} came through");
    }
    for shown in ["&lt;script&gt;", "]]&gt;", "\\u{202e}", "source boxes", "plausible", "high (Threshold)"] {
        ensure!(html.contains(shown), "{shown} is not in the page");
    }
    // Without its policy, so that only the escapes hold.
    let bare = folder.path().join("bare.html");
    let (before, after) = html.split_once("<meta http-equiv").context("the page has no policy")?;
    let (_, after) = after.split_once('\n').context("the policy has no end")?;
    fs::write(&bare, format!("{before}{after}"))?;
    let browser = Browser::new()?;
    let document = browser.document(&bare)?;
    ensure!(document.contains("<title>hostile – open</title>"), "a script has run");
    check_in_frames(&browser, &bare, &gallery("hostile")?)
}

#[test]
fn a_report_is_made_again_from_the_files_alone() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&examples().join("03-survey"), folder.path()).arg("--drain");
    up.succeed()?;
    let page = up.out.join("report.html");
    let without_now =
        |html: String| html.lines().filter(|line| !line.contains("report of")).collect::<Vec<_>>().join("\n");
    let before = without_now(fs::read_to_string(&page)?);
    fs::remove_file(&page)?;
    // As the redrive of the first two refused events leaves it.
    let out = up.out.display().to_string();
    let said = transect(&["report", "--out", &out, "-o", "json"])?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    ensure!(
        String::from_utf8_lossy(&said.stdout).contains("report.html"),
        "it doesn't say where the page is"
    );
    ensure!(without_now(fs::read_to_string(&page)?) == before, "the same files have given another page");

    fs::create_dir_all(up.out.join("redriven"))?;
    fs::write(up.out.join("redriven/a.ndjson"), "{\"number\":1}\n{\"number\":2}\n")?;
    ensure!(transect(&["report", "--out", &out])?.status.success());
    let html = fs::read_to_string(&page)?;
    let open = Outcome::read(&up.out, &[])?.total("rejected") - 2;
    let state = format!("<strong>{open}</strong> open, <strong>2</strong> corrected and taken back in");
    ensure!(html.contains(&state), "the page doesn't say: {state}");

    let nowhere = folder.path().join("nowhere").display().to_string();
    let said = transect(&["report", "--out", &nowhere])?;
    ensure!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("--out"), "{said:?}");
    Ok(())
}

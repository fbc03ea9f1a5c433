//! Headless Chromium, where there is one.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::folder::Folder;

/// Which colours a reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Light,
    Dark,
}

pub struct Browser(PathBuf);

/// What a browser made of a page.
pub struct Seen {
    /// What it wrote to its console, beside what it was asked to.
    pub complaints: Vec<String>,
    /// The lowest contrast of a text to what is behind it, and the text.
    pub contrast: f64,
    pub faintest: String,
    /// Width of the page, in pixels.
    pub width: u32,
    pub buttons: u64,
    /// The part of the curve in time that is shown after a look closer.
    pub zoomed: String,
}

/// Contrast as WCAG 2 has it, over all texts; it is put where the dumped page shows it.
const PROBE: &str = r#"<script>
const light = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
const behind = e => { for (; e; e = e.parentElement) { const b = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(b)) return b; } return "rgb(255,255,255)"; };
const seen = { contrast: 99, faintest: "", width: document.documentElement.scrollWidth, buttons: document.querySelectorAll("button").length };
for (const e of document.querySelectorAll("body *")) {
  if (!/^(script|style|data)$/i.test(e.tagName) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) {
    const s = getComputedStyle(e), [a, b] = [light(e instanceof SVGElement ? s.fill : s.color), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < seen.contrast) { seen.contrast = ratio; seen.faintest = e.tagName + " " + e.textContent.slice(0, 40); }
  }
}
document.querySelector(".zoom button").click();
console.log("asked to be heard");
seen.zoomed = document.querySelector("svg.curve").getAttribute("viewBox");
document.documentElement.setAttribute("data-seen", encodeURIComponent(JSON.stringify(seen)));
</script>"#;

impl Browser {
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let mut places =
            std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
        places.find(|place| place.is_file()).map(Self)
    }

    fn run(
        &self,
        folder: &Folder,
        look: Look,
        size: (u32, u32),
        page: &str,
        own: &[String],
    ) -> Output {
        let state = tempfile::tempdir().expect("a folder");
        let scheme = u8::from(look == Look::Light);
        Command::new(&self.0)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--enable-logging=stderr",
            ])
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .arg(format!("--user-data-dir={}", state.path().display()))
            .arg(format!("--window-size={},{}", size.0, size.1))
            .args(own)
            .arg(format!("file://{}", folder.path(page).display()))
            .output()
            .expect("the browser runs")
    }

    /// Opens a page and looks at it.
    pub fn probe(&self, folder: &Folder, page: &str, look: Look, size: (u32, u32)) -> Seen {
        folder.write(
            "probe.html",
            &page.replace("</body>", &format!("{PROBE}</body>")),
        );
        let output = self.run(folder, look, size, "probe.html", &["--dump-dom".into()]);
        let said = String::from_utf8_lossy(&output.stderr);
        let shown = String::from_utf8_lossy(&output.stdout);
        let (_, rest) = shown
            .split_once("data-seen=\"")
            .unwrap_or_else(|| panic!("{said}"));
        let (seen, _) = rest.split_once('"').expect("its end");
        let seen: Value = serde_json::from_str(&decoded(seen)).expect("JSON");
        let console = said.lines().filter(|line| line.contains("CONSOLE"));
        let (asked, complaints): (Vec<&str>, Vec<&str>) =
            console.partition(|line| line.contains("asked to be heard"));
        // Silence counts only where it could be broken.
        assert_eq!(asked.len(), 1, "{said}");
        Seen {
            complaints: complaints.into_iter().map(str::to_owned).collect(),
            contrast: seen["contrast"].as_f64().expect("a number"),
            faintest: seen["faintest"].to_string(),
            width: seen["width"].as_u64().expect("a number") as u32,
            zoomed: seen["zoomed"].as_str().expect("a view").to_owned(),
            buttons: seen["buttons"].as_u64().expect("a number"),
        }
    }

    /// The colour of the first pixel of a screenshot.
    pub fn corner(&self, folder: &Folder, look: Look, size: (u32, u32)) -> [u8; 3] {
        let picture = folder.path("page.png");
        let to = format!("--screenshot={}", picture.display());
        self.run(folder, look, size, "report.html", &[to]);
        let file = BufReader::new(File::open(picture).expect("a screenshot"));
        let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!((info.width, info.height), size);
        [pixels[0], pixels[1], pixels[2]]
    }

    /// The page becomes a document of some pages.
    pub fn prints(&self, folder: &Folder) {
        let printed = folder.path("page.pdf");
        let to = format!("--print-to-pdf={}", printed.display());
        self.run(folder, Look::Light, (1280, 800), "report.html", &[to]);
        let bytes = std::fs::read(printed).expect("a document");
        assert!(
            bytes.starts_with(b"%PDF") && bytes.len() > 50_000,
            "{}",
            bytes.len()
        );
    }
}

/// Of `encodeURIComponent`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next(), rest.next()].map(|own| own.expect("two digits"));
            let digits = std::str::from_utf8(&digits).expect("digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("a byte"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

//! The page of a report: its figures are those of `--json`, and a browser opens it without a complaint.

use serde_json::Value;

use crate::browser::{Browser, Look};
use crate::folder::Folder;

const REPORT: [&str; 9] = [
    "report",
    "--model",
    "m.safetensors",
    "--data",
    "faults.csv",
    "--label",
    "anomaly",
    "--rate",
    "1Hz",
];

/// Place in the figures and value of each figure on a page.
fn figures(page: &str) -> Vec<(String, Value)> {
    let parts = page.split("<data value=\"").skip(1);
    parts
        .map(|part| {
            let (value, rest) = part.split_once("\" data-figure=\"").expect("a place");
            let (place, _) = rest.split_once('"').expect("its end");
            let value = value.replace("&quot;", "\"");
            (
                place.to_owned(),
                serde_json::from_str(&value).expect("a number"),
            )
        })
        .collect()
}

#[test]
fn a_page_of_the_figures_of_json_opens_in_a_browser() {
    let folder = Folder::with_model();
    let json = folder.succeeds(&[&REPORT[..], &["--out", "report.html", "--json"]].concat());
    let page = std::fs::read_to_string(folder.path("report.html")).expect("the page");
    let all: Value = serde_json::from_str(&json).expect("JSON");
    let found = figures(&page);
    assert!(found.len() > 150, "{}", found.len());
    for (place, value) in found {
        assert_eq!(all.pointer(&place), Some(&value), "{place}");
    }
    assert!(page.len() < 2_000_000, "{}", page.len());
    // What nvpico eval prints is the same.
    let evaluated = folder.succeeds(&[&["eval"][..], &REPORT[1..], &["--json"]].concat());
    let evaluated: Value = serde_json::from_str(&evaluated).expect("JSON");
    assert_eq!(all.pointer("/separation/area"), evaluated.get("auroc"));
    assert_eq!(
        all.pointer("/alarm/outcome/raised"),
        evaluated.pointer("/alarms/raised")
    );
    // Nothing is from elsewhere, and each picture says what it shows.
    let own = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!own.contains("http://") && !own.contains("https://"));
    let pictures = page.matches("<svg ").count();
    let said = page.matches("role=\"img\" aria-label=\"").count();
    assert_eq!(
        pictures,
        said + page.matches("aria-hidden=\"true\"").count()
    );
    assert!(said > 6, "{said}");
    without_labels(&folder);
    compared(&folder);
    in_a_browser(&folder, &page);
}

fn without_labels(folder: &Folder) {
    let args = ["report", "--model", "m.safetensors", "--data", "normal.csv"];
    folder.succeeds(&[&args[..], &["--out", "normal.html"]].concat());
    let page = std::fs::read_to_string(folder.path("normal.html")).expect("the page");
    assert!(page.contains("was trained on these files"));
    assert!(!page.contains("id=\"separation\""));
    // Either a page or figures: neither would be a command that does nothing.
    folder.refuses(&args, &["--out"]);
    let data = [&args[..], &["--out", "normal.csv"]].concat();
    folder.fails(&data, &["choose another --out"]);
}

fn compared(folder: &Folder) {
    let both = ["compare", "m.safetensors", "m.safetensors"];
    let text = folder.succeeds(&both);
    assert!(text.contains("cycles a score on the M4F"), "{text}");
    assert!(!text.contains("AUROC"), "{text}");
    let data = ["--data", "faults.csv", "--label", "anomaly", "--json"];
    let json = folder.succeeds(&[&both[..], &data].concat());
    let found: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(found["same_features"], true);
    assert_eq!(found["models"][0], found["models"][1]);
    assert!(found["models"][0]["on_data"]["separation"]["area"].is_number());
    folder.refuses(&both[..2], &["MODEL"]);
}

/// At the sizes of a phone and a laptop, light and dark, and printed.
fn in_a_browser(folder: &Folder, page: &str) {
    let Some(browser) = Browser::find() else {
        eprintln!("skipped: no chromium, which scripts/setup.sh installs");
        return;
    };
    for (look, size) in [(Look::Light, (1280, 800)), (Look::Dark, (390, 844))] {
        let seen = browser.probe(folder, page, look, size);
        assert!(seen.complaints.is_empty(), "{:?}", seen.complaints);
        assert!(
            seen.contrast >= 4.5,
            "{look:?}: {} in {}",
            seen.contrast,
            seen.faintest
        );
        // A window of the browser is no narrower.
        let room = size.0.max(500);
        assert!(seen.width <= room, "{look:?}: {} of {room}", seen.width);
        assert!(seen.buttons >= 5, "{}", seen.buttons);
        assert!(!seen.zoomed.starts_with("0 "), "{}", seen.zoomed);
    }
    for (look, size) in [(Look::Light, (1280, 800)), (Look::Dark, (390, 844))] {
        let [red, green, blue] = browser.corner(folder, look, size);
        let light = u32::from(red) + u32::from(green) + u32::from(blue);
        assert_eq!(light > 380, look == Look::Light, "{look:?}: {light}");
    }
    browser.prints(folder);
}

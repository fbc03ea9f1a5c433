//! The page of a report: one file without anything from elsewhere, drawn from [`Findings`] alone.
//!
//! Every figure on it says where it is in the figures of `--json`, so that a test can compare them.

mod costs;
mod densities;
mod events;
mod html;
mod in_short;
mod in_time;
mod learned;
mod promise;
mod trained;

use super::plot::PlotError;
use crate::findings::Findings;
use html::text;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("zoom.js");

/// A part of the page: its anchor, its heading, and what is below.
struct Section {
    anchor: &'static str,
    heading: &'static str,
    body: String,
}

/// The page.
///
/// # Errors
/// A plot that cannot be drawn.
pub fn page(findings: &Findings) -> Result<String, PlotError> {
    let sections = [
        trained::section(findings)?,
        in_time::section(findings)?,
        events::section(findings)?,
        densities::section(findings)?,
        densities::separation(findings)?,
        learned::section(findings)?,
        learned::uniformity(findings)?,
        promise::section(findings),
        costs::section(findings),
        costs::commands(findings),
        words(),
    ];
    let sections: Vec<Section> = sections
        .into_iter()
        .filter(|own| !own.body.is_empty())
        .collect();
    let links: String = sections
        .iter()
        .map(|own| format!("<li><a href=\"#{}\">{}</a></li>", own.anchor, own.heading))
        .collect();
    let bodies: String = sections
        .iter()
        .map(|own| {
            format!(
                "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                own.anchor, own.heading, own.body
            )
        })
        .collect();
    let title = text(&title(findings));
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n{}\
         <nav aria-label=\"parts of the page\"><ul>{links}</ul></nav>\n</header>\n<main>\n{bodies}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        in_short::body(findings)
    ))
}

fn title(findings: &Findings) -> String {
    let files: Vec<&str> = (findings.data.files.iter().take(3))
        .map(|own| own.file.as_str())
        .collect();
    let more = if findings.data.files.len() > 3 {
        format!(" and {} more", findings.data.files.len() - 3)
    } else {
        String::new()
    };
    format!("{} on {}{more}", findings.model.file, files.join(", "))
}

/// What the words mean, for somebody who has only the page.
fn words() -> Section {
    let words = [
        (
            "log-density",
            "How likely the model finds a reading, on a logarithmic scale. Only differences matter: higher is more usual. It may be above 0.",
        ),
        (
            "nats",
            "The unit of a log-density, by the natural logarithm. A difference of 1 nat is a factor of 2.7, one of 2.3 nats a factor of ten.",
        ),
        (
            "p-value",
            "The share of normal readings that are at most as likely as this one. It is small for a rare reading, and evenly spread from 0 to 1 over normal ones.",
        ),
        (
            "promise",
            "A limit that the rate of false alarms keeps in 95 of 100 records, as long as the machine's normal state stays that of the record.",
        ),
        (
            "evidence",
            "Averages of how rare readings are, over one reading and over longer and longer times. The alarm is raised when one of them is beyond its limit.",
        ),
        (
            "blame",
            "The values without which a reading would be normal, and what they would have to be. It names values, not causes.",
        ),
    ];
    let list: String = words
        .iter()
        .map(|(word, meaning)| format!("<dt><dfn>{word}</dfn></dt><dd>{meaning}</dd>\n"))
        .collect();
    Section {
        anchor: "words",
        heading: "Words",
        body: format!(
            "<dl>\n{list}</dl>\n<p class=\"quiet\">With pictures: docs/glossary.md of nvpico.</p>\n"
        ),
    }
}

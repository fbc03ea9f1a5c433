//! The page of a report: one file without anything from elsewhere, drawn from [`Findings`] alone.
//!
//! Every figure on it says where it is in the figures of `--json`, so that a test can compare them.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "markup that is read in one piece"
)]

mod costs;
mod densities;
mod events;
mod html;
mod in_short;
mod in_time;
mod learned;
mod promise;
mod trained;

pub(crate) use html::text as html_text;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A colour of a theme, in linear light.
    fn colour(theme: &str, name: &str) -> [f64; 3] {
        let (_, rest) = theme.split_once(&format!("--{name}:#")).expect("a colour");
        let digits = rest.get(..6).expect("six digits");
        [0, 2, 4].map(|at| {
            let part = u8::from_str_radix(&digits[at..at + 2], 16).expect("a byte");
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    /// Contrast as WCAG 2 has it.
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let light = |own: [f64; 3]| 0.2126 * own[0] + 0.7152 * own[1] + 0.0722 * own[2];
        let (one, other) = (light(one), light(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn words_and_lines_stand_out_in_every_theme() {
        let themes: Vec<&str> = STYLE.split(":root{").skip(1).collect();
        assert_eq!(themes.len(), 3, "light, dark, print");
        for theme in themes {
            for behind in ["page", "band"] {
                for words in ["ink", "quiet", "link"] {
                    let own = contrast(colour(theme, words), colour(theme, behind));
                    assert!(own >= 4.5, "{words} on {behind}: {own}");
                }
            }
            for line in ["blue", "orange", "green"] {
                let own = contrast(colour(theme, line), colour(theme, "page"));
                assert!(own >= 3.0, "{line}: {own}");
            }
        }
    }

    #[test]
    fn colours_of_plots_follow_the_theme() {
        for colour in [
            "FFFFFF", "3C3C3C", "0072B2", "D55E00", "009E73", "D9F0E9", "FCE8DA", "E4E4E4",
        ] {
            assert!(STYLE.contains(&format!("\"#{colour}\"]{{")), "{colour}");
        }
    }

    /// A page about forty rows of two columns, one of them with a name that is markup.
    fn of_small_model(calibrated: bool) -> String {
        let columns = vec!["<i>a".to_owned(), "b".to_owned()];
        let values: Vec<f32> = (0..80).map(|i| ((i * 37) % 23) as f32 / 10.0).collect();
        let mut model = crate::model::small_model();
        model.header.columns.clone_from(&columns);
        let table = crate::data::Table {
            columns,
            rows: 40,
            values,
            row_numbers: (1..=40).collect(),
            ..crate::data::Table::default()
        };
        if calibrated {
            model.note_normal(&table.values);
            let log_probs = model.deploy().log_probs(&table.values);
            model.calibrate(&log_probs, 0.1, crate::calibration::Method::GivenRows);
        }
        let findings = Findings::of(&crate::findings::Subject {
            ready: &model.ready(None).unwrap(),
            name: "<b>.safetensors",
            table: &table,
            faults: &[],
            commands: &["nvpico report '<u>'".into()],
        });
        page(&findings.unwrap()).unwrap()
    }

    #[test]
    fn a_model_that_promises_nothing_has_a_page() {
        let page = of_small_model(false);
        assert!(page.contains("Nothing: the model is not calibrated."));
        assert!(page.contains("No values are blamed") && page.contains("There is no alarm"));
        for markup in ["<i>", "<b>.s", "<u>", "NaN"] {
            assert!(!page.contains(markup), "{markup}");
        }
    }

    #[test]
    fn a_model_without_an_alarm_explains_rows_below_the_threshold() {
        let page = of_small_model(true);
        assert!(page.contains("what is to blame") && page.contains("The model has no alarm"));
        assert!(page.contains("id=\"uniformity\"") && !page.contains("id=\"separation\""));
    }
}

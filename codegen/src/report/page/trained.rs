//! What was trained on what.

use super::Section;
use super::html::{Rows, count, counted, digits, facts, figure, folded, maybe, picture, text};
use crate::calibration::time_words;
use crate::findings::{Findings, density_words};
use crate::report::plot::{PlotError, loss_curves};

/// Longer tables are folded.
const MOST_OPEN: usize = 12;

#[allow(clippy::too_many_lines, reason = "a list of facts")]
pub(super) fn section(findings: &Findings) -> Result<Section, PlotError> {
    let model = &findings.model;
    let data = &findings.data;
    let mut body = String::new();
    let mut rows = vec![
        ("model file", text(&model.file)),
        (
            "its SHA-256",
            format!("<code>{}</code>", text(short(&model.sha256))),
        ),
    ];
    if !model.made_by.is_empty() {
        rows.push(("made by", text(&model.made_by)));
    }
    for source in &model.sources {
        rows.push((
            "trained on",
            format!(
                "{} <span class=\"quiet\">(SHA-256 <code>{}</code>)</span>",
                text(&source.file),
                text(short(&source.sha256))
            ),
        ));
    }
    for source in &model.calibration_sources {
        rows.push(("threshold by", text(&source.file)));
    }
    if let Some(samples) = &model.samples {
        rows.push((
            "samples",
            format!(
                "{} at {} Hz, a window of {} every {}",
                text(&samples.channels.join(", ")),
                samples.rate,
                samples.window,
                samples.hop
            ),
        ));
    }
    if model.given > 0 {
        rows.push((
            "given, not judged",
            text(&model.columns[..model.given.min(model.columns.len())].join(", ")),
        ));
    }
    rows.extend([
        (
            "density",
            text(&density_words(model.couplings, &model.base, model.kernels)),
        ),
        ("arithmetic", model.precision.to_string()),
        ("parameters", counted("/model/parameters", model.parameters)),
    ]);
    if model.train_rows > 0 {
        rows.push((
            "rows trained on",
            counted("/model/train_rows", model.train_rows),
        ));
        rows.push((
            "rows held out",
            counted("/model/held_out_rows", model.held_out_rows),
        ));
    }
    if let Some(own) = model.held_out_log_prob {
        rows.push((
            "mean log-density of the held-out rows",
            format!(
                "{} nats (Gaussian: {})",
                figure("/model/held_out_log_prob", own, &digits(own)),
                maybe("/model/gaussian_log_prob", model.gaussian_log_prob, digits)
            ),
        ));
    }
    body += &facts("The model", &rows);
    body += &history(findings)?;
    let files = data.files.iter().enumerate().map(|(at, file)| {
        format!(
            "{} ({} rows)",
            text(&file.file),
            counted(&format!("/data/files/{at}/rows"), file.rows)
        )
    });
    let mut rows = vec![
        ("files", files.collect::<Vec<_>>().join("<br>")),
        ("rows", counted("/data/rows", data.rows)),
    ];
    if let Some(rate) = data.rate {
        rows.push(("rows a second", figure("/data/rate", rate, &digits(rate))));
        rows.push(("length", time_words(data.rows as f64, data.rate)));
    }
    rows.push((
        "labelled anomalous",
        data.anomalous_rows.map_or_else(
            || "no labels".into(),
            |own| counted("/data/anomalous_rows", own),
        ),
    ));
    for left in &data.left_out {
        rows.push((
            "left out",
            format!(
                "{} ({}): {}",
                text(&left.what),
                count(left.count as usize),
                text(&left.why)
            ),
        ));
    }
    for said in &data.said {
        rows.push(("read otherwise", text(said)));
    }
    body += &facts("The data of this report", &rows);
    body += &columns(findings);
    Ok(Section {
        anchor: "trained",
        heading: "What was trained on what",
        body,
    })
}

/// The first digits tell one file from another.
fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

fn history(findings: &Findings) -> Result<String, PlotError> {
    let model = &findings.model;
    let (Some(first), Some(last)) = (model.history.first(), model.history.last()) else {
        return Ok(String::new());
    };
    let svg = loss_curves(&model.history, model.best_epoch)?;
    let left_out = if model.couplings == 0 {
        " These are the couplings that were tried: held-out rows prefer the density without them, which is what is deployed."
    } else {
        ""
    };
    let shows = format!(
        "Mean log-density over {} epochs: held-out rows from {} to {} nats, training rows from {} to {} nats; {} was kept.",
        last.epoch,
        digits(first.held_out.into()),
        digits(last.held_out.into()),
        digits(first.train.into()),
        digits(last.train.into()),
        match model.best_epoch {
            0 => "the start".to_owned(),
            epoch => format!("epoch {epoch}"),
        }
    );
    Ok(picture(
        &svg.replacen("<svg", "<svg data-size=\"small\"", 1),
        &shows,
        &format!(
            "How the training went. Higher is better. Where the held-out rows fall while the training rows rise, the model overfits; \
             the best epoch is kept.{left_out}"
        ),
    ))
}

fn columns(findings: &Findings) -> String {
    let data = &findings.data;
    if data.columns.is_empty() {
        return String::new();
    }
    let mut table = Rows::new(
        "Normal rows of the data, beside what the model has seen",
        &[
            "column",
            "lowest",
            "median",
            "highest",
            "lowest seen",
            "highest seen",
        ],
    );
    let number = |value: f32| digits(value.into());
    for (at, column) in data.columns.iter().enumerate() {
        let place = |name: &str| format!("/data/columns/{at}/{name}");
        let seen = |end: usize| {
            let own = column.seen.map(|seen| seen[end]);
            maybe(&place(&format!("seen/{end}")), own, number)
        };
        table.row([
            text(&column.name),
            maybe(&place("lowest"), column.lowest, number),
            maybe(&place("median"), column.median, number),
            maybe(&place("highest"), column.highest, number),
            seen(0),
            seen(1),
        ]);
    }
    if data.columns.len() > MOST_OPEN {
        return folded(
            &format!("The {} values one by one", data.columns.len()),
            &table.end(),
        );
    }
    table.end()
}

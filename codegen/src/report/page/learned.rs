//! What the model takes for normal: rows drawn from it beside rows of the data, and whether its p-values hold.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Section;
use super::html::{Rows, count, counted, digits, figure, maybe, picture, text};
use crate::findings::{Findings, Frames, Uniformity};
use crate::output::percent;
use crate::report::plot::{
    Group, PlotError, Sheet, contact_sheet, p_value_tenths, p_values_in_time, pair_plots,
};

pub(super) fn section(findings: &Findings) -> Result<Section, PlotError> {
    let mut body = String::new();
    if let Some(pairs) = &findings.pairs {
        let svg = pair_plots(pairs)?;
        let shown = if pairs.of > pairs.columns.len() {
            format!(
                " {} of {} values are shown, those that were blamed first.",
                pairs.columns.len(),
                pairs.of
            )
        } else {
            String::new()
        };
        let shows = format!(
            "Scatter plots of {}, each against each: {} rows of the data and {} rows drawn from the model.",
            pairs.columns.join(", "),
            pairs.data.len(),
            pairs.drawn.len()
        );
        let caption = format!(
            "Where crosses lie as dots do, the model has learned how the values depend on each other. Where crosses are and dots are not, it finds \
             readings likely that never come.{shown} Rows beyond an axis are drawn at its edge."
        );
        body += &picture(
            &svg.replacen("<svg", "<svg data-size=\"small\"", 1),
            &shows,
            &caption,
        );
        if let Some(why) = &pairs.not_drawn {
            let _ = writeln!(body, "<p>No rows are drawn: {}.</p>", text(why));
        }
        if let Some(temperature) = pairs.temperature.filter(|own| *own < 1.0) {
            let _ = writeln!(
                body,
                "<p>Drawn at temperature {temperature}: at 1 a row overflowed.</p>"
            );
        }
    }
    if let Some(frames) = &findings.frames {
        body += &sheet(frames)?;
    }
    Ok(Section {
        anchor: "learned",
        heading: "What the model takes for normal",
        body,
    })
}

fn sheet(frames: &Frames) -> Result<String, PlotError> {
    let group = |title: &str, rows: &[Vec<f32>], captions: Vec<String>| Group {
        title: title.into(),
        captions,
        rows: rows.concat(),
        ..Group::default()
    };
    let numbers = frames
        .least_likely_rows
        .iter()
        .map(|row| format!("row {row}"));
    let mut groups = vec![group("Normal rows of the data", &frames.data, Vec::new())];
    if !frames.drawn.is_empty() {
        groups.push(group("Drawn from the model", &frames.drawn, Vec::new()));
    }
    groups.push(group(
        "The least likely rows of the data",
        &frames.least_likely,
        numbers.collect(),
    ));
    let png = contact_sheet(&Sheet {
        shape: frames.shape,
        groups,
        ..Sheet::default()
    })?;
    let shows = format!(
        "Maps as pictures: {} normal ones of the data, {} drawn from the model, and the {} least likely ones of the data.",
        frames.data.len(),
        frames.drawn.len(),
        frames.least_likely.len()
    );
    Ok(format!(
        "<figure>\n<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"picture\"><img alt=\"{}\" src=\"data:image/png;base64,{}\"></div>\n\
         <figcaption>Drawn maps should look like normal ones; the least likely ones show what is unusual.</figcaption>\n</figure>\n",
        text(&shows),
        STANDARD.encode(png)
    ))
}

pub(super) fn uniformity(findings: &Findings) -> Result<Section, PlotError> {
    let mut section = Section {
        anchor: "uniformity",
        heading: "Are these rows like the normal record?",
        body: String::new(),
    };
    let Some(own) = &findings.uniformity else {
        return Ok(section);
    };
    let lowest = own.tenths.iter().copied().fold(1.0, f64::min);
    let highest = own.tenths.iter().copied().fold(0.0, f64::max);
    let tenths = format!(
        "Share of {} normal rows in each tenth of the p-values: between {} and {}, where 10 % is expected.",
        own.rows,
        percent(lowest),
        percent(highest)
    );
    let medians = own.blocks.iter().map(|block| block.quartiles[1]);
    let (low, high) = medians.fold((1.0_f64, 0.0_f64), |(low, high), p| {
        (low.min(p), high.max(p))
    });
    let in_time = format!(
        "Quartiles of the p-values in {} stretches of time: medians from {} to {}, where 0.5 is expected.",
        own.blocks.len(),
        digits(low),
        digits(high)
    );
    let small = |svg: String| svg.replacen("<svg", "<svg data-size=\"small\"", 1);
    let timeline = &findings.timeline;
    section.body = verdict(own)
        + &picture(
            &small(p_value_tenths(own)?),
            &tenths,
            "P-values of the rows that are not labelled anomalous. Rows like those of the normal record fill every tenth alike. A high first bar: rows \
             are less likely than the record's.",
        )
        + &picture(
            &small(p_values_in_time(own, timeline.rows, timeline.rate)?),
            &in_time,
            "The same in stretches of time. Boxes that sink say that the machine, or the sensor, drifts away from the record.",
        )
        + &blocks(own);
    Ok(section)
}

fn verdict(own: &Uniformity) -> String {
    let gap = figure(
        "/uniformity/largest_gap",
        own.largest_gap,
        &digits(own.largest_gap),
    );
    let chance = figure(
        "/uniformity/gap_by_chance",
        own.gap_by_chance,
        &digits(own.gap_by_chance),
    );
    let independent = figure(
        "/uniformity/effective_rows",
        own.effective_rows,
        &count(own.effective_rows.round() as usize),
    );
    let mut said = format!(
        "<p>{} normal rows, which stand for {independent} independent ones. Their p-values lie {gap} away from uniform; chance alone gives up to \
         {chance} in 95 of 100 records. ",
        counted("/uniformity/rows", own.rows)
    );
    said += if own.is_uniform() {
        "Nothing speaks against these rows being like the normal record."
    } else {
        "These rows are not quite like the normal record."
    };
    if let Some(found) = own.resemblance {
        let share = figure(
            "/uniformity/resemblance/anomalous_share",
            found.anomalous_share,
            &percent(found.anomalous_share),
        );
        let _ = write!(
            said,
            " {share} of them are below the threshold{}.",
            if found.more_alarms {
                ", more than chance explains"
            } else {
                ""
            }
        );
        if found.less_likely {
            let mean = maybe(
                "/uniformity/resemblance/mean_p_value",
                found.mean_p_value,
                digits,
            );
            let _ = write!(
                said,
                " The others are less likely than the record's, too: their mean p-value is {mean}, where 0.5 is expected."
            );
        }
    }
    if own.is_cross_validated {
        said += " The record was scored by models of parts of it, which find normal rows less likely than this model does: p-values above uniform \
                 ones are expected, low ones are not.";
    }
    if own.was_trained_on {
        said += " <b>The model was trained on these files</b>: that its p-values are uniform proves little.";
    }
    said + "</p>\n"
}

fn blocks(own: &Uniformity) -> String {
    let mut table = Rows::new(
        "Stretches of time",
        &[
            "from row",
            "rows",
            "lower quartile",
            "median",
            "upper quartile",
            "below the threshold",
        ],
    );
    for (at, block) in own.blocks.iter().enumerate() {
        let place = |key: &str| format!("/uniformity/blocks/{at}/{key}");
        let quartile = |index: usize| {
            let value = block.quartiles[index];
            figure(
                &place(&format!("quartiles/{index}")),
                value,
                &format!("{value:.2}"),
            )
        };
        table.row([
            figure(&place("row"), block.row, &count(block.row as usize)),
            counted(&place("rows"), block.rows),
            quartile(0),
            quartile(1),
            quartile(2),
            maybe(&place("below_threshold"), block.below_threshold, percent),
        ]);
    }
    table.end()
}

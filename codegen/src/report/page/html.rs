//! Pieces of the page.

use std::fmt::Write as _;

use serde_json::Value;

use crate::output::{json_f32, json_number, printable, with_commas};

/// Text for a page: nothing in it is taken for markup, and nothing is hidden.
pub(crate) fn text(own: &str) -> String {
    let own = printable(own);
    let mut safe = String::with_capacity(own.len());
    for c in own.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A number with the place that it has in the figures of `--json`.
pub(super) trait Figure {
    /// As `--json` has it.
    fn value(&self) -> Value;
}

impl Figure for usize {
    fn value(&self) -> Value {
        (*self).into()
    }
}

impl Figure for u64 {
    fn value(&self) -> Value {
        (*self).into()
    }
}

impl Figure for f64 {
    fn value(&self) -> Value {
        json_number(*self)
    }
}

impl Figure for f32 {
    fn value(&self) -> Value {
        json_f32(*self)
    }
}

/// A figure as people read it, with its value and where it is in `--json`.
#[allow(clippy::needless_pass_by_value, reason = "figures are numbers")]
pub(super) fn figure(place: &str, value: impl Figure, words: &str) -> String {
    format!(
        "<data value=\"{}\" data-figure=\"{}\">{}</data>",
        text(&value.value().to_string()),
        text(place),
        text(words)
    )
}

/// A figure that may be missing.
pub(super) fn maybe<T: Figure + Copy>(
    place: &str,
    value: Option<T>,
    words: impl Fn(T) -> String,
) -> String {
    value.map_or_else(|| "none".into(), |own| figure(place, own, &words(own)))
}

/// A count as people read it.
pub(super) fn count(value: usize) -> String {
    with_commas(value as u64)
}

/// A count with its place.
pub(super) fn counted(place: &str, value: usize) -> String {
    figure(place, value, &count(value))
}

/// A number with about three digits, in a form that fits a sentence.
pub(super) fn digits(value: f64) -> String {
    if !value.is_finite() {
        return if value > 0.0 {
            "infinite".into()
        } else {
            "-infinite".into()
        };
    }
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 1e6 => format!("{value:.1e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 1e-4 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

/// A log-density in nats.
pub(super) fn nats(value: f32) -> String {
    if value == f32::NEG_INFINITY {
        return "-infinite".into();
    }
    digits(f64::from(value))
}

/// A table that scrolls on its own where it is wider than the page.
pub(super) struct Rows {
    html: String,
    columns: usize,
}

impl Rows {
    /// A table with a caption and the heads of its columns, already markup.
    pub fn new(caption: &str, heads: &[&str]) -> Self {
        let mut html = format!(
            "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{0}\"><table>\n<caption>{0}</caption>\n<thead><tr>",
            text(caption)
        );
        for head in heads {
            let _ = write!(html, "<th scope=\"col\">{head}</th>");
        }
        html += "</tr></thead>\n<tbody>\n";
        Self {
            html,
            columns: heads.len(),
        }
    }

    /// A row of cells, already markup; the first one names it.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.html += "<tr>";
        for (at, cell) in cells.into_iter().take(self.columns).enumerate() {
            let _ = match at {
                0 => write!(self.html, "<th scope=\"row\">{cell}</th>"),
                _ => write!(self.html, "<td>{cell}</td>"),
            };
        }
        self.html += "</tr>\n";
    }

    pub fn end(self) -> String {
        self.html + "</tbody></table></div>\n"
    }
}

/// A table of two columns: what, and how much.
pub(super) fn facts(caption: &str, rows: &[(&str, String)]) -> String {
    let mut table = Rows::new(caption, &["what", "value"]);
    for (name, value) in rows {
        table.row([text(name), value.clone()]);
    }
    table
        .end()
        .replacen("<table>", "<table class=\"facts\">", 1)
}

/// What is shown when it is asked for.
pub(super) fn folded(summary: &str, inner: &str) -> String {
    format!(
        "<details>\n<summary>{}</summary>\n{inner}</details>\n",
        text(summary)
    )
}

/// A plot with words that say what it shows, for those who do not see it, and a caption.
pub(super) fn picture(svg: &str, shows: &str, caption: &str) -> String {
    format!(
        "<figure>\n<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{0}\">{1}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n",
        text("plot, scrolls where it is wider than the page"),
        labelled(svg, shows)
    )
}

/// The plot alone.
pub(super) fn labelled(svg: &str, shows: &str) -> String {
    let (head, rest) = svg.split_once('>').unwrap_or(("<svg", ""));
    // Its size is that of the page.
    let head: Vec<&str> = (head.split(' '))
        .filter(|part| !part.starts_with("width=") && !part.starts_with("height="))
        .collect();
    let head = head.join(" ").replacen(
        "<svg",
        &format!(
            "<svg class=\"plot\" role=\"img\" aria-label=\"{}\"",
            text(shows)
        ),
        1,
    );
    let inner = rest.replace(
        "<svg class=\"curve\"",
        "<svg class=\"curve\" aria-hidden=\"true\"",
    );
    format!("{head}>{inner}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(
            text("<b a='1'>&\u{202e}"),
            "&lt;b a=&#39;1&#39;&gt;&amp;\\u{202e}"
        );
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, -12_190_275.96, 1234.5, -23.456, 0.5, 0.000_04].map(digits);
        assert_eq!(texts, ["0", "-1.2e7", "1234", "-23.5", "0.50", "4.0e-5"]);
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(nats(f32::NEG_INFINITY), "-infinite");
    }
}

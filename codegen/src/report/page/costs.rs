//! What a score costs, and the commands that made all this.

use std::fmt::Write as _;

use super::Section;
use super::html::{Rows, count, counted, figure, folded, text};
use crate::findings::Findings;

pub(super) fn section(findings: &Findings) -> Section {
    let mut sizes = Rows::new(
        "Parameters and workspace of the model: exact",
        &["precision", "flash, bytes", "RAM, bytes"],
    );
    for (at, own) in findings.model.sizes.iter().enumerate() {
        sizes.row([
            own.precision.to_string(),
            counted(
                &format!("/model/sizes/{at}/parameter_bytes"),
                own.parameter_bytes,
            ),
            counted(
                &format!("/model/sizes/{at}/workspace_bytes"),
                own.workspace_bytes,
            ),
        ]);
    }
    let mut body = sizes.end();
    let known = findings.costs.iter().any(|own| own.cost.is_some());
    if known {
        let mut table = Rows::new(
            "A score on each core, in each precision",
            &[
                "core",
                "precision",
                "flash, bytes",
                "RAM, bytes",
                "stack, bytes",
                "instructions",
                "cycles",
            ],
        );
        for (at, own) in findings.costs.iter().enumerate() {
            let Some(cost) = own.cost else { continue };
            let place = |key: &str| format!("/costs/{at}/{key}");
            let long = |key: &str, value: u64| figure(&place(key), value, &count(value as usize));
            table.row([
                own.core.name().to_owned(),
                own.precision.to_string(),
                counted(&place("flash_bytes"), cost.flash_bytes),
                counted(&place("static_ram_bytes"), cost.static_ram_bytes),
                counted(&place("stack_bytes"), cost.stack_bytes),
                long("instructions", cost.instructions),
                long("cycles", cost.cycles),
            ]);
        }
        body += &table.end();
        body += "<p class=\"quiet\">Estimates, within about 5 % of what <code>nvpico verify</code> measures; RAM is exact, cycles are rough but on \
                 the M4F. The alarm and its guards come on top.</p>\n";
    }
    let mut reasons: Vec<&str> = (findings.costs.iter())
        .filter_map(|own| own.not_measured.as_deref())
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons.into_iter().take(3) {
        let which = if known {
            "For the others"
        } else {
            "Instructions and cycles"
        };
        let _ = writeln!(body, "<p>{which}: {}.</p>", text(&reason.replace('`', "")));
    }
    Section {
        anchor: "costs",
        heading: "Flash, RAM and cycles",
        body,
    }
}

pub(super) fn commands(findings: &Findings) -> Section {
    let mut body = String::new();
    if !findings.commands.is_empty() {
        let lines: Vec<String> = findings.commands.iter().map(|own| text(own)).collect();
        let _ = writeln!(body, "<pre tabindex=\"0\">{}</pre>", lines.join("\n"));
    }
    if !findings.model.config.is_empty() {
        let lines: Vec<String> = findings.model.config.lines().map(text).collect();
        body += &folded(
            "The training's settings: settings.toml of that command",
            &format!("<pre tabindex=\"0\">{}</pre>\n", lines.join("\n")),
        );
    }
    Section {
        anchor: "commands",
        heading: "The commands that made it",
        body,
    }
}

//! What was seen, on a terminal: readings, log-density, evidence, the alarm and what is to blame, the faults and what became of
//! them, and what happened when.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Axis, Block, BorderType, Chart, Dataset, GraphType, LineGauge, Paragraph, Sparkline,
    SparklineBar,
};

use super::fault::Fault;
use super::state::{Grade, Incident, KEPT, Raised, State};
use crate::simulate::field::COLUMNS;

/// Columns' units, in their order.
const UNITS: [&str; COLUMNS.len()] = ["µT", "µT", "µT", "°C"];
/// A log-density so far below the threshold is at the chart's lower edge, in nats.
const BELOW: f64 = 15.0;
/// Heights of a sparkline.
const STEPS: f32 = 32.0;
/// Beyond so much of a limit evidence is on its way, and at the limit it is an alarm.
const NOTABLE: f32 = 0.5;

const GOOD: Color = Color::Green;
const WARN: Color = Color::Yellow;
const BAD: Color = Color::Red;
const QUIET: Color = Color::DarkGray;
const LINE: Color = Color::Cyan;

/// Draws a state.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let charts = state.spans.len().max(1) as u16;
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Min(2 * COLUMNS.len() as u16 + 2),
        Constraint::Length((frame.area().height / 3).max(Fault::ALL.len() as u16 + 2)),
        Constraint::Length(1),
    ]);
    let [title, banner, middle, lower, keys] = frame.area().layout(&rows);
    let halves = Layout::horizontal([Constraint::Percentage(45), Constraint::Percentage(55)]);
    let [readings, right] = middle.layout(&halves);
    let [density, evidence] = right.layout(&Layout::vertical([
        Constraint::Min(4),
        Constraint::Length(charts + 2),
    ]));
    let [faults, notes] = lower.layout(&halves);

    draw_title(frame, state, title);
    draw_alarm(frame, state, banner);
    draw_readings(frame, state, readings);
    draw_density(frame, state, density);
    draw_evidence(frame, state, evidence);
    draw_faults(frame, state, faults);
    draw_notes(frame, state, notes);
    let help = " 1-5 stir a fault, again ends it    q quits";
    frame.render_widget(Line::from(help).fg(QUIET), keys);
}

fn block(title: &str) -> Block<'_> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(QUIET))
        .title(Span::from(format!(" {title} ")).bold())
}

fn draw_title(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let left = Line::from(vec![
        " nvpico live ".bold().fg(Color::Black).bg(LINE),
        "  detect on an emulated Cortex-M4F, sensors on I2C".fg(QUIET),
    ]);
    let bits = match (state.compared, state.differing) {
        (0, _) => Span::default(),
        (compared, 0) => format!("{compared} scores, 0 differing bits  ").fg(QUIET),
        (_, differing) => format!("{differing} scores differ from the desktop's  ").fg(BAD),
    };
    let seconds = state.elapsed_s() as u32;
    let time = format!("{:02}:{:02} ", seconds / 60, seconds % 60);
    frame.render_widget(left, area);
    frame.render_widget(Line::from(vec![bits, time.bold()]).right_aligned(), area);
}

fn draw_alarm(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let (text, colour) = match (&state.alarm, &state.sensor_fault) {
        (
            Some(Raised {
                number,
                cause,
                severity,
            }),
            _,
        ) => {
            let lasts = f64::from(state.count.saturating_sub(*number)) / f64::from(super::RATE);
            let mut text = format!("ALARM   {cause}, {severity}, for {lasts:.1} s");
            if let Some(blame) = state.blamed.first() {
                let _ = write!(
                    text,
                    "   {} is {:.2}, {:.2} would be normal",
                    blame.column, blame.value, blame.normal
                );
            }
            (text, BAD)
        }
        (None, Some(_)) => ("a sensor fails".to_owned(), WARN),
        (None, None) if state.count == 0 => ("starting".to_owned(), QUIET),
        (None, None) => ("normal".to_owned(), GOOD),
    };
    let paragraph = Paragraph::new(text.bold())
        .centered()
        .style(Style::new().fg(colour))
        .block(
            Block::bordered()
                .border_type(BorderType::Thick)
                .border_style(Style::new().fg(colour)),
        );
    frame.render_widget(paragraph, area);
}

fn draw_readings(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let outer = block("readings");
    let inner = outer.inner(area);
    frame.render_widget(outer, area);
    let heights = [Constraint::Fill(1); COLUMNS.len()];
    let rows: [Rect; COLUMNS.len()] = inner.layout(&Layout::vertical(heights));
    for (index, row) in rows.into_iter().enumerate() {
        let [label, line] = row.layout(&Layout::horizontal([
            Constraint::Length(17),
            Constraint::Min(1),
        ]));
        let is_blamed =
            state.alarm.is_some() && state.blamed.iter().any(|own| own.column == COLUMNS[index]);
        let colour = if is_blamed { BAD } else { LINE };
        let newest = state.readings.back().and_then(|own| own.values.get(index));
        let value = match newest {
            Some(_) if gone(state, index) => "no reading".fg(BAD),
            Some(value) => format!("{value:7.2} {}", UNITS[index]).fg(colour).bold(),
            None => "-".fg(QUIET),
        };
        let name = Span::from(COLUMNS[index]).fg(if is_blamed { BAD } else { Color::Reset });
        frame.render_widget(Paragraph::new(vec![name.into(), value.into()]), label);
        let bars = bars(state, index, usize::from(line.width));
        let spark = Sparkline::default()
            .data(bars)
            .max(STEPS as u64)
            .style(Style::new().fg(colour));
        frame.render_widget(spark, line);
    }
}

/// Whether a value's sensor gives none.
fn gone(state: &State, index: usize) -> bool {
    let sensor = if index + 1 == COLUMNS.len() {
        "Thermometer"
    } else {
        "Magnetometer"
    };
    (state.sensor_fault.as_deref()).is_some_and(|fault| fault.contains(sensor))
}

/// The last values, from the lowest to the highest of the minute.
fn bars(state: &State, index: usize, width: usize) -> Vec<SparklineBar> {
    let values: Vec<f32> = (state.readings.iter())
        .filter_map(|own| own.values.get(index).copied())
        .filter(|value| value.is_finite())
        .collect();
    let low = values.iter().copied().fold(f32::MAX, f32::min);
    let high = values.iter().copied().fold(f32::MIN, f32::max);
    let span = (high - low).max(1e-3);
    let shown = &values[values.len().saturating_sub(width)..];
    let height = |value: &f32| 1 + ((value - low) / span * (STEPS - 1.0)) as u64;
    shown
        .iter()
        .map(|value| SparklineBar::from(height(value)))
        .collect()
}

fn draw_density(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let newest = state.readings.back();
    let title = match newest {
        Some(own) => format!("log-density {:.1} nats, {}", own.log_density, own.decision),
        None => "log-density".to_owned(),
    };
    let threshold = f64::from(state.threshold.unwrap_or_default());
    let low = threshold - BELOW;
    let last = newest.map_or(0, |own| own.number);
    let points: Vec<(f64, f64)> = (state.readings.iter())
        .map(|own| {
            let ago = f64::from(last.saturating_sub(own.number)) / f64::from(super::RATE);
            (-ago, f64::from(own.log_density).max(low))
        })
        .collect();
    let highest = points
        .iter()
        .map(|point| point.1)
        .fold(threshold + 5.0, f64::max);
    let seconds = KEPT as f64 / f64::from(super::RATE);
    let line = [(-seconds, threshold), (0.0, threshold)];
    let dataset = |data, colour| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(colour))
            .data(data)
    };
    let chart = Chart::new(vec![dataset(&line, BAD), dataset(&points, LINE)])
        .block(block(&title))
        .x_axis(Axis::default().bounds([-seconds, 0.0]))
        .y_axis(
            Axis::default()
                .bounds([low, highest + 1.0])
                .labels([format!("{low:.0}"), format!("{highest:.0}")])
                .style(Style::new().fg(QUIET)),
        );
    frame.render_widget(chart, area);
}

fn draw_evidence(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let outer = block("evidence, of its limit");
    let inner = outer.inner(area);
    frame.render_widget(outer, area);
    let shares = state
        .readings
        .back()
        .map_or(&[][..], |own| &own.evidence.shares);
    for (at, span) in state.spans.iter().enumerate() {
        let row = Rect {
            y: inner.y.saturating_add(at as u16),
            height: 1,
            ..inner
        };
        if row.y >= inner.bottom() {
            break;
        }
        let share = shares.get(at).copied().unwrap_or_default().max(0.0);
        let colour = match share {
            1.0.. => BAD,
            NOTABLE.. => WARN,
            _ => GOOD,
        };
        let of = if *span == 1 { "reading " } else { "readings" };
        let label = format!("{span:>4} {of} {:>4.0} %", 100.0 * share.min(9.99));
        let gauge = LineGauge::default()
            .ratio(f64::from(share.min(1.0)))
            .label(label)
            .filled_symbol("━")
            .unfilled_symbol("╌")
            .filled_style(Style::new().fg(colour).add_modifier(Modifier::BOLD))
            .unfilled_style(Style::new().fg(QUIET));
        frame.render_widget(gauge, row);
    }
}

fn draw_faults(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let lines = Fault::ALL.into_iter().zip(1..).map(|(fault, key)| {
        let last = state.incidents.iter().rev().find(|own| own.kind() == fault);
        let on = last.is_some_and(Incident::goes_on);
        let style = if on {
            Style::new().fg(Color::Black).bg(WARN)
        } else {
            Style::new()
        };
        let mut line = Line::from(vec![
            Span::styled(format!(" {key} {:<7}", fault.name()), style.bold()),
            Span::from(" "),
        ]);
        line.push_span(match last {
            Some(own) => outcome(own),
            None => fault.what().fg(QUIET),
        });
        line
    });
    let title = format!(
        "faults; {} false alarm{}",
        state.false_alarms,
        if state.false_alarms == 1 { "" } else { "s" }
    );
    let paragraph = Paragraph::new(lines.collect::<Vec<_>>()).block(block(&title));
    frame.render_widget(paragraph, area);
}

/// What became of a fault.
fn outcome(incident: &Incident) -> Span<'static> {
    let within = incident.within_s;
    match incident.found_after_s {
        None if incident.alarm_was_on => "the alarm was on already".fg(QUIET),
        None if incident.goes_on() => format!("not found yet (within {within:.0} s)").fg(WARN),
        None => "ended before it was found".fg(BAD),
        Some(after) => {
            let named = if incident.named { "named" } else { "not named" };
            let text = format!("found after {after:.1} s (within {within:.0} s), {named}");
            text.fg(if incident.is_good() { GOOD } else { WARN })
        }
    }
}

fn draw_notes(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let room = usize::from(area.height.saturating_sub(2));
    let first = state.notes.len().saturating_sub(room);
    let lines = state.notes.iter().skip(first).map(|note| {
        let colour = match note.grade {
            Grade::Info => QUIET,
            Grade::Stirred => WARN,
            Grade::Good => GOOD,
            Grade::Bad => BAD,
        };
        Line::from(vec![
            format!("{:6.1} s  ", note.at_s).fg(QUIET),
            note.text.clone().fg(colour),
        ])
    });
    let paragraph = Paragraph::new(lines.collect::<Vec<_>>()).block(block("what happened"));
    frame.render_widget(paragraph, area);
}

#[cfg(test)]
mod tests {
    use super::super::line::Line as LogLine;
    use super::super::twin::Evidence;
    use super::*;
    use crate::simulate::field::field_rows;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// The text of the screen, row by row.
    fn screen(state: &State, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        let buffer = terminal.backend().buffer();
        (0..height)
            .map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect())
            .collect()
    }

    /// A state after these readings of a normal field.
    fn state(readings: usize) -> State {
        let mut state = State {
            spans: vec![1, 8, 32],
            ..State::default()
        };
        let evidence = Evidence {
            rarity: Some(2.0),
            shares: vec![0.25, 0.6, 0.1],
        };
        let watching = "info  mps2-an386: watching, threshold -12.5";
        state.take(LogLine::parse(watching), Evidence::default());
        for (number, values) in field_rows(1, readings).iter().enumerate() {
            let wave = (number as f32 * 0.1).sin();
            let line = LogLine::Reading {
                number: number as u32,
                values: values.to_vec(),
                log_density: wave - 3.0,
                decision: "normal".into(),
            };
            state.take(line, evidence.clone());
            state.ticks += 1;
        }
        (state.compared, state.differing) = (readings as u64, 0);
        state
    }

    #[track_caller]
    fn shows(screen: &[String], texts: &[&str]) {
        for text in texts {
            let found = screen.iter().any(|line| line.contains(text));
            assert!(found, "{text}:\n{}", screen.join("\n"));
        }
    }

    #[test]
    fn all_is_well() {
        let state = state(425);
        let screen = screen(&state, 110, 32);
        shows(
            &screen,
            &[
                "nvpico live",
                "425 scores, 0 differing bits  00:42",
                "normal",
                "field_x_ut",
                "temperature_c",
                "°C",
                "log-density -4.0 nats",
                "1 reading    25 %",
                "8 readings   60 %",
                "1 swing   the mount swings far",
                "faults; 0 false alarms",
                "watching, threshold -12.5 nats",
                "q quits",
            ],
        );
        // The chart and the bars are drawn.
        let all = screen.concat();
        assert!(all.contains('█') && all.contains('━'));
        assert!(all.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)));
    }

    #[test]
    fn an_alarm_says_what_is_to_blame_and_what_became_of_the_fault() {
        let mut state = state(100);
        state.stir(Some(Fault::Heat));
        for line in [
            "warn  alarm raised at reading 102: jump (3), high",
            "warn  reading 102: value 3 is to blame, 29.5 where 25.5 would be normal",
        ] {
            state.take(LogLine::parse(line), Evidence::default());
        }
        let seen = screen(&state, 110, 32);
        shows(
            &seen,
            &[
                "ALARM   jump: temperature_c, high, for 0.0 s   temperature_c is 29.50, 25.50 would be normal",
                "2 heat    found after 0.2 s (within 1 s), named",
                "to blame: temperature_c is 29.50",
            ],
        );
        state.stir(Some(Fault::Stuck));
        shows(
            &screen(&state, 110, 32),
            &["3 stuck   the alarm was on already"],
        );
        state.take(
            LogLine::parse("info  alarm cleared at reading 120"),
            Evidence::default(),
        );
        state.stir(Some(Fault::Silent));
        let fault = "warn  sensor fault: Fault { sensor: Magnetometer, error: NotReady }";
        state.take(LogLine::parse(fault), Evidence::default());
        let seen = screen(&state, 110, 32);
        shows(
            &seen,
            &["no reading", "4 silent  not found yet (within 2 s)"],
        );
    }

    #[test]
    fn any_terminal_will_do() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (300, 90)] {
            let empty = State::default();
            assert_eq!(screen(&empty, width, height).len(), usize::from(height));
            screen(&state(700), width, height);
        }
        shows(&screen(&State::default(), 80, 24), &["starting"]);
    }
}

//! `nvpico demo live`: the program `detect` in the emulator while the user stirs faults, on a terminal or as lines. What happens is
//! in [`crate::demo::live`].

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use serde::Serialize;
use serde_json::{Value, json};

use super::{load_model, train};
use crate::demo::live::RATE;
use crate::demo::live::fault::{self, Fault, Planned};
use crate::demo::live::line::Line;
use crate::demo::live::prepare;
use crate::demo::live::session::Session;
use crate::demo::live::state::{Note, Reading, State};
use crate::demo::live::twin::{Evidence, Twin};
use crate::demo::live::view;
use crate::demo::live::world::World;
use crate::fit::training;
use crate::harness::Core;
use crate::harness::qemu::{self, Ended};
use crate::interrupt;
use crate::model::Model;
use crate::output::{TextTable, json_f32, say, show, temporary_folder, terminal};
use crate::simulate::field::COLUMNS;

/// The world's, beyond that of the readings to train on.
const OTHER_WORLD: u64 = 1_000;
/// After the last fault of a script, in readings.
const AFTERWARDS: u32 = 20 * RATE;
/// Lines of the log that are told of a firmware that failed.
const LAST: usize = 8;

#[derive(Debug, Args)]
#[command(
    after_help = "Faults, and within which time the alarm is to be raised and the right sensor named:
  1 swing    the mount swings far out of its sector               3 s
  2 heat     the temperature rises by 6 degrees at once           1 s
  3 stuck    the magnetometer repeats its last value              5 s
  4 silent   the magnetometer leaves the bus                      2 s
  5 drift    the vertical field drifts, 0.5 microtesla a second  20 s

On a terminal the keys 1 to 5 begin and end them, and q quits. In a pipe every fault comes once, and lines say what happens.

Examples:
  nvpico demo live
  nvpico demo live --faults \"10s swing, 30s silent for 4s\" --for 60s
  nvpico demo live --json | grep summary"
)]
/// Arguments of `nvpico demo live`.
pub struct LiveArgs {
    /// A model of the station's four columns [default: one is trained on half an hour of simulated readings]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where to keep the model that is trained, for --model next time
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    save: Option<PathBuf>,
    /// Faults with their times, as "10s swing, 30s silent for 4s" [default in a pipe: each one once]
    #[arg(long, value_name = "SCRIPT", value_parser = script)]
    faults: Option<Script>,
    /// How long it runs, as 60s or 2m [default: until q on a terminal, else 20 s beyond the last fault]
    #[arg(long = "for", value_name = "TIME", value_parser = fault::readings)]
    lasts: Option<u32>,
    /// Each seed is another world and another model
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// Print lines also on a terminal
    #[arg(long)]
    plain: bool,
    /// Print JSON, an object a line: readings once a second, what happens, a summary
    #[arg(long)]
    json: bool,
}

/// Faults in the order of their times.
#[derive(Clone, Debug)]
struct Script(Vec<Planned>);

fn script(text: &str) -> Result<Script, String> {
    fault::script(text).map(Script)
}

/// # Errors
/// No emulator or toolchain, a model of something else, a firmware that fails.
pub fn run(args: &LiveArgs) -> anyhow::Result<bool> {
    qemu::require(Core::M4f)?;
    let mut model = match &args.model {
        Some(path) => load_model(path)?,
        None => train(args)?,
    };
    // The desktop scores each reading by itself, so the chip does not recalibrate.
    model.header.adaptation = None;
    let ready = model.ready(None)?;
    prepare::check(&model)?;
    let folder = temporary_folder()?;
    say!("building the program `detect` with it for an emulated Cortex-M4F");
    prepare::build(&ready, folder.path())?;

    // From here on a signal ends the loop, which restores the terminal.
    interrupt::keep();
    let world = World::new(args.seed.wrapping_add(OTHER_WORLD));
    let session = Session::start(&folder.path().join("detect.elf"), folder.path(), world)?;
    let on_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    let has_screen = on_terminal && !args.plain && !args.json;
    let script = match &args.faults {
        Some(Script(planned)) => planned.clone(),
        None if has_screen => Vec::new(),
        None => fault::every_fault(),
    };
    let end = script
        .last()
        .map_or(0, |last| last.at.saturating_add(last.lasts));
    let lasts = (args.lasts).or((!has_screen).then_some(end.saturating_add(AFTERWARDS)));
    let mut run = Run {
        session,
        twin: Twin::new(ready),
        state: State::default(),
        script,
        lasts,
    };
    run.state.spans = run.twin.spans();
    let ended = if has_screen {
        run.on_screen()
    } else {
        run.as_lines(args.json)
    };
    match ended {
        // Ctrl-C ends it, whether the emulator or this program got the signal first.
        _ if interrupt::heard() => {}
        ended => {
            if ended? == Some(Ended::Failure) {
                let notes = run.state.notes.iter().map(|note| note.text.as_str());
                let last = notes.skip(run.state.notes.len().saturating_sub(LAST));
                bail!(
                    "the firmware failed; the last lines of its log:\n{}",
                    last.collect::<Vec<_>>().join("\n")
                );
            }
        }
    }
    if args.json {
        json_line("summary", &Summary::of(&run.state))
    } else {
        show!("{}", summary(&run.state));
        Ok(true)
    }
}

/// A model of the seed's readings, and a file of it if that is asked for.
fn train(args: &LiveArgs) -> anyhow::Result<Model> {
    say!("training on half an hour of simulated readings of a magnetometer and a thermometer");
    let (table, recipe) = prepare::lesson(args.seed);
    let outcome = train::fit_with_progress(&table, None, training::settings(&table, &recipe)?)?;
    anyhow::ensure!(!interrupt::heard(), "interrupted");
    interrupt::release();
    if let Some(path) = &args.save {
        outcome.model.save(path)?;
        say!("wrote {}", path.display());
    }
    Ok(outcome.model)
}

/// A run of the firmware.
struct Run<'m> {
    session: Session,
    twin: Twin<'m>,
    state: State,
    script: Vec<Planned>,
    lasts: Option<u32>,
}

impl Run<'_> {
    /// A tenth of a second; what is new, and how the firmware ended, if it did.
    fn step(&mut self) -> anyhow::Result<(Vec<Note>, Option<Ended>)> {
        let now = self.state.ticks;
        let mut notes = Vec::new();
        for at in 0..self.script.len() {
            let Planned { at, lasts, fault } = self.script[at];
            if now == at {
                notes.extend(self.stir(Some(fault)));
            } else if now == at.saturating_add(lasts) {
                notes.extend(self.stir(None));
            }
        }
        let mut lines = Vec::new();
        let ended = self.session.step(|line| lines.push(Line::parse(line)))?;
        for line in lines {
            let evidence = match &line {
                Line::Reading {
                    number,
                    values,
                    log_density,
                    ..
                } => self.twin.note(*number, values, *log_density),
                _ => Evidence::default(),
            };
            notes.extend(self.state.take(line, evidence));
        }
        self.state.ticks += 1;
        (self.state.compared, self.state.differing) = (self.twin.compared, self.twin.differing);
        Ok((notes, ended))
    }

    fn stir(&mut self, fault: Option<Fault>) -> Vec<Note> {
        self.session.set(fault);
        self.state.stir(fault)
    }

    fn is_over(&self) -> bool {
        interrupt::heard() || self.lasts.is_some_and(|lasts| self.state.ticks >= lasts)
    }

    fn as_lines(&mut self, json: bool) -> anyhow::Result<Option<Ended>> {
        while !self.is_over() && !terminal::stdout_failed() {
            let (notes, ended) = self.step()?;
            for note in notes {
                if json {
                    json_line("note", &note)?;
                } else {
                    show!("{:7.1} s  {}\n", note.at_s, note.text);
                }
            }
            let newest = self.state.readings.back();
            if json && self.state.ticks.is_multiple_of(RATE) {
                newest.map_or(Ok(true), |own| json_line("reading", &reading(own)))?;
            }
            if ended.is_some() {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    fn on_screen(&mut self) -> anyhow::Result<Option<Ended>> {
        let mut screen = Screen::open().context("cannot draw on this terminal: use --plain")?;
        while !self.is_over() {
            let (_, ended) = self.step()?;
            screen.0.draw(|frame| view::draw(frame, &self.state))?;
            if ended.is_some() {
                return Ok(ended);
            }
            while event::poll(Duration::ZERO)? {
                match key(&event::read()?) {
                    Some(Key::Quit) => return Ok(None),
                    Some(Key::Fault(fault)) => {
                        let on = self.state.incidents.last().filter(|own| own.goes_on());
                        let again = on.is_some_and(|own| own.kind() == fault);
                        self.stir((!again).then_some(fault));
                    }
                    None => {}
                }
            }
        }
        Ok(None)
    }
}

/// The terminal's second screen. Dropping it gives the first one back, as a panic does.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> io::Result<Self> {
        // Where it opened half-way it is closed again.
        ratatui::try_init()
            .inspect_err(|_| ratatui::restore())
            .map(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Quit,
    Fault(Fault),
}

fn key(event: &Event) -> Option<Key> {
    let Event::Key(key) = event else { return None };
    if key.kind != KeyEventKind::Press {
        return None;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        KeyCode::Char(digit) => {
            let place = digit.to_digit(10)?.checked_sub(1)?;
            Fault::ALL.get(place as usize).copied().map(Key::Fault)
        }
        _ => None,
    }
}

/// The summary of `--json`.
#[derive(Serialize)]
struct Summary<'s> {
    seconds: f64,
    readings: u32,
    false_alarms: u32,
    faults: &'s [crate::demo::live::state::Incident],
    scores_compared: u64,
    scores_that_differ: u64,
}

impl<'s> Summary<'s> {
    fn of(state: &'s State) -> Self {
        Self {
            seconds: state.elapsed_s(),
            readings: state.count,
            false_alarms: state.false_alarms,
            faults: &state.incidents,
            scores_compared: state.compared,
            scores_that_differ: state.differing,
        }
    }
}

/// The same in words.
fn summary(state: &State) -> String {
    let mut text = String::new();
    if !state.incidents.is_empty() {
        let mut table = TextTable::new(&[
            "fault",
            "at s",
            "found after s",
            "within s",
            "named",
            "cause",
        ]);
        for own in &state.incidents {
            table.row([
                own.fault.into(),
                format!("{:.1}", own.begun_s),
                own.found_after_s
                    .map_or_else(|| "-".into(), |after| format!("{after:.1}")),
                format!("{:.0}", own.within_s),
                if own.named { "yes" } else { "no" }.into(),
                own.cause.clone().unwrap_or_else(|| "-".into()),
            ]);
        }
        text.push('\n');
        text.push_str(&table.to_string());
    }
    let good = state.incidents.iter().filter(|own| own.is_good()).count();
    text + &format!(
        "\n{good} of {} faults found in their time and named; {} false alarms in {:.0} s; {} scores compared with the desktop's, {} differ\n",
        state.incidents.len(),
        state.false_alarms,
        state.elapsed_s(),
        state.compared,
        state.differing
    )
}

fn reading(own: &Reading) -> Value {
    let values = COLUMNS.into_iter().zip(&own.values);
    let values: serde_json::Map<String, Value> = values
        .map(|(name, value)| (name.to_owned(), json_f32(*value)))
        .collect();
    let shares: Vec<Value> = own.evidence.shares.iter().copied().map(json_f32).collect();
    json!({
        "number": own.number,
        "values": values,
        "log_density": json_f32(own.log_density),
        "decision": own.decision,
        "rarity_bits": own.evidence.rarity.map(json_f32),
        "evidence": shares,
    })
}

/// An object on a line, with its kind.
fn json_line(kind: &str, value: &impl Serialize) -> anyhow::Result<bool> {
    let mut value = serde_json::to_value(value)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("kind".into(), kind.into());
    }
    show!("{value}\n");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyEvent;

    #[test]
    fn keys_stir_and_quit() {
        let press = |code, modifiers| key(&Event::Key(KeyEvent::new(code, modifiers)));
        let plain = |c| press(KeyCode::Char(c), KeyModifiers::NONE);
        assert_eq!(plain('1'), Some(Key::Fault(Fault::Swing)));
        assert_eq!(plain('5'), Some(Key::Fault(Fault::Drift)));
        assert_eq!((plain('0'), plain('6'), plain('c')), (None, None, None));
        assert_eq!(plain('q'), Some(Key::Quit));
        assert_eq!(
            press(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Key::Quit)
        );
        assert_eq!(key(&Event::FocusLost), None);
    }

    #[test]
    fn the_help_has_the_faults_as_they_are() {
        let help = <crate::cli::Cli as clap::CommandFactory>::command()
            .find_subcommand("demo")
            .and_then(|demo| demo.find_subcommand("live"))
            .and_then(clap::Command::get_after_help)
            .map(ToString::to_string)
            .unwrap();
        for (fault, at) in Fault::ALL.into_iter().zip(1..) {
            let within = fault.limit() / RATE;
            let line = format!(
                "  {at} {:<8} {:<50} {within:>3} s",
                fault.name(),
                fault.what()
            );
            assert!(help.lines().any(|own| own == line), "{line}");
        }
    }
}

//! The command line: verbs, options, exit codes.
//!
//! Exit code 0: done; 1: failed, with a sentence that says why; 2: wrong usage; 130: ended by a signal.

use std::process::ExitCode;

use clap::{
    Arg, ArgMatches, Command as Options, CommandFactory as _, FromArgMatches as _, Parser,
    Subcommand,
};

use crate::commands::{
    adapt, advise, bench, calibrate, compare, completions, demo, emulate, eval, export, files,
    import, inspect, measure, replay, report, sample, score, simulate, train, verify,
};
use crate::interrupt;
use crate::output::{say, terminal};

/// Real NVP on microcontrollers: learn what normal sensor readings look like, export the model as
/// const arrays, raise alarms on the chip.
#[derive(Debug, Parser)]
#[command(
    name = "nvpico",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Number of threads; all processors by default. Results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything on simulated sensors: record, train, evaluate, export, verify in QEMU
    Demo(demo::DemoArgs),
    /// Show what a data file holds, what is odd about it, and a command to train with
    Advise(advise::AdviseArgs),
    /// Train a flow on normal readings and calibrate its threshold
    Train(Box<train::TrainArgs>),
    /// Set a model's threshold from normal rows
    Calibrate(calibrate::CalibrateArgs),
    /// Score rows: log-density, p-value and decision of each
    Score(score::ScoreArgs),
    /// Evaluate on labelled rows: AUROC, AUPRC, F1 and error rates
    Eval(eval::EvalArgs),
    /// Write a page that says what a model learned, what it promises and what it finds
    Report(report::ReportArgs),
    /// Compare models: what they promise, find and cost
    Compare(compare::CompareArgs),
    /// Replay recalibration on a record: what a chip that adapts would have done
    Adapt(Box<adapt::AdaptArgs>),
    /// Compare detectors on labelled sets, by the protocols of public benchmarks
    Bench(Box<bench::BenchArgs>),
    /// Draw rows from a model
    Sample(sample::SampleArgs),
    /// Show a model's layers and parameters, and what a score costs
    Inspect(inspect::InspectArgs),
    /// Write a model as a Rust module with const arrays
    Export(export::ExportArgs),
    /// Run a model on emulated cores and compare every bit with the desktop's
    Verify(verify::VerifyArgs),
    /// Reproduce the record of an alarm from a chip, bit for bit
    Replay(replay::ReplayArgs),
    /// Import weights trained by another library
    Import(import::ImportArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write manual pages
    Man(completions::ManArgs),
    /// Measure models of many shapes, for the estimates of `inspect`
    #[command(hide = true)]
    Measure(measure::MeasureArgs),
    /// Write recordings of simulated machines
    #[command(hide = true)]
    Simulate(simulate::SimulateArgs),
    /// Run a firmware ELF in QEMU and print its decoded log (the firmware's cargo runner)
    #[command(hide = true)]
    Emulate(emulate::EmulateArgs),
}

/// Parses the arguments of this process and runs the verb.
#[must_use]
pub fn main() -> ExitCode {
    interrupt::listen();
    let (cli, matches) = parse();
    if let Some(threads) = cli.threads {
        // Fails only if a pool was built before, which nothing in this process did.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads))
            .build_global();
    }
    let done = match files::keep_inputs(&options(), &matches).and_then(|()| run(cli.command)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say!("error: {}", sentence(&error));
            ExitCode::FAILURE
        }
    };
    match terminal::unwritten() {
        _ if done != ExitCode::SUCCESS && interrupt::heard() => interrupt::EXIT_CODE.into(),
        Some(error) => {
            say!("error: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
        None => done,
    }
}

fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Advise(args) => advise::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Adapt(args) => adapt::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Completions(args) => completions::completions(&args, options()),
        Command::Man(args) => completions::man(&args, options()),
        Command::Measure(args) => measure::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Emulate(args) => emulate::run(&args),
    }
}

fn parse() -> (Cli, ArgMatches) {
    let matches = options().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Command::Train(args) = &cli.command
        && let Some(wrong) = args.wrong()
    {
        let kind = clap::error::ErrorKind::MissingRequiredArgument;
        options().error(kind, wrong).exit();
    }
    (cli, matches)
}

/// All options. A negative number is a value, so that the message names its range, not an unknown option `-1`.
fn options() -> Options {
    let negative = |arg: Arg| {
        let takes_value = arg.get_action().takes_values();
        arg.allow_negative_numbers(takes_value)
    };
    Cli::command()
        .mut_args(negative)
        .mut_subcommands(|verb| verb.mut_args(negative))
}

/// An error and its causes, without those that the text before them already contains.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    #[test]
    fn a_cause_is_told_once() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        let quoting = anyhow::Error::new(missing).context("m: entity not found");
        let error = Err::<(), _>(quoting).context("no model").unwrap_err();
        assert_eq!(super::sentence(&error), "no model: m: entity not found");
    }

    #[test]
    fn every_option_is_well_formed() {
        super::options().debug_assert();
    }
}

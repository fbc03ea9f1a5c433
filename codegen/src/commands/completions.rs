//! `nvpico completions` and `nvpico man`: completions of a shell, and manual pages, made from the options.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::output::{self, say, terminal};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico completions bash > ~/.local/share/bash-completion/completions/nvpico
  nvpico completions zsh > ~/.zfunc/_nvpico
  nvpico completions fish > ~/.config/fish/completions/nvpico.fish")]
/// Arguments of `nvpico completions`.
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico man --out ~/.local/share/man/man1")]
/// Arguments of `nvpico man`.
pub struct ManArgs {
    /// Folder for the pages: nvpico.1, and one for each verb, such as nvpico-train.1
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Prints the completions of `options`.
///
/// # Errors
/// None; what standard output does not take is told at the end of the program.
pub fn completions(args: &CompletionsArgs, mut options: Command) -> anyhow::Result<bool> {
    let mut text = Vec::new();
    let name = options.get_name().to_owned();
    clap_complete::generate(args.shell, &mut options, name, &mut text);
    terminal::write(&text);
    Ok(true)
}

/// Writes the pages of `options`.
///
/// # Errors
/// A file that cannot be written.
pub fn man(args: &ManArgs, mut options: Command) -> anyhow::Result<bool> {
    let cannot_write = || format!("cannot write into {}", args.out.display());
    fs::create_dir_all(&args.out).with_context(cannot_write)?;
    options.build();
    let name = options.get_name().to_owned();
    let verbs = options.get_subcommands().filter(|verb| !verb.is_hide_set());
    let pages = verbs.map(|verb| (format!("{name}-{}", verb.get_name()), verb.clone()));
    let mut pages: Vec<(String, Command)> = pages.collect();
    pages.retain(|(page, _)| *page != format!("{name}-help"));
    pages.push((name, options));
    for (page, command) in &pages {
        let mut text = Vec::new();
        // The name of a verb's page is that of the program with it.
        Man::new(command.clone().name(page.clone())).render(&mut text)?;
        output::write_atomic(&args.out.join(format!("{page}.1")), &text)
            .with_context(cannot_write)?;
    }
    say!("wrote {} pages to {}", pages.len(), args.out.display());
    Ok(true)
}

//! `faye completions`: prints the completion script of a shell.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Arguments, output};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye completions bash > ~/.local/share/bash-completion/completions/faye
  faye completions zsh > ~/.zfunc/_faye          with ~/.zfunc in fpath
  faye completions fish > ~/.config/fish/completions/faye.fish";

pub(super) fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "faye", &mut script);
    output::print_bytes(&script)
}

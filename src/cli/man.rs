//! `faye man`: writes the manual pages, one per command.

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Arguments, output, print};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye man | man -l -                    read all pages
  faye man /usr/local/share/man/man1     install them";

pub(super) fn run(directory: Option<&Path>) -> anyhow::Result<()> {
    let mut pages = Vec::new();
    let mut root = Arguments::command().disable_help_subcommand(true);
    root.build();
    collect(root, &mut pages)?;
    let Some(directory) = directory else {
        return pages.iter().try_for_each(|(_, page)| output::print_bytes(page));
    };
    let failed = || format!("cannot write to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(failed)?;
    for (name, page) in &pages {
        std::fs::write(directory.join(name), page).with_context(failed)?;
    }
    print(format_args!("wrote {} pages to {}", pages.len(), directory.display()))
}

/// Adds the page of a command and those of its subcommands: the file name and the text.
fn collect(command: Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let below: Vec<Command> =
        command.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), unfilled(&String::from_utf8_lossy(&page)).into_bytes()));
    below.into_iter().try_for_each(|command| collect(command, pages))
}

/// Returns a page with unfilled examples and a renamed last section.
fn unfilled(page: &str) -> String {
    let mut out = String::new();
    let mut is_example = false;
    for line in page.lines() {
        if line.starts_with("  ") != is_example {
            is_example = !is_example;
            out.push_str(if is_example { ".nf\n" } else { ".fi\n" });
        }
        out.push_str(if line == ".SH EXTRA" { ".SH NOTES" } else { line });
        out.push('\n');
    }
    if is_example { out + ".fi\n" } else { out }
}

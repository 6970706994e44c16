//! Help texts, manual pages and completion scripts.

use super::run;

/// The commands, and those below them.
const COMMANDS: [&[&str]; 31] = [
    &["demo"],
    &["publish"],
    &["subscribe"],
    &["check"],
    &["token"],
    &["token", "make"],
    &["token", "read"],
    &["hub"],
    &["hub", "status"],
    &["hub", "topics"],
    &["hub", "subscriptions"],
    &["hub", "retry"],
    &["lifestream"],
    &["feeds"],
    &["feeds", "list"],
    &["feeds", "add"],
    &["feeds", "remove"],
    &["feeds", "poll"],
    &["feeds", "resubscribe"],
    &["feeds", "purge"],
    &["feeds", "import"],
    &["feeds", "export"],
    &["bridge"],
    &["bench"],
    &["bench", "fanout"],
    &["bench", "pairs"],
    &["bench", "poll"],
    &["bench", "idle"],
    &["bench", "storm"],
    &["completions"],
    &["man"],
];

#[test]
fn the_help_starts_with_what_a_newcomer_needs() {
    let help = run(&["--help"], &[]).succeeds();
    let mut rest = help.as_str();
    for part in [
        "compatible with Faye",
        "Start here:",
        "faye demo",
        "faye subscribe /hello",
        "faye publish /hello '\"world\"'",
        "Usage: faye",
        "Commands:",
        "FAYE_SERVER__TIMEOUT",
        "Exit codes: 0 success, 1 failure",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is not in its place in {help}"));
        rest = &rest[at..];
    }
}

#[test]
fn the_help_lists_the_settings_that_a_command_uses() {
    let flags = ["--config <", "--listen <", "--mount <"];
    for (command, listed) in [
        (&["demo"][..], [false, true, false]),
        (&["bench", "floor"], [false, true, false]),
        (&["completions"], [false; 3]),
        (&["man"], [false; 3]),
        (&["check"], [true; 3]),
        (&["publish"], [true; 3]),
    ] {
        let help = run(&[command, &["--help"]].concat(), &[]).succeeds();
        assert_eq!(flags.map(|flag| help.contains(flag)), listed, "{help}");
    }
    for command in [&["publish"][..], &["subscribe"], &["bench", "fanout"]] {
        let help = run(&[command, &["--help"]].concat(), &[]).succeeds();
        assert!(help.contains("The address to connect to, in place of server.listen"), "{help}");
    }
}

#[test]
fn the_help_of_each_command_ends_with_examples() {
    for command in COMMANDS {
        let help = run(&[command, &["--help"][..]].concat(), &[]).succeeds();
        let (_, end) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no examples: {help}"));
        assert!(end.contains(&format!("  faye {}", command[0])), "{command:?}: {end}");
        assert!(
            !matches!(command[0], "completions" | "man") == end.contains("Exit codes: 0 "),
            "{command:?}: {end}"
        );
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = folder.path().join("share/man1");
    let name = pages.to_str().expect("UTF-8");
    let said = run(&["man", name], &[]).succeeds();
    let mut found: Vec<String> = std::fs::read_dir(&pages)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    found.sort();
    assert_eq!(said, format!("wrote {} pages to {name}\n", found.len()));
    let mut expected: Vec<String> =
        COMMANDS.iter().map(|command| format!("faye-{}.1", command.join("-"))).collect();
    expected.extend(["faye.1".to_owned(), "faye-bench-floor.1".to_owned()]);
    expected.sort();
    assert_eq!(found, expected);
    let all = run(&["man"], &[]).succeeds();
    for file in &found {
        let page = std::fs::read_to_string(pages.join(file)).expect("a page");
        assert!(
            page.contains(".TH ") && page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"),
            "{file}"
        );
        assert!(all.contains(&page), "{file} is not in the pages on standard output");
        let blocks = |request| page.lines().filter(|line| *line == request).count();
        assert_eq!(blocks(".nf"), blocks(".fi"), "{file}");
    }
    let publish = std::fs::read_to_string(pages.join("faye-publish.1")).expect("a page");
    assert!(publish.contains(".nf\n  faye publish /hello"), "{publish}");
    run(&["man", "/dev/null/pages"], &[]).fails_with(&["cannot write to /dev/null/pages"]);
}

#[test]
fn there_are_completions_for_each_shell() {
    for (shell, part) in [
        ("bash", "complete -F _faye"),
        ("zsh", "#compdef faye"),
        ("fish", "complete -c faye"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = run(&["completions", shell], &[]).succeeds();
        assert!(script.contains(part) && script.contains("subscribe"), "{shell}: {script}");
    }
    let ran = run(&["completions", "csh"], &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("bash"), "{}", ran.stderr);
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = run(&["completions", "bash"], &[]).succeeds();
    std::fs::write(folder.path().join("faye.bash"), script).expect("a file");
    for (words, expected) in [("faye subsc", "subscribe"), ("faye publish --cac", "--cacert")] {
        let last = words.rsplit(' ').next().expect("a word");
        let count = words.split(' ').count() - 1;
        let ask = format!(
            "source ./faye.bash; COMP_WORDS=({words}); COMP_CWORD={count}; _faye faye '{last}' ''; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let asked = std::process::Command::new("bash").args(["-c", &ask]).current_dir(folder.path()).output();
        let said = asked.expect("bash is installed (apt-get install bash)");
        let said = String::from_utf8(said.stdout).expect("UTF-8");
        assert!(said.lines().any(|line| line == expected), "{words}: {said}");
    }
}

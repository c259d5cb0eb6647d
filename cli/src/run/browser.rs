//! Opens a page in the user's browser, without a shell.

use std::process::Stdio;

use tokio::process::Command;

use super::progress::Progress;

/// The environment variable with the commands that open a browser. Colons separate the commands. In a command, `%s` is replaced
/// with the URL.
const BROWSER: &str = "BROWSER";
/// The command that opens a URL in the desktop's default browser.
const OF_DESKTOP: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// Opens `url` with the first command that can be started. If none can be started, prints a note and lets the run continue.
pub(crate) fn open(url: &str) {
    let chosen = std::env::var(BROWSER).unwrap_or_default();
    let mut failure = String::new();
    for words in commands(&chosen, url) {
        // Use a separate process group, so that Ctrl-C stops only the run and not the browser.
        let started = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match started {
            Ok(mut browser) => {
                tokio::spawn(async move {
                    if let Ok(status) = browser.wait().await
                        && !status.success()
                    {
                        note(&format!("{} failed ({status})", words[0]));
                    }
                });
                return;
            }
            Err(error) => failure = format!("{} cannot be started: {error}", words[0]),
        }
    }
    note(&failure);
}

fn note(failure: &str) {
    Progress::note(&format!(
        "cannot open the page in a browser: {failure}; open the URL yourself, or set {BROWSER} to a browser's command"
    ));
}

/// Returns the commands to try, each as a non-empty list of words. `chosen` is the value of [`BROWSER`].
fn commands(chosen: &str, url: &str) -> Vec<Vec<String>> {
    let with_url = |command: &str| {
        let words = command
            .split_whitespace()
            .map(|word| word.replace("%s", url));
        let mut words: Vec<String> = words.collect();
        if !command.contains("%s") {
            words.push(url.to_owned());
        }
        words
    };
    let commands = chosen
        .split(':')
        .filter(|command| !command.trim().is_empty());
    let commands: Vec<Vec<String>> = commands.map(with_url).collect();
    match commands.is_empty() {
        true => vec![with_url(OF_DESKTOP)],
        false => commands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_one_word_of_the_chosen_commands() {
        let url = "http://127.0.0.1:1/;id $(id)";
        assert_eq!(commands("", url), [[OF_DESKTOP, url]]);
        assert_eq!(commands(" : ", url), [[OF_DESKTOP, url]]);
        assert_eq!(
            commands("none:firefox  --new-window %s", url),
            [vec!["none", url], vec!["firefox", "--new-window", url]]
        );
    }
}

//! The parsed and checked command line and environment variables. No other module parses them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use gleaner_proto::redirector::{
    ANSWER_TIMEOUT, DEADLINE, FINISH, FINISH_COMMAND, Flag, INJECTED, MAX_OUTPUT_SIZE,
    MAX_OUTPUTS_SIZE, OUTPUT, OUTPUTS_DIR, PREFLIGHT, REPORT_FILE, RESULTS, RESULTS_DIR, SIDECAR,
    STEP, STEP_METADATA_DIR, STEP_RESULTS, SWITCHES, TERMINATION_MESSAGE, TERMINATION_SHARE,
    TOKEN_FILE, VALUED,
};
use gleaner_proto::{OutputSpec, StepName, duration, path, size};

use gleaner_termination::Share;

use crate::failure::Failure;
use crate::help::HELP;
use crate::own_results::{Measured, Reported};

/// The default of [`MAX_OUTPUT_SIZE`], in bytes.
const MAX_OUTPUT_SIZE_DEFAULT: u64 = 16 << 20;
/// The default of [`MAX_OUTPUTS_SIZE`], in bytes. The sidecar has the same default.
const MAX_OUTPUTS_SIZE_DEFAULT: u64 = 64 << 20;
/// The default of [`DEADLINE`].
const DEADLINE_DEFAULT: Duration = Duration::from_secs(60);
/// The default of [`ANSWER_TIMEOUT`]. It is long, because the submission may wait for conditions of the created objects.
const ANSWER_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15 * 60);

/// The environment variable with the directory for temporary files (POSIX).
pub(crate) const TEMPORARY_DIR: &str = "TMPDIR";
/// The default of [`TEMPORARY_DIR`].
pub(crate) const TEMPORARY_DIR_DEFAULT: &str = "/tmp";

/// The maximum length of a Unix socket path, in bytes, including the terminating zero (`sun_path`, unix(7)).
const SOCKET_PATH_MAX: usize = 108;

/// The action that the command line requests.
#[derive(Debug)]
pub(crate) enum Invocation {
    Wrap(Wrap),
    /// Finish the run, as a separate step.
    Finish(Common),
    Print(String),
}

#[derive(Debug)]
pub(crate) struct Common {
    /// The name of the step. If `finish` runs without a step name, this is [`path::FINISH_STEP`].
    pub(crate) step: StepName,
    pub(crate) sidecar: Address,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) deadline: Duration,
    pub(crate) answer_timeout: Duration,
    pub(crate) results_dir: PathBuf,
    pub(crate) termination_message: PathBuf,
    pub(crate) report_file: Option<PathBuf>,
    pub(crate) reported: Reported,
}

impl Common {
    /// Measures the results that Tekton will write to this step's termination message.
    pub(crate) fn measure(&self) -> Measured {
        self.reported.measure(&self.results_dir)
    }
}

#[derive(Debug)]
pub(crate) struct Wrap {
    pub(crate) common: Common,
    pub(crate) outputs: Vec<OutputSpec>,
    pub(crate) outputs_dir: Option<PathBuf>,
    /// The parent for a new outputs directory if no other parent is writable.
    pub(crate) temporary_dir: PathBuf,
    pub(crate) max_output_size: u64,
    pub(crate) max_outputs_size: u64,
    pub(crate) preflight: bool,
    pub(crate) finish: bool,
    /// The command and its arguments. Never empty.
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// The unparsed values of the flags on the command line.
#[derive(Default)]
struct Typed {
    values: BTreeMap<&'static str, Vec<OsString>>,
    finish_step: bool,
    injected: bool,
    temporary_dir: Option<PathBuf>,
    command: Option<Vec<OsString>>,
    print: Option<String>,
}

/// Reads the arguments. For flags that are not specified, reads the environment variables, unless injection wrote the arguments.
pub(crate) fn parse(
    arguments: impl Iterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, Failure> {
    let mut typed = read(arguments)?;
    if let Some(text) = typed.print {
        return Ok(Invocation::Print(text));
    }
    // An empty variable counts as unset, because a pod template cannot omit a variable conditionally.
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    if typed.injected {
        return typed.understand();
    }
    typed.temporary_dir = variable(TEMPORARY_DIR).map(PathBuf::from);
    for flag in VALUED.into_iter().chain(SWITCHES) {
        if let Some(value) = variable(flag.variable)
            && !typed.values.contains_key(flag.name)
        {
            let values = if flag == OUTPUT {
                let lines = value.as_bytes().split(|&byte| byte == b'\n');
                let lines = lines.filter(|line| !line.trim_ascii().is_empty());
                lines
                    .map(|line| OsStr::from_bytes(line).to_owned())
                    .collect()
            } else {
                vec![value]
            };
            typed.values.insert(flag.name, values);
        }
    }
    typed.understand()
}

fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Typed, Failure> {
    let mut typed = Typed::default();
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else {
            return Err(unexpected(&argument));
        };
        match text {
            "--" => {
                typed.command = Some(arguments.collect());
                break;
            }
            "-h" | "--help" => typed.print = Some(HELP.to_owned()),
            "-V" | "--version" => {
                typed.print = Some(
                    concat!("gleaner-redirector ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
                );
            }
            FINISH_COMMAND => typed.finish_step = true,
            INJECTED => typed.injected = true,
            _ => typed.take_flag(&argument, text, &mut arguments)?,
        }
    }
    Ok(typed)
}

// === impl Typed ===

impl Typed {
    fn take_flag(
        &mut self,
        argument: &OsStr,
        text: &str,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), Failure> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text, None),
        };
        let Some(name) = name.strip_prefix("--") else {
            return Err(unexpected(argument));
        };
        if let Some(flag) = VALUED.iter().find(|flag| flag.name == name) {
            let value = value.or_else(|| rest.next());
            let value =
                value.ok_or_else(|| Failure::usage(format!("{} requires a value", flag.bare())))?;
            self.values.entry(flag.name).or_default().push(value);
        } else if let Some(flag) = SWITCHES.iter().find(|flag| flag.name == name) {
            let value = value.unwrap_or_else(|| OsString::from("true"));
            self.values.entry(flag.name).or_default().push(value);
        } else {
            return Err(unexpected(argument));
        }
        Ok(())
    }

    fn understand(mut self) -> Result<Invocation, Failure> {
        let step = self.parsed(STEP, StepName::new)?;
        let outputs = self.outputs()?;
        let preflight = self.switch(PREFLIGHT)?;
        let finish = self.switch(FINISH)?;
        let outputs_dir = self.path(OUTPUTS_DIR);
        let temporary_dir = self.temporary_dir.take();
        let temporary_dir = temporary_dir.unwrap_or_else(|| TEMPORARY_DIR_DEFAULT.into());
        let max_output_size = self.parsed(MAX_OUTPUT_SIZE, |text| size::parse(&text))?;
        let max_outputs_size = self.parsed(MAX_OUTPUTS_SIZE, |text| size::parse(&text))?;
        let common = |step, mut typed: Self| {
            Ok(Common {
                step,
                sidecar: typed.parsed_bytes(SIDECAR, address)?.unwrap_or_else(|| {
                    Address::Unix(PathBuf::from(path::OWN_RUN).join(path::SOCKET_FILE))
                }),
                token_file: typed.path(TOKEN_FILE),
                deadline: typed
                    .parsed(DEADLINE, |text| duration::parse(&text))?
                    .unwrap_or(DEADLINE_DEFAULT),
                answer_timeout: typed
                    .parsed(ANSWER_TIMEOUT, |text| duration::parse(&text))?
                    .unwrap_or(ANSWER_TIMEOUT_DEFAULT),
                results_dir: typed
                    .path(RESULTS_DIR)
                    .unwrap_or_else(|| path::TEKTON_RESULTS.into()),
                termination_message: typed
                    .path(TERMINATION_MESSAGE)
                    .unwrap_or_else(|| path::TEKTON_TERMINATION.into()),
                report_file: typed.path(REPORT_FILE),
                reported: Reported {
                    share: typed.parsed(TERMINATION_SHARE, |text| text.parse::<Share>())?,
                    results: typed.names(RESULTS)?,
                    step_results: typed.names(STEP_RESULTS)?,
                    step_metadata_dir: typed.path(STEP_METADATA_DIR),
                },
            })
        };
        match (self.finish_step, self.command.take()) {
            (true, None) => {
                let step = step.unwrap_or_else(|| {
                    StepName::new(path::FINISH_STEP)
                        .expect("invariant: the step name is a DNS label")
                });
                Ok(Invocation::Finish(common(step, self)?))
            }
            (false, Some(command)) if !command.is_empty() => {
                let step = step
                    .ok_or_else(|| Failure::usage("--step NAME (or GLEANER_STEP) is required"))?;
                Ok(Invocation::Wrap(Wrap {
                    common: common(step, self)?,
                    outputs,
                    outputs_dir,
                    temporary_dir,
                    max_output_size: max_output_size.unwrap_or(MAX_OUTPUT_SIZE_DEFAULT),
                    max_outputs_size: max_outputs_size.unwrap_or(MAX_OUTPUTS_SIZE_DEFAULT),
                    preflight,
                    finish,
                    command,
                }))
            }
            (true, Some(_)) => Err(Failure::usage(
                "'finish' cannot run a command; to finish the run after a command, use the flag --finish",
            )),
            (false, _) => Err(Failure::usage("missing command after '--'")),
        }
    }

    /// Returns the last value of a flag. A later value overrides earlier ones, so that defaults can be put first.
    fn last(&mut self, flag: Flag) -> Option<OsString> {
        self.values.get_mut(flag.name)?.pop()
    }

    fn path(&mut self, flag: Flag) -> Option<PathBuf> {
        self.last(flag).map(PathBuf::from)
    }

    fn parsed<T, E: Display>(
        &mut self,
        flag: Flag,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<Option<T>, Failure> {
        self.parsed_bytes(flag, |value| {
            parse(text(flag, value)?).map_err(|error| error.to_string())
        })
    }

    fn parsed_bytes<T>(
        &mut self,
        flag: Flag,
        parse: impl FnOnce(OsString) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let parsed = self.last(flag).map(parse).transpose();
        parsed.map_err(|error| Failure::usage(format!("{}: {error}", flag.bare())))
    }

    /// Parses comma-separated result names. A name must not contain a slash, because it is the name of a file in the results
    /// directory.
    fn names(&mut self, flag: Flag) -> Result<Vec<String>, Failure> {
        let names = self.parsed(flag, |text| {
            let names: Vec<String> = text.split(',').map(str::to_owned).collect();
            match names
                .iter()
                .find(|name| name.is_empty() || name.contains('/'))
            {
                Some(name) => Err(format!("'{name}' is not a valid result name; use names without '/', separated by commas")),
                None => Ok(names),
            }
        });
        names.map(Option::unwrap_or_default)
    }

    fn switch(&mut self, flag: Flag) -> Result<bool, Failure> {
        let value = self.parsed(flag, |text| match text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(format!("invalid boolean '{text}': use true or false")),
        });
        value.map(Option::unwrap_or_default)
    }

    fn outputs(&mut self) -> Result<Vec<OutputSpec>, Failure> {
        let mut outputs = Vec::<OutputSpec>::new();
        for value in self.values.remove(OUTPUT.name).unwrap_or_default() {
            let parsed = text(OUTPUT, value).and_then(|text| {
                text.parse::<OutputSpec>()
                    .map_err(|error| error.to_string())
            });
            let output = parsed.map_err(|error| Failure::usage(format!("--output: {error}")))?;
            if outputs.iter().any(|other| other.name == output.name) {
                let message = format!("--output: duplicate output '{}'", output.name);
                return Err(Failure::usage(message));
            }
            outputs.push(output);
        }
        Ok(outputs)
    }
}

fn text(flag: Flag, value: OsString) -> Result<String, String> {
    let value = value.into_string();
    value.map_err(|value| {
        format!(
            "'{}' is not valid UTF-8, which {} requires",
            value.display(),
            flag.bare()
        )
    })
}

fn unexpected(argument: &OsStr) -> Failure {
    let argument = argument.display();
    Failure::usage(format!(
        "unexpected argument '{argument}'; put the command after '--'"
    ))
}

/// Parses `unix:PATH` or `http://ADDRESS:PORT`. The only supported host name is `localhost`, because a static glibc cannot
/// resolve names.
fn address(value: OsString) -> Result<Address, String> {
    if let Some(path) = value.as_bytes().strip_prefix(b"unix:") {
        // Also accept `unix:///path`, a URL with an empty authority.
        let path = path.strip_prefix(b"//").unwrap_or(path);
        let shown = OsStr::from_bytes(path).display();
        return match path.len() {
            0 => Err("'unix:' must be followed by a socket path".to_owned()),
            length if length >= SOCKET_PATH_MAX => Err(format!(
                "the socket path '{shown}' is {length} bytes long; use a path of at most {} bytes",
                SOCKET_PATH_MAX - 1
            )),
            _ => Ok(Address::Unix(OsStr::from_bytes(path).into())),
        };
    }
    let value = text(SIDECAR, value)?;
    let wrong = || {
        format!(
            "invalid address '{value}': use unix:PATH or http://127.0.0.1:PORT, with a literal IP address"
        )
    };
    let authority = value.strip_prefix("http://").ok_or_else(wrong)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if let Some(port) = authority.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| wrong())?;
        return Ok(Address::Tcp((IpAddr::V4(Ipv4Addr::LOCALHOST), port).into()));
    }
    authority.parse().map(Address::Tcp).map_err(|_| wrong())
}

impl Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
            Self::Tcp(address) => write!(out, "http://{address}"),
        }
    }
}

#[cfg(test)]
mod tests;

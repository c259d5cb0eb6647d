//! The output of `--help`.

pub(crate) const HELP: &str = "\
Runs a step's command, posts its output files to Gleaner's sidecar, and exits with the command's exit code.

Usage:
  gleaner-redirector [FLAGS] -- COMMAND [ARG...]   run a step's command
  gleaner-redirector finish [FLAGS]                finish the run, as a separate step
  gleaner-redirector --script FILE [ARG...]        run a script whose first line names this program, and whose second
                                                   line is '#gleaner: ' and the flags as a JSON array

Each flag can also be set by the environment variable in brackets; the flag takes precedence. With --injected, the
environment variables are ignored.

  --step NAME                 the step's name in the declaration [GLEANER_STEP]
  --sidecar ADDRESS           unix:PATH or http://127.0.0.1:PORT [GLEANER_SIDECAR]
                              (default: unix:/gleaner/run/me/gleaner.sock)
  --token-file PATH           the file that contains the bearer token for the sidecar [GLEANER_TOKEN_FILE]
  --output SPEC               an output, NAME[,WORD...][=PATH]; may be repeated [GLEANER_OUTPUT, one per line]
                              words: string number boolean array object, Newline Whitespace None,
                              Success Always, optional; without PATH: $GLEANER_OUTPUTS/NAME
  --outputs-dir PATH          the directory that is passed to the command as $GLEANER_OUTPUTS [GLEANER_OUTPUTS]
                              (default: a new one in /gleaner/outputs, /tekton/home or $TMPDIR)
  --max-output-size SIZE      maximum size of an output file [GLEANER_MAX_OUTPUT_SIZE] (default: 16MiB)
  --max-outputs-size SIZE     maximum total size of a step's files [GLEANER_MAX_OUTPUTS_SIZE] (default: 64MiB)
  --deadline DURATION         maximum time that the sidecar may be unreachable [GLEANER_DEADLINE] (default: 60s)
  --answer-timeout DURATION   maximum total time for the sidecar's response [GLEANER_ANSWER_TIMEOUT] (default: 15m)
  --preflight                 before the command runs, check that the resources can be created [GLEANER_PREFLIGHT]
  --finish                    finish the run when the command has succeeded [GLEANER_FINISH]
  --results-dir PATH          the directory for results, if it exists [GLEANER_RESULTS_DIR]
                              (default: /tekton/results)
  --termination-message PATH  the file to which the reason of a failure is written, if the file exists
                              [GLEANER_TERMINATION_MESSAGE]
                              (default: /tekton/termination)
  --report-file PATH          append failures, remarks and the outcome to this file as JSON lines, instead of printing
                              them [GLEANER_REPORT_FILE]
  --termination-share OWN+ADDED
                              the containers that share the pod's 12 KiB of termination messages: the pod's own and
                              Gleaner's, such as 3+1 or 3+1,compressed [GLEANER_TERMINATION_SHARE]
  --results NAME,...          the Task's results that Tekton writes to this step's termination message
                              [GLEANER_RESULTS]
  --step-results NAME,...     the results of the step, in --step-metadata-dir [GLEANER_STEP_RESULTS]
  --step-metadata-dir PATH    Tekton's directory for the step [GLEANER_STEP_METADATA_DIR]
  --injected                  ignore the environment variables of these flags (set by injection)
  --help, --version

Exit codes: the command's own; if a signal killed the command, the redirector terminates with the same signal.
Gleaner's own failures: 64 usage, 65 an output is missing, too large or not a valid value of its type, 69 the sidecar
is unreachable, 73 the resources could not be created, 78 the declaration is invalid, 126 the command cannot be run, 127
the command was not found.
";

//! The output of `--help`.

pub(crate) const HELP: &str = "\
Runs a step's command, posts the files that it produces to Gleaner's sidecar, and exits as the command exited.

Usage:
  gleaner-redirector [FLAGS] -- COMMAND [ARG...]   wrap a step's command
  gleaner-redirector finish [FLAGS]                finish the run, as a separate step
  gleaner-redirector --script FILE [ARG...]        wrap a script whose first line names this program, and whose second
                                                   is '#gleaner: ' and its flags as a JSON array

Every flag can also be given as the environment variable behind it; the flag wins. With --injected, no variable is read.

  --step NAME                 the step's name in the declaration [GLEANER_STEP]
  --sidecar ADDRESS           unix:PATH or http://127.0.0.1:PORT [GLEANER_SIDECAR]
                              (default: unix:/gleaner/run/me/gleaner.sock)
  --token-file PATH           a file with the bearer token for the sidecar [GLEANER_TOKEN_FILE]
  --output SPEC               an output, NAME[,WORD...][=PATH]; may be repeated [GLEANER_OUTPUT, one per line]
                              words: string number boolean array object, Newline Whitespace None,
                              Success Always, optional; without PATH: $GLEANER_OUTPUTS/NAME
  --outputs-dir PATH          the directory that the command finds as $GLEANER_OUTPUTS [GLEANER_OUTPUTS]
                              (default: a new one in /gleaner/outputs, /tekton/home or $TMPDIR)
  --max-output-size SIZE      largest file that is taken [GLEANER_MAX_OUTPUT_SIZE] (default: 16MiB)
  --max-outputs-size SIZE     largest sum of a step's files [GLEANER_MAX_OUTPUTS_SIZE] (default: 64MiB)
  --deadline DURATION         how long the sidecar may be unreachable [GLEANER_DEADLINE] (default: 60s)
  --answer-timeout DURATION   how long its response may take in all [GLEANER_ANSWER_TIMEOUT] (default: 15m)
  --preflight                 ask first whether the resources can be created at all [GLEANER_PREFLIGHT]
  --finish                    finish the run when the command has succeeded [GLEANER_FINISH]
  --results-dir PATH          where the finish writes results, if it is there [GLEANER_RESULTS_DIR]
                              (default: /tekton/results)
  --termination-message PATH  where the reason of a failure goes, if it is there [GLEANER_TERMINATION_MESSAGE]
                              (default: /tekton/termination)
  --report-file PATH          append failures, remarks and the outcome to this file as JSON lines, and print none of
                              them [GLEANER_REPORT_FILE]
  --termination-share OWN+ADDED
                              the containers that share the 12 KiB of the pod's termination messages, the pod's own and
                              Gleaner's, such as 3+1 or 3+1,compressed [GLEANER_TERMINATION_SHARE]
  --results NAME,...          results of the Task that Tekton puts into this step's message [GLEANER_RESULTS]
  --step-results NAME,...     results of the step, in the directory below [GLEANER_STEP_RESULTS]
  --step-metadata-dir PATH    Tekton's directory of the step [GLEANER_STEP_METADATA_DIR]
  --injected                  ignore the environment: the flags are all there is (injection adds this one)
  --help, --version

Exit codes: the command's own, or death of the same signal. Gleaner's own failures: 64 usage, 65 an output is
missing, too large or no valid value of its type, 69 the sidecar is unreachable, 73 the resources could not be
created, 78 the declaration is wrong, 126 the command cannot be run, 127 it is not there.
";

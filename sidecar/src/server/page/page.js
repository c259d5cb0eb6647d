"use strict";
// All text from the run is untrusted. It is inserted as text and never parsed as HTML.

/** The delay between attempts to reconnect, in milliseconds. */
const RETRY = 2000;
/** The maximum length of a text, in characters. Only messages can exceed it, because the sidecar truncates values to 2 KiB. */
const CHARACTERS = 8000;
const TONES = {
  Committed: "good", Received: "good", Resolved: "good", Defaulted: "busy", Submitting: "busy", Running: "busy", Failed: "bad",
};
const FINAL = ["Committed", "Failed"];
const STAGES = {
  Checking: "checking all objects with dry runs",
  Creating: "creating the objects",
  Waiting: "waiting until the objects are ready",
  RollingBack: "rolling back: deleting the objects that this run created",
};
const WAITS = { Readiness: "readiness", Result: "result", Quota: "quota" };

const by = (id) => document.getElementById(id);

// === text ===

const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
/** Replaces characters that are invisible or change the direction of text with their code points. */
const printable = (text) =>
  text.replace(INVISIBLE, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

/** Returns a value as printable text of at most `CHARACTERS` characters. */
const visible = (value) => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return printable(text.length > CHARACTERS ? `${text.slice(0, CHARACTERS)}… (${text.length} characters)` : text);
};

const sentence = (text) => visible(text.charAt(0).toUpperCase() + text.slice(1));

/** Creates an element. A child is a node, or a value that is converted to text. */
const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const child of children) made.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  return made;
};
const code = (...children) => element("code", "", ...children);
const tag = (text, tone) => element("span", `tag ${tone ?? ""}`, text);
const row = (name, value, last) => {
  value.classList.add("value");
  return element("li", "", name, value, last);
};
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// === time ===

/** The difference between the sidecar's clock and the browser's clock, in milliseconds. */
let skew = 0;
const now = () => Date.now() + skew;

const duration = (milliseconds) => {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
};
const clock = (time) => {
  const date = new Date(time);
  const made = element("time", "", date.toLocaleTimeString([], { hourCycle: "h23" }));
  made.dateTime = date.toISOString();
  made.title = date.toISOString();
  return made;
};
/** Creates an element that shows the time elapsed since `time` and is updated every second. */
const ticking = (time) => {
  const made = element("span", "", duration(now() - Date.parse(time)));
  made.dataset.since = time;
  return made;
};
setInterval(() => {
  for (const one of document.querySelectorAll("[data-since]")) one.textContent = duration(now() - Date.parse(one.dataset.since));
}, 1000);

// === the parts of the page ===

const shown = {};
/** Replaces an element's children only if their source has changed, because this removes the selection and the focus. */
const fill = (id, source, children) => {
  const key = JSON.stringify(source);
  if (shown[id] === key) return;
  shown[id] = key;
  by(id).replaceChildren(...children());
};

const heading = ({ run = {}, phase }) => {
  const name = run.name ?? run.task ?? "run";
  fill("name", [run.kind, name], () => [element("span", "quiet", `${run.kind ?? "Run"} `), element("bdi", "", name)]);
  const facts = [["Task", run.task], ["Namespace", run.namespace], ["PipelineRun", run.pipelineRun], ["API server", run.apiServer]];
  fill("facts", facts, () => facts.filter(([, value]) => value).map(([label, value]) =>
    element("div", "", element("dt", "", label), element("dd", "mono", element("bdi", "", value)))));
  const where = [run.task && `Task ${run.task}`, run.namespace && `namespace ${run.namespace}`, run.apiServer].filter(Boolean);
  document.title = visible(`${phase}: ${name} (${where.join(", ")}) · Gleaner`);
  by("phase").hidden = false;
  by("phase").textContent = phase;
  by("phase").className = `tag ${TONES[phase] ?? ""}`;
};

const pendingOf = (status) => status.variables.filter((variable) => variable.state === "Pending");

const summary = (status) => {
  const pending = pendingOf(status).length;
  const failed = status.steps.filter((step) => step.state === "Failed").map((step) => step.name);
  const remaining = (status.problem?.left?.length ?? 0) + (status.problem?.kept?.length ?? 0);
  const created = status.resources.filter((resource) => resource.uid).length;
  const lines = {
    Collecting: `variables not known yet: ${pending} of ${status.variables.length}`,
    Resolved: "All variables are known, but the submission has not started",
    Submitting: `${STAGES[status.stage] ?? "creating the resources"} (${created} of ${status.resources.length} exist)`,
    Committed: `${plural(status.resources.length, "resource")} created`,
    Failed: remaining ? "some objects of this run remain (see below)" : "no object of this run exists",
  };
  const step = failed.length ? `; failed ${failed.length === 1 ? "step" : "steps"}: ${failed.join(", ")}` : "";
  return sentence(`${lines[status.phase] ?? ""}${step}.`);
};

const STEP_LABELS = { Waiting: "not started", Running: "running", Received: "done", Failed: "failed", Skipped: "no outputs" };
const stepTimes = (step) => {
  const { started, finished } = step;
  if (started && finished) {
    const took = duration(Date.parse(finished) - Date.parse(started));
    return [`took ${took}, `, clock(started), " – ", clock(finished)];
  }
  if (finished) return ["outputs received at ", clock(finished)];
  if (started && step.state === "Running") return ["for ", ticking(started), ", since ", clock(started)];
  return started ? ["since ", clock(started)] : [];
};
const stepRow = (step) => {
  const label = STEP_LABELS[step.state] ?? step.state;
  const exit = step.exitCode ? ` (exit code ${step.exitCode})` : "";
  const outputs = step.outputs.length ? ["outputs: ", code(step.outputs.join(", "))] : ["no declared outputs"];
  const value = element("div", "", element("div", "small quiet", ...outputs), element("div", "small quiet", ...stepTimes(step)));
  const made = row(element("code", "name", step.name), value, tag(label + exit, TONES[step.state]));
  made.dataset.step = step.name;
  return made;
};
const steps = (all) => {
  const groups = [
    ["Running", (step) => step.state === "Running"],
    ["Finished", (step) => !["Running", "Waiting"].includes(step.state)],
    ["Not started", (step) => step.state === "Waiting"],
  ];
  const filled = groups.map(([title, belongs]) => [title, all.filter(belongs)]).filter(([, members]) => members.length);
  if (!filled.length) return [element("p", "quiet", "This run has no steps that post outputs.")];
  return filled.flatMap(([title, members]) => {
    const list = element("ul", "rows", ...members.map(stepRow));
    list.dataset.group = title;
    list.setAttribute("aria-label", `Steps: ${title}`);
    return [element("h3", "", title), list];
  });
};

const variable = ({ name, state, value }) => {
  const text = { Pending: "not known yet", Secret: "(secret)" }[state];
  const content = text ? element("span", "quiet", text) : code(element("bdi", "", value ?? ""));
  const made = row(element("code", "name", name), element("div", "", content), tag(state.toLowerCase(), TONES[state]));
  made.dataset.variable = name;
  return made;
};

const isRemoved = (status, { kind, name }) => (status.problem?.removed ?? []).some((removed) =>
  name && (removed === `${kind} ${name}` || (removed.startsWith(`${kind} `) && removed.endsWith(`/${name}`))));
const resourceState = (status, resource) => {
  if (resource.error) return ["failed", "bad"];
  if (isRemoved(status, resource)) return ["rolled back", "busy"];
  if (status.waits?.some((wait) => wait.resource === resource.resource)) return ["waiting", "busy"];
  if (status.phase === "Committed" || resource.uid) return ["exists", "good"];
  if (status.stage === "RollingBack") return ["rolling back", "busy"];
  return [status.phase === "Failed" ? "not created" : "not created yet", ""];
};
const resourceRow = (status, resource) => {
  const { resource: own, kind, apiVersion, name, uid, error } = resource;
  const lines = [element("div", "", `${kind} `, name ? code(element("bdi", "", name)) : element("span", "quiet", apiVersion))];
  if (uid) lines.push(element("div", "small quiet", "UID ", code(uid)));
  if (error) lines.push(element("div", "small", error.remedy ? `${error.message}; ${error.remedy}` : error.message));
  const made = row(element("code", "name", own), element("div", "", ...lines), tag(...resourceState(status, resource)));
  made.dataset.resource = own;
  return made;
};

const waitRow = (name, text, since) => row(name, element("div", "", ...text), element("span", "small quiet since",
  ...(since ? ["for ", ticking(since), ", since ", clock(since)] : [])));
const waits = (status) => {
  const rows = (status.waits ?? []).map((wait) =>
    waitRow(element("code", "name", wait.resource), [`${WAITS[wait.kind] ?? wait.kind}: ${wait.message}`], wait.since));
  if (status.phase === "Resolved" && !status.finished) {
    const what = status.submit === "Manual" ? ["A submit request: ", code("POST /v1/submit")] : ["All steps to finish"];
    rows.push(waitRow(element("span", "name", `submit: ${status.submit}`), what, status.since));
  }
  if (status.phase === "Collecting") {
    for (const { name } of pendingOf(status)) {
      const step = status.steps.find((one) => name.startsWith(`steps.${one.name}.`) || name.startsWith(`steps["${one.name}"]`));
      const state = { Running: "is running", Waiting: "has not started", Failed: "failed", Received: "is done" }[step?.state];
      const from = step ? `Output of the step ${step.name}, which ${state ?? "posted no outputs"}`
        : "A value that is not the output of a step";
      rows.push(waitRow(element("code", "name", name), [from], step?.started ?? status.since));
    }
  }
  return rows;
};

const problem = ({ detail, failures = [], removed = [], left = [], kept = [] }) => {
  const named = ({ kind, namespace, name }) => `${kind} ${namespace ? `${namespace}/` : ""}${name}`;
  const list = (title, items) => items.length ? [element("h3", "", title), element("ul", "plain", ...items)] : [];
  const item = (...children) => element("li", "", ...children);
  const cause = ({ resource, message, remedy }) =>
    item(...(resource ? [code(resource), ": "] : []), remedy ? `${message}; ${remedy}` : message);
  return [
    ...(failures.length ? [element("ul", "plain", ...failures.map(cause))] : [element("p", "", detail)]),
    ...list("Rolled back", removed.map((one) => item(code(one)))),
    ...list("May still exist; if so, delete by hand", left.map(({ object, why }) => item(code(named(object)), `: ${why}`))),
    ...list("Existed before the run, and still have the fields that the run applied", kept.map((one) => item(code(named(one))))),
  ];
};

const results = (all) => Object.entries(all).map(([name, fields]) => {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    [element("dt", "mono", key), element("dd", "mono", element("bdi", "", value))]);
  const made = element("div", "object", element("h3", "", code(name)), element("dl", "pairs", ...pairs));
  made.dataset.result = name;
  return made;
});

const document_ = ({ resource, parts }) => {
  const text = parts.map(({ text, mark, bytes }) => {
    const whole = bytes ? `${text}… (${bytes} bytes)` : text;
    if (!mark) return document.createTextNode(printable(whole));
    const made = element("mark", mark === "Pending" ? "pending" : "", element("bdi", "", whole));
    made.title = mark === "Pending" ? "not known yet" : "filled in";
    return made;
  });
  const pre = element("pre", "", ...text);
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", visible(`YAML of ${resource}`));
  const made = element("div", "object", element("h3", "", code(resource)), pre);
  made.dataset.yaml = resource;
  return made;
};

// === the connection ===

let last;
let lost;
let source;

const show = (status) => {
  last = status;
  by("main").hidden = false;
  heading(status);
  const line = summary(status);
  if (by("summary").textContent !== line) by("summary").textContent = line;
  const isFinal = FINAL.includes(status.phase);
  fill("clock", [status.phase, status.since], () => {
    if (!status.since) return [];
    return isFinal ? [`${status.phase} at `, clock(status.since)]
      : [`${status.phase} for `, ticking(status.since), ", since ", clock(status.since)];
  });
  by("problem").hidden = !status.problem;
  if (status.problem) {
    by("problem-title").textContent = sentence(status.problem.title);
    fill("problem-text", status.problem, () => problem(status.problem));
  }
  const { phase, steps: all, variables, resources, notes = [], results: values = {} } = status;
  fill("waits-list", [phase, status.since, status.submit, status.waits, pendingOf(status), all], () => waits(status));
  by("waits").hidden = !by("waits-list").children.length;
  fill("steps", all, () => steps(all));
  by("variables").hidden = !variables.length;
  fill("variables-list", variables, () => variables.map(variable));
  fill("resources", [phase, status.stage, status.waits, status.problem, resources], () =>
    resources.length ? resources.map((resource) => resourceRow(status, resource))
      : [element("li", "quiet", "The declaration creates nothing.")]);
  by("results").hidden = !Object.keys(values).length;
  fill("results-list", values, () => results(values));
  by("notes").hidden = !notes.length;
  fill("notes-list", notes, () => notes.map((note) => element("li", "", note)));
};

/** Requests for the YAML. Only one runs at a time; if the state changes during a request, another one follows. */
const yaml = { busy: false, stale: false };
const refresh = async () => {
  if (yaml.busy) { yaml.stale = true; return; }
  yaml.busy = true;
  try {
    const response = await fetch("/v1/preview", { cache: "no-store" });
    const date = Date.parse(response.headers.get("date") ?? "");
    // The header has a resolution of one second.
    if (Math.abs(date - now()) > 2000) skew = date - Date.now();
    const body = await response.json();
    fill("yaml", body, () => response.ok ? body.objects.map(document_) : [element("p", "quiet", body.detail)]);
  } catch {
    // The event stream reports that the sidecar does not respond.
  } finally {
    yaml.busy = false;
    if (yaml.stale) { yaml.stale = false; refresh(); }
  }
};

/** Returns true if the state cannot change anymore. `ended` is true if the sidecar announced its shutdown. */
const isOver = (ended) => {
  if (!last) return false;
  const active = last.steps.some(({ state }) => state === "Running" || (state === "Waiting" && last.phase === "Committed"));
  return last.finished || (FINAL.includes(last.phase) && (ended || !active));
};

const banner = (tone, title, ...text) => {
  by("link").hidden = false;
  by("link").className = `box ${tone}`;
  by("link-title").textContent = title;
  by("link-text").replaceChildren(...text.map((one) => one instanceof Node ? one : document.createTextNode(one)));
};

const disconnected = (ended) => {
  source.close();
  lost ??= new Date(now()).toISOString();
  const over = isOver(ended);
  by("again").hidden = !over;
  by("links").hidden = over;
  if (over) {
    for (const one of document.querySelectorAll("#clock [data-since], main [data-since]")) delete one.dataset.since;
    const tone = last.phase === "Failed" ? "bad" : "good";
    const text = ["The sidecar has exited. This is the last state that it reported, as of ", clock(lost), "."];
    banner(tone, `The run finished: ${last.phase}.`, ...text);
    return;
  }
  const why = ended ? "The sidecar was shut down before the run finished." : "The sidecar does not respond.";
  banner("warn", why, "Disconnected for ", ticking(lost), ", since ", clock(lost), `. Retrying every ${RETRY / 1000} s.`);
  setTimeout(connect, RETRY);
};

const connect = () => {
  source?.close();
  source = new EventSource("/v1/events");
  source.addEventListener("status", (event) => {
    lost = undefined;
    by("link").hidden = true;
    by("links").hidden = false;
    show(JSON.parse(event.data));
    refresh();
  });
  source.addEventListener("end", () => disconnected(true));
  source.addEventListener("error", () => disconnected(false));
};
by("again").addEventListener("click", connect);
connect();

// FOR DEVELOPMENT ONLY: an invented log of warnings and errors of all processes.
import { started } from "./state.mjs";

/** As many are kept. */
const MOST = 1000;

const SAID = [
  {
    instance: "connect@spare",
    level: "warn",
    component: "connect poller",
    target: "pipeline::run::poller",
    message: "device set aside for a minute: it answers later than its interval allows",
    fields: { device: "core-rtr-1", address: "192.0.2.10" },
  },
  {
    instance: "run@mock",
    level: "warn",
    component: "sink metric",
    target: "pipeline::run::sink",
    message: "holding",
    fields: { error: "the database does not answer: connection refused (os error 111)" },
  },
  {
    instance: "run@mock",
    level: "error",
    component: "sink event",
    target: "sinks::copy",
    message: "a batch could not be stored; it is tried again",
    fields: { partition: "3", offset: "184467", table: "device_event" },
  },
];

const lineAt = (at, n) => ({ at, ...SAID[n % SAID.length], suppressed: n % 40 === 1 ? 12 : 0 });

/** Newest first. */
const lines = Array.from({ length: 460 }, (_, n) => lineAt(started - n * 130_000, n));
let said = 0;

/** Another line. */
export function warn(at) {
  said += 1;
  const line = lineAt(at, said);
  lines.unshift(line);
  lines.length = Math.min(lines.length, MOST);
  return line;
}

export function linesOf(query) {
  const text = (query.get("q") ?? "").toLowerCase();
  const is = (name, value) => !query.get(name) || query.get(name) === value;
  return lines.filter(
    (line) =>
      is("process", line.instance) &&
      is("component", line.component) &&
      (query.get("level") !== "error" || line.level === "error") &&
      `${line.message} ${JSON.stringify(line.fields)}`.toLowerCase().includes(text) &&
      line.at >= Number(query.get("from") ?? 0),
  );
}

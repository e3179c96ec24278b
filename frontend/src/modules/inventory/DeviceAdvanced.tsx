// What few devices need: answers from another address, echo requests of their own.
import { type ReactNode, useState } from "react";
import type { ApiError } from "../../api/client";
import { Checkbox } from "../../parts/Checkbox";
import { NumberField } from "../../parts/NumberField";
import { ECHO, ECHO_FIELDS, type EchoField } from "./advanced";
import { advancedSet, asksSnmp, type Typed } from "./draft";

interface LineProps {
  name: string;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

interface Props {
  typed: Typed;
  set: (change: Partial<Typed>) => void;
  /** What an input of a field needs. */
  text: (field: EchoField) => LineProps;
  error: (field: keyof Typed) => string | undefined;
  /** What came of the last try to save. */
  problem: ApiError | null;
}

const FIELDS: readonly string[] = ["any_source", ...ECHO_FIELDS];

const isNamed = (problem: ApiError | null): boolean =>
  problem?.problem.errors?.some((mark) => FIELDS.includes(mark.field)) ?? false;

/** Closed until something in it is set or wrong; each failed try opens it again. */
export function DeviceAdvanced({ typed, set, text, error, problem }: Props) {
  const [open, setOpen] = useState(() => advancedSet(typed) > 0 || isNamed(problem));
  const [seen, setSeen] = useState(problem);
  if (problem !== seen) {
    setSeen(problem);
    if (isNamed(problem)) setOpen(true);
  }
  const number = advancedSet(typed);
  return (
    <details
      className="advanced"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <span className="label">Advanced</span>{" "}
        <span className="muted">
          {number > 0 ? `${number} set` : "source of SNMP answers, echo requests"}
        </span>
      </summary>
      <div className="stack">
        <AnySource typed={typed} set={set} error={error("any_source")} />
        <Echoes typed={typed} text={text} />
      </div>
    </details>
  );
}

function AnySource({
  typed,
  set,
  error,
}: Pick<Props, "typed" | "set"> & { error?: string | undefined }) {
  const off = !asksSnmp(typed);
  return (
    <fieldset disabled={off}>
      <legend className="label">SNMP answers</legend>
      {off && (
        <p className="hint" id="any-source-off">
          Not in use: SNMP is off. Choose a credential and tick SNMP above.
        </p>
      )}
      <Checkbox
        label="Accept SNMP answers from any source"
        name="any_source"
        checked={typed.any_source}
        error={error}
        aria-describedby={off ? "any-source-off" : undefined}
        onChange={(checked) => set({ any_source: checked })}
        hint="Default: off. For a router that is asked at one address and answers from another, such as its loopback: without this, such answers are ignored. It makes a forged answer easier, so tick it only where it is needed."
      />
    </fieldset>
  );
}

const LABELS: Record<EchoField, string> = {
  icmp_echoes: "Echo requests per poll",
  icmp_spacing_ms: "Time between requests (ms)",
  icmp_timeout_ms: "Wait for the last answer (ms)",
};

const HINTS: Record<EchoField, ReactNode> = {
  icmp_echoes:
    "More show loss in finer steps: 3 in steps of 33 %, 20 in steps of 5 %. Fewer spare a target that rate limits ICMP.",
  icmp_spacing_ms:
    "Longer for a target that rate limits ICMP: it answers the first request of each poll and drops those that follow at once.",
  icmp_timeout_ms:
    "Longer for a link with high latency, such as one over satellite: an answer that comes later counts as lost.",
};

/** The server's settings say how many are sent; the times are the same everywhere. */
const usual = (field: EchoField): string =>
  field === "icmp_echoes"
    ? `default: ${ECHO[field].usual} unless changed`
    : `default: ${ECHO[field].usual}`;

function Echoes({ typed, text }: Pick<Props, "typed" | "text">) {
  const about = typed.icmp ? "echoes-hint" : "echoes-off echoes-hint";
  return (
    <fieldset disabled={!typed.icmp} aria-describedby={about}>
      <legend className="label">ICMP echo requests</legend>
      {!typed.icmp && (
        <p className="hint" id="echoes-off">
          Not in use: ICMP is off. Tick ICMP above.
        </p>
      )}
      <div className="half">
        {ECHO_FIELDS.map((field) => (
          <NumberField
            key={field}
            label={LABELS[field]}
            hint={
              <>
                {ECHO[field].least} to {ECHO[field].most}. {HINTS[field]}
              </>
            }
            min={ECHO[field].least}
            max={ECHO[field].most}
            disabled={!typed.icmp}
            placeholder={usual(field)}
            {...text(field)}
          />
        ))}
      </div>
      <p className="hint" id="echoes-hint">
        An empty field takes the default; how many are sent by default is the server’s setting{" "}
        <code>poller.icmp_echoes</code>. The times have to fit into the poll interval: what does not
        is shortened.
      </p>
    </fieldset>
  );
}

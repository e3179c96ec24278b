// The range of all charts on the page, relative or from–to, in the viewer's zone.
import { type FormEvent, useState } from "react";
import { zone } from "../lib/format";
import { clampRange, fromLocalInput, type Range, RELATIVE, toLocalInput } from "../lib/range";

interface RangeBarProps {
  range: Range;
  from: number;
  to: number;
  onRange: (range: Range) => void;
  note?: string | null;
}

export function RangeBar({ range, from, to, onRange, note }: RangeBarProps) {
  const [open, setOpen] = useState(false);
  return (
    <div className="range-bar">
      <fieldset className="segments" aria-label="Time range">
        {RELATIVE.map((item) => (
          <button
            type="button"
            key={item.name}
            aria-pressed={range.kind === "relative" && range.ms === item.ms}
            onClick={() => onRange({ kind: "relative", ms: item.ms })}
          >
            {item.label}
          </button>
        ))}
        <button
          type="button"
          aria-pressed={range.kind === "absolute"}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          From – to
        </button>
      </fieldset>
      {(open || range.kind === "absolute") && (
        <Absolute
          key={range.kind === "absolute" ? `${range.from}-${range.to}` : "relative"}
          from={from}
          to={to}
          onRange={onRange}
        />
      )}
      <span className="muted">
        {zone(to)}
        {note && ` · ${note}`}
      </span>
    </div>
  );
}

function Absolute({
  from,
  to,
  onRange,
}: {
  from: number;
  to: number;
  onRange: (range: Range) => void;
}) {
  const [start, setStart] = useState(toLocalInput(from));
  const [end, setEnd] = useState(toLocalInput(to));
  const a = fromLocalInput(start);
  const b = fromLocalInput(end);
  const wrong = !(Number.isFinite(a) && Number.isFinite(b)) || b <= a;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!wrong) onRange({ kind: "absolute", ...clampRange(a, b) });
  };
  return (
    <form className="row" onSubmit={submit}>
      <input
        type="datetime-local"
        aria-label="From"
        value={start}
        onChange={(event) => setStart(event.target.value)}
      />
      <span aria-hidden="true">–</span>
      <input
        type="datetime-local"
        aria-label="To"
        value={end}
        aria-invalid={wrong || undefined}
        onChange={(event) => setEnd(event.target.value)}
      />
      <button type="submit" disabled={wrong}>
        Show
      </button>
      {wrong && <span className="field-error">The end must come after the start.</span>}
    </form>
  );
}

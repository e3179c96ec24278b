// The range of all charts on the page, relative or from–to, in the viewer's zone.
import { CalendarRange } from "lucide-react";
import { type FormEvent, useState } from "react";
import { zone } from "../../../lib/format";
import { Button } from "../../../parts/Button";
import { DateTimeField } from "../../../parts/DateTimeField";
import { clampRange, type Range, RELATIVE } from "../range";

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
          <Button
            key={item.name}
            aria-pressed={range.kind === "relative" && range.ms === item.ms}
            onClick={() => onRange({ kind: "relative", ms: item.ms })}
          >
            {item.label}
          </Button>
        ))}
        <Button
          icon={CalendarRange}
          aria-pressed={range.kind === "absolute"}
          aria-expanded={open || range.kind === "absolute"}
          onClick={() => setOpen(!open)}
        >
          From – to
        </Button>
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

interface AbsoluteProps {
  from: number;
  to: number;
  onRange: (range: Range) => void;
}

function Absolute({ from, to, onRange }: AbsoluteProps) {
  const [start, setStart] = useState<number | null>(from);
  const [end, setEnd] = useState<number | null>(to);
  const order = start !== null && end !== null && end <= start;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (start === null || end === null || order) return;
    onRange({ kind: "absolute", ...clampRange(start, end) });
  };
  return (
    <form className="row range-fields" onSubmit={submit}>
      <DateTimeField label="From" bare value={start} onChange={setStart} />
      <span aria-hidden="true">–</span>
      <DateTimeField
        label="To"
        bare
        value={end}
        onChange={setEnd}
        error={order ? "The end must come after the start." : undefined}
      />
      <Button type="submit" disabled={start === null || end === null || order}>
        Show
      </Button>
    </form>
  );
}

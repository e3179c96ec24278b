import { Popover } from "@base-ui/react/popover";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import { clockText, dayText, onDay, stepTime, weeksOf } from "../../lib/datetime";
import { zone } from "../../lib/format";
import { Button, IconButton } from "../Button";
import "./popups.css";

interface CalendarPopupProps {
  anchor: RefObject<HTMLElement | null>;
  label: string;
  value: number;
  onPick: (ms: number) => void;
  onClose: () => void;
}

export default function CalendarPopup(props: CalendarPopupProps) {
  const { anchor, label, value, onPick, onClose } = props;
  const popup = useRef<HTMLDivElement>(null);
  const chosen = () => popup.current?.querySelector<HTMLElement>("[data-day][tabindex='0']");
  return (
    <Popover.Root open modal="trap-focus" onOpenChange={(open) => !open && onClose()}>
      <Popover.Portal>
        <Popover.Positioner anchor={anchor} sideOffset={4} align="start" className="popup-place">
          <Popover.Popup
            ref={popup}
            className="popup calendar"
            aria-label={label}
            initialFocus={() => chosen() ?? true}
            finalFocus={() => anchor.current?.querySelector<HTMLElement>("button") ?? true}
          >
            <Days value={value} onPick={onPick} />
            <Clock value={value} onPick={onPick} />
            <div className="row">
              <span className="muted grow">{zone(value)}</span>
              <Button size="small" onClick={() => onPick(Date.now())}>
                Now
              </Button>
              <Button size="small" variant="primary" onClick={onClose}>
                Done
              </Button>
            </div>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

type Part = Pick<CalendarPopupProps, "value" | "onPick">;

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full" });
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const DAYS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const MONTHS: Record<string, number> = { PageUp: -1, PageDown: 1 };

function Days({ value, onPick }: Part) {
  const month = new Date(value);
  const grid = useRef<HTMLTableElement>(null);
  const [byKey, setByKey] = useState(false);
  const at = dayText(month);
  // The focus follows the chosen day, but only where it was moved by key.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when another day is chosen
  useEffect(() => {
    if (byKey) grid.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
    setByKey(false);
  }, [at]);
  const key = (event: KeyboardEvent) => {
    const days = DAYS[event.key];
    const months = MONTHS[event.key];
    if (days === undefined && months === undefined) return;
    event.preventDefault();
    setByKey(true);
    onPick(
      days === undefined ? stepTime(value, "month", months ?? 0) : stepTime(value, "day", days),
    );
  };
  return (
    <>
      <div className="row nowrap">
        <IconButton
          icon={ChevronLeft}
          label="Month before"
          onClick={() => onPick(stepTime(value, "month", -1))}
        />
        <b className="grow calendar-month" aria-live="polite">
          {MONTH.format(month)}
        </b>
        <IconButton
          icon={ChevronRight}
          label="Next month"
          onClick={() => onPick(stepTime(value, "month", 1))}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the pattern of a date grid */}
      <table ref={grid} role="grid" aria-label={MONTH.format(month)} onKeyDown={key}>
        <thead>
          <tr>
            {WEEKDAYS.map((day) => (
              <th key={day} scope="col">
                {day}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeksOf(month).map((week) => (
            <tr key={dayText(week[0] ?? month)}>
              {week.map((day) => (
                <Day key={dayText(day)} day={day} value={value} onPick={onPick} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Day({ day, value, onPick }: Part & { day: Date }) {
  const chosen = dayText(day) === dayText(new Date(value));
  const today = dayText(day) === dayText(new Date());
  const other = day.getMonth() !== new Date(value).getMonth();
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: in a grid a td is a gridcell
    <td aria-selected={chosen}>
      <button
        type="button"
        data-day=""
        tabIndex={chosen ? 0 : -1}
        className={`day${chosen ? " chosen" : ""}${today ? " today" : ""}${other ? " other" : ""}`}
        aria-label={FULL.format(day)}
        aria-current={today ? "date" : undefined}
        onClick={() => onPick(onDay(value, day))}
      >
        {day.getDate()}
      </button>
    </td>
  );
}

/** Hour and minute: each is stepped by the arrow keys, and typed. */
function Clock({ value, onPick }: Part) {
  const date = new Date(value);
  const [hour = "", minute = ""] = clockText(date).split(":");
  const set = (unit: "hour" | "minute", text: string) => {
    const typed = Number(text);
    if (text === "" || !Number.isInteger(typed) || typed > (unit === "hour" ? 23 : 59)) return;
    const next = new Date(value);
    if (unit === "hour") next.setHours(typed);
    else next.setMinutes(typed);
    onPick(next.getTime());
  };
  return (
    <div className="row nowrap calendar-clock">
      <span className="muted">Time</span>
      <Two label="Hour" value={hour} most={23} onChange={(text) => set("hour", text)} />
      <span aria-hidden="true">:</span>
      <Two label="Minute" value={minute} most={59} onChange={(text) => set("minute", text)} />
    </div>
  );
}

interface TwoProps {
  label: string;
  value: string;
  most: number;
  onChange: (text: string) => void;
}

function Two({ label, value, most, onChange }: TwoProps) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  if (value !== seen) {
    setSeen(value);
    if (Number(text) !== Number(value)) setText(value);
  }
  return (
    <input
      className="input two-digits"
      type="number"
      min={0}
      max={most}
      aria-label={label}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(event.target.value);
      }}
      onBlur={() => setText(value)}
    />
  );
}

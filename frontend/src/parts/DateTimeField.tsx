// A point in time, 24 h, in the viewer's zone. Typed, stepped with the arrow keys part by part, or
// picked from a calendar, which is loaded when it is first opened.
import { CalendarDays } from "lucide-react";
import { type KeyboardEvent, lazy, Suspense, useLayoutEffect, useRef, useState } from "react";
import { readTime, spanOf, stepTime, typedTime, unitAt } from "../lib/datetime";
import { Quiet } from "./Boundary";
import { IconButton } from "./Button";
import { Field, type Labelled } from "./Field";

const CalendarPopup = lazy(() => import("./popups/CalendarPopup"));

interface DateTimeFieldProps extends Labelled {
  value: number | null;
  /** Null while what is typed is no time. */
  onChange: (ms: number | null) => void;
  name?: string;
  disabled?: boolean;
  required?: boolean;
}

const FORM = "2026-11-30 14:05";

export function DateTimeField(props: DateTimeFieldProps) {
  const { label, hint, error, bare, value, onChange, ...rest } = props;
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const [text, setText] = useState(() => (value === null ? "" : typedTime(value)));
  const [seen, setSeen] = useState(value);
  const select = useRef<[number, number] | null>(null);
  if (value !== seen) {
    setSeen(value);
    if (value !== null && readTime(text) !== value) setText(typedTime(value));
  }
  useLayoutEffect(() => {
    if (!select.current) return;
    input.current?.setSelectionRange(...select.current);
    select.current = null;
  });
  const type = (next: string) => {
    setText(next);
    const ms = readTime(next);
    setSeen(ms);
    onChange(ms);
  };
  const key = (event: KeyboardEvent<HTMLInputElement>) => {
    const by = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    const ms = readTime(text);
    if (by === 0 || ms === null || event.altKey) return;
    event.preventDefault();
    const unit = unitAt(event.currentTarget.selectionStart ?? 0);
    select.current = spanOf(unit);
    type(typedTime(stepTime(ms, unit, by)));
  };
  const wrong = text !== "" && readTime(text) === null ? `Write it as ${FORM}.` : error;
  return (
    <Field {...{ label, hint, error: wrong }} bare={bare ?? false} required={rest.required}>
      {(control) => (
        <div className="datetime" ref={box}>
          <input
            ref={input}
            className="input"
            {...control}
            {...rest}
            inputMode="numeric"
            autoComplete="off"
            placeholder={FORM}
            value={text}
            onChange={(event) => type(event.target.value)}
            onKeyDown={key}
          />
          <IconButton
            icon={CalendarDays}
            label={`Calendar: ${label}`}
            aria-haspopup="dialog"
            aria-expanded={open}
            {...(rest.disabled && { disabled: true })}
            onClick={() => setOpen(true)}
          />
          {open && (
            <Quiet>
              <Suspense fallback={null}>
                <CalendarPopup
                  anchor={box}
                  label={label}
                  value={readTime(text) ?? Date.now()}
                  onPick={(ms) => type(typedTime(ms))}
                  onClose={() => setOpen(false)}
                />
              </Suspense>
            </Quiet>
          )}
        </div>
      )}
    </Field>
  );
}

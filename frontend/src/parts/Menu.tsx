// A button that opens a menu: actions, links, and choices of one among few. The menu itself is
// loaded when it is first opened.
import { ChevronDown } from "lucide-react";
import { type KeyboardEvent, lazy, type ReactNode, Suspense, useRef, useState } from "react";
import { Quiet } from "./Boundary";
import { buttonClass, type Size, type Variant } from "./Button";
import type { MenuEntry } from "./entries";

const MenuPopup = lazy(() => import("./popups/MenuPopup"));

export type { MenuEntry } from "./entries";

interface MenuProps {
  /** Read out; without one the button's words are. */
  label?: string;
  entries: readonly MenuEntry[];
  children: ReactNode;
  variant?: Variant;
  size?: Size;
  className?: string;
  disabled?: boolean;
}

export function Menu(props: MenuProps) {
  const { label, entries, children, variant, size, className, disabled } = props;
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const key = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    setOpen(true);
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={buttonClass(variant, size, className)}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={label}
        disabled={disabled}
        onClick={() => setOpen(!open)}
        onKeyDown={key}
      >
        {children}
        <ChevronDown className="icon chevron" aria-hidden="true" />
      </button>
      {open && (
        <Quiet>
          <Suspense fallback={null}>
            <MenuPopup anchor={button} entries={entries} onClose={() => setOpen(false)} />
          </Suspense>
        </Quiet>
      )}
    </>
  );
}

interface ChoiceProps<T extends string> {
  /** What is chosen, such as `Site`. */
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChoose: (value: T) => void;
  disabled?: boolean;
}

/** A filter: `Site: all`. */
export function Choice<T extends string>(props: ChoiceProps<T>) {
  const { label, value, options, onChoose, disabled } = props;
  const shown = options.find((option) => option.value === value)?.label ?? value;
  const choice: MenuEntry = {
    kind: "choice",
    label,
    value,
    options,
    onChoose: (chosen) => onChoose(chosen as T),
  };
  return (
    <Menu entries={[choice]} label={`${label}: ${shown}`} {...(disabled && { disabled })}>
      <span className="muted">{label}:</span> {shown}
    </Menu>
  );
}

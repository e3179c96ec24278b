// A tooltip: a word more on what is pointed at or focused. It repeats or adds, and is never the only
// place where something is said. Its popup is loaded when the first one is shown.
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { Quiet } from "./Boundary";

const TipPopup = lazy(() => import("./popups/TipPopup"));

const AFTER_MS = 450;

export function Tip({ text, children }: { text: string; children: ReactNode }) {
  const anchor = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const hide = () => {
    clearTimeout(timer.current);
    setOpen(false);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what is in it is acted on, not this
    <span
      ref={anchor}
      className="tip-anchor"
      onPointerEnter={(event) => {
        if (event.pointerType !== "touch")
          timer.current = setTimeout(() => setOpen(true), AFTER_MS);
      }}
      onPointerLeave={hide}
      onPointerDown={hide}
      onFocus={(event) => {
        if (event.target.matches(":focus-visible")) setOpen(true);
      }}
      onBlur={hide}
    >
      {children}
      {open && (
        <Quiet>
          <Suspense fallback={null}>
            <TipPopup anchor={anchor} text={text} onClose={hide} />
          </Suspense>
        </Quiet>
      )}
    </span>
  );
}

// The way to the search over everything. Its list is loaded when it is first opened; what is typed
// until then is not lost.
import { Search as Glass } from "lucide-react";
import { lazy, Suspense, useEffect, useLayoutEffect, useRef, useState } from "react";
import { giveBack } from "../lib/focus";
import { Quiet } from "../parts/Boundary";

const Palette = lazy(() => import("./Palette"));

interface SearchProps {
  open: boolean;
  onOpen: (open: boolean) => void;
}

export function Search({ open, onOpen }: SearchProps) {
  const [text, setText] = useState("");
  const opener = useRef<Element | null>(null);
  const [was, setWas] = useState(open);
  if (open !== was) {
    setWas(open);
    setText("");
  }
  useEffect(() => {
    const remember = (event: FocusEvent) => {
      const { target } = event;
      if (target instanceof Element && !target.closest(".palette")) opener.current = target;
    };
    document.addEventListener("focusin", remember);
    return () => document.removeEventListener("focusin", remember);
  }, []);
  const close = (focus: boolean) => {
    onOpen(false);
    if (focus) setTimeout(() => giveBack(opener.current), 0);
  };
  return (
    <>
      <button
        type="button"
        className="search-open"
        aria-haspopup="dialog"
        aria-label="Search devices and pages"
        onClick={() => onOpen(true)}
      >
        <Glass className="icon" aria-hidden="true" />
        <span className="grow">Search</span>
        <kbd>/</kbd>
      </button>
      {open && (
        <Quiet>
          <Suspense fallback={<Waiting text={text} onText={setText} />}>
            <Palette text={text} onText={setText} onClose={close} />
          </Suspense>
        </Quiet>
      )}
    </>
  );
}

function Waiting({ text, onText }: { text: string; onText: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  // Before the next key.
  useLayoutEffect(() => input.current?.focus(), []);
  return (
    <div className="palette">
      <input
        ref={input}
        className="palette-input"
        aria-label="Search devices and pages"
        autoComplete="off"
        value={text}
        onChange={(event) => onText(event.target.value)}
      />
    </div>
  );
}

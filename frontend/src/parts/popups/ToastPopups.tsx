import { Toast as Base } from "@base-ui/react/toast";
import { Check, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { dropToast, type Toast } from "../../lib/toast";
import { buttonClass } from "../Button";
import "./popups.css";

export default function ToastPopups({ toasts }: { toasts: readonly Toast[] }) {
  return (
    <Base.Provider>
      <Shown toasts={toasts} />
    </Base.Provider>
  );
}

/** Passes what the rest of the program says to the toasts' own manager, each once. */
function Shown({ toasts }: { toasts: readonly Toast[] }) {
  const { toasts: shown, add } = Base.useToastManager();
  const passed = useRef(0);
  useEffect(() => {
    for (const { id, title, text } of toasts) {
      if (id <= passed.current) continue;
      passed.current = id;
      add({ title, description: text, onRemove: () => dropToast(id) });
    }
  }, [toasts, add]);
  return (
    <Base.Portal>
      <Base.Viewport className="toasts">
        {shown.map((each) => (
          <Base.Root key={each.id} toast={each} className="toast">
            <Check className="icon" aria-hidden="true" />
            <div className="grow">
              <Base.Title className="toast-title" />
              <Base.Description className="muted" />
            </div>
            <Base.Close
              className={buttonClass("quiet", "small", "icon-button")}
              aria-label="Dismiss"
            >
              <X className="icon" aria-hidden="true" />
            </Base.Close>
          </Base.Root>
        ))}
      </Base.Viewport>
    </Base.Portal>
  );
}

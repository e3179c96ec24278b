// What stands over the page until it is answered or closed. The focus goes in, stays in, and goes
// back to what opened it.
import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { giveBack } from "../lib/focus";
import { Button, buttonClass } from "./Button";
import { InDialog } from "./popups/place";
import "./popups/popups.css";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** Where there is something to type, typing begins there and not on the close button. */
const FIRST = "form input:not([type=hidden])";

function Popup({ title, onClose, children, className }: DialogProps & { className: string }) {
  const popup = useRef<HTMLDivElement>(null);
  const opener = useRef(document.activeElement);
  useEffect(() => {
    const from = opener.current;
    return () => {
      // When all of it is gone: before, the focus may not leave it.
      setTimeout(() => {
        if (!popup.current?.isConnected) giveBack(from);
      }, 0);
    };
  }, []);
  return (
    <Base.Root open onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup
          ref={popup}
          className={className}
          initialFocus={() => popup.current?.querySelector<HTMLElement>(FIRST) ?? true}
          finalFocus={false}
        >
          <header className="dialog-head">
            <Base.Title>{title}</Base.Title>
            <Base.Close
              className={buttonClass("quiet", "normal", "icon-button")}
              aria-label="Close"
            >
              <X className="icon" aria-hidden="true" />
            </Base.Close>
          </header>
          <InDialog value={true}>{children}</InDialog>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** A box in the middle; `wide`: for what is compared side by side. */
export const Dialog = ({ wide, ...props }: DialogProps & { wide?: boolean }) => (
  <Popup {...props} className={wide ? "dialog wide" : "dialog"} />
);

/** A panel at the side, for what is read beside the page. */
export const Drawer = (props: DialogProps) => <Popup {...props} className="dialog drawer" />;

interface ConfirmProps extends DialogProps {
  action: string;
  busy: boolean;
  error: string | null;
  onConfirm: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm(props: ConfirmProps) {
  const { title, action, busy, error, onConfirm, onClose, children } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="stack">
        {children}
        {error && (
          <p role="alert" className="field-error">
            {error}
          </p>
        )}
        <div className="row end">
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="danger" busy={busy} onClick={onConfirm}>
            {busy ? "Working…" : action}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

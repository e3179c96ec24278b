// Where toasts appear. Loaded with the first one.
import { lazy, Suspense, useState } from "react";
import { useToasts } from "../lib/toast";
import { Quiet } from "./Boundary";

const ToastPopups = lazy(() => import("./popups/ToastPopups"));

export function Toasts() {
  const toasts = useToasts();
  const [used, setUsed] = useState(false);
  if (toasts.length > 0 && !used) setUsed(true);
  if (!used) return null;
  return (
    <Quiet>
      <Suspense fallback={null}>
        <ToastPopups toasts={toasts} />
      </Suspense>
    </Quiet>
  );
}

// What the screen is like.
import { useSyncExternalStore } from "react";

/** The same width as in the style sheets. */
const NARROW = "(max-width: 720px)";

const narrow = (): MediaQueryList => window.matchMedia(NARROW);

function subscribe(listener: () => void): () => void {
  const query = narrow();
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

/** Whether there is room for one column only, as on a phone. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => narrow().matches);

// Where in the document what opens is put: into the page's main part, so that it belongs to a
// landmark; in a dialog where its opener is in one, for the rest of the page is out of reach then.
import { createContext, useContext } from "react";

export const InDialog = createContext(false);

export function usePlace(): HTMLElement | undefined {
  const inside = useContext(InDialog);
  return inside ? undefined : (document.getElementById("main") ?? undefined);
}

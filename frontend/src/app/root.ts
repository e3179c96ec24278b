// The route above all others. The areas hang their routes below it; the shell is put into it when
// the router is made, so that an area does not know the shell.
import { createRootRoute } from "@tanstack/react-router";
import { searchOf, text } from "../lib/search";

export const rootRoute = createRootRoute({
  /** `why`: the anomaly whose reasons are open, on whatever page. */
  validateSearch: searchOf({ why: text }),
});

// All routes of all areas, and what happens between two pages.
import { createRouter } from "@tanstack/react-router";
import { leavePage } from "../lib/focus";
import { parseSearch, stringifySearch } from "../lib/search";
import type { MODULES } from "../modules";
import { Empty } from "../parts/Face";
import { Link } from "../parts/Link";
import { PageHeading } from "../parts/PageHeading";
import { AREAS } from "./areas";
import { rootRoute } from "./root";
import { Shell } from "./Shell";

function NotFound() {
  return (
    <>
      <PageHeading title="Not found" hidden />
      <Empty title="There is no such page">
        <Link to="/">Go to the devices</Link>
      </Empty>
    </>
  );
}

/** Addresses are checked against these; those of development are not among them. */
type Routes = (typeof MODULES)[number]["routes"][number];

const routes = AREAS.flatMap((area) => area.routes) as unknown as readonly Routes[];

export const router = createRouter({
  routeTree: rootRoute
    .update({ component: Shell, notFoundComponent: NotFound })
    .addChildren(routes),
  parseSearch,
  stringifySearch,
  scrollRestoration: true,
  defaultStructuralSharing: true,
  // Another device is another page, not the same one with other data.
  defaultRemountDeps: ({ params }) => params,
});

router.subscribe("onBeforeLoad", ({ pathChanged, fromLocation }) => {
  if (pathChanged && fromLocation) leavePage();
});

/** The chunk of the page that the URL names is asked for while the session is. */
export function preloadPage(): void {
  for (const { staticData } of router.matchRoutes(router.latestLocation)) {
    staticData.load?.().catch(() => undefined);
  }
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

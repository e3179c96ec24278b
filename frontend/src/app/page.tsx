// A page of an area: a chunk of its own, with its faces while it loads and when it cannot.
import { useLocation } from "@tanstack/react-router";
import { type ComponentType, lazy, Suspense } from "react";
import { Boundary } from "../parts/Boundary";
import { Loading } from "../parts/Face";

type Load = () => Promise<{ default: ComponentType }>;

/** Options of a route whose page is loaded when it is opened. */
export function page(title: string, load: Load) {
  const Content = lazy(load);
  function Page() {
    const at = useLocation({ select: ({ pathname }) => pathname });
    return (
      <Boundary what={`The page “${title}”`} at={at}>
        <Suspense fallback={<Loading what={title} heading={title} rows={6} />}>
          <Content />
        </Suspense>
      </Boundary>
    );
  }
  return { component: Page, staticData: { title, load } };
}

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    title?: string;
    /** Loads the page's chunk, before it is drawn. */
    load?: Load;
  }
}

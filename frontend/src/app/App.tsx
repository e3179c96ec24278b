// Who is signed in sees the product, others the way in.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { onNews } from "../lib/tabs";
import { liveOf } from "../live/live";
import { beginSession, sessionQuery } from "../modules/session/queries";
import { Boundary } from "../parts/Boundary";
import { Failed, Loading } from "../parts/Face";
import { AREAS } from "./areas";
import { router } from "./router";

const LoginPage = lazy(() => import("../modules/session/LoginPage"));

const HANDLERS = AREAS.flatMap(({ live }) => (live ? [live] : []));

function Inside() {
  const live = liveOf(useQueryClient(), HANDLERS);
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  return <RouterProvider router={router} />;
}

/** A session is the browser's, not the tab's: who leaves in one leaves in all. */
function useOtherTabs(): void {
  const client = useQueryClient();
  useEffect(
    () =>
      onNews((news) => {
        if (news.kind === "signed-out") beginSession(client, null);
        else if (news.kind === "signed-in") void client.invalidateQueries();
        else void client.invalidateQueries({ queryKey: ["device", news.device] });
      }),
    [client],
  );
}

export function App() {
  const session = useQuery(sessionQuery);
  useOtherTabs();
  if (session.data) return <Inside />;
  const waiting = (
    <main className="centre">
      <Loading what="OpsConductor" />
    </main>
  );
  if (session.data === null) {
    return (
      <Boundary what="The log-in">
        <Suspense fallback={waiting}>
          <LoginPage />
        </Suspense>
      </Boundary>
    );
  }
  if (!session.error) return waiting;
  return (
    <main className="centre">
      <Failed error={session.error} what="OpsConductor" retry={() => void session.refetch()} />
    </main>
  );
}

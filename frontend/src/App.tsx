// The shell: who you are, where you are, whether what you see is live.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { beginSession, sessionQuery } from "./api/queries";
import { match, usePath } from "./lib/router";
import { onNews } from "./lib/session";
import { liveOf } from "./live/live";
import { DevicesPage } from "./pages/Devices";
import { LoginPage } from "./pages/Login";
import { Boundary } from "./ui/Boundary";
import { Empty, Failed, Loading } from "./ui/Face";
import { Shell } from "./ui/Shell";

const DevicePage = lazy(() => import("./pages/Device"));
const DeviceFormPage = lazy(() => import("./pages/DeviceForm"));
const AnomaliesPage = lazy(() => import("./pages/Anomalies"));
const CredentialsPage = lazy(() => import("./pages/Credentials"));
const SystemPage = lazy(() => import("./pages/System"));
const LogPage = lazy(() => import("./pages/Log"));

interface Route {
  pattern: string;
  title: string;
  page: (params: Record<string, string>) => ReactNode;
}

const ROUTES: Route[] = [
  { pattern: "/", title: "Devices", page: () => <DevicesPage /> },
  { pattern: "/devices/new", title: "Add device", page: () => <DeviceFormPage /> },
  {
    pattern: "/devices/:id",
    title: "Device",
    page: ({ id = "" }) => <DevicePage key={id} id={id} />,
  },
  {
    pattern: "/devices/:id/edit",
    title: "Edit device",
    page: ({ id = "" }) => <DeviceFormPage key={id} id={id} />,
  },
  { pattern: "/anomalies", title: "Anomalies", page: () => <AnomaliesPage /> },
  { pattern: "/credentials", title: "Credentials", page: () => <CredentialsPage /> },
  { pattern: "/system", title: "System", page: () => <SystemPage /> },
  { pattern: "/system/log", title: "Log", page: () => <LogPage /> },
];

function Page() {
  const path = usePath();
  for (const route of ROUTES) {
    const params = match(route.pattern, path);
    if (params) return <Titled title={route.title}>{route.page(params)}</Titled>;
  }
  return (
    <Titled title="Not found">
      <h1 className="visually-hidden">Not found</h1>
      <Empty title="There is no such page">
        <a href="/">Go to the devices</a>
      </Empty>
    </Titled>
  );
}

function Titled({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · OpsConductor`;
  }, [title]);
  const path = usePath();
  return (
    <Boundary what={`The page “${title}”`} at={path}>
      <Suspense fallback={<Loading what={title} rows={6} />}>{children}</Suspense>
    </Boundary>
  );
}

function Inside() {
  const client = useQueryClient();
  const live = liveOf(client);
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  return (
    <Shell>
      <Page />
    </Shell>
  );
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
  if (session.data === null) return <LoginPage />;
  return (
    <main className="centre">
      {session.error ? (
        <Failed error={session.error} what="OpsConductor" retry={() => void session.refetch()} />
      ) : (
        <Loading what="OpsConductor" />
      )}
    </main>
  );
}

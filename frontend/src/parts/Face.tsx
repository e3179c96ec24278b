// The five faces of a place where data should be: loading, empty, no data, error, no permission.
// Each says what the matter is and what to do next.
import { Ban, CircleDashed, CircleX, type LucideIcon, SearchX, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./Button";

interface FaceProps {
  mark: LucideIcon;
  title: string;
  children?: ReactNode;
  kind: "empty" | "nodata" | "error" | "forbidden";
}

function Face({ mark: Mark, title, children, kind }: FaceProps) {
  return (
    <div className={`face face-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Mark className="face-mark" aria-hidden="true" />
      <p className="face-title">{title}</p>
      {children && <div className="face-text">{children}</div>}
    </div>
  );
}

interface LoadingProps {
  what: string;
  rows?: number;
  /** Of a page whose heading comes with its data: so that it is never without one. */
  heading?: string | undefined;
}

export function Loading({ what, rows = 3, heading }: LoadingProps) {
  return (
    <div className="skeleton" role="status">
      {heading && <h1 className="visually-hidden">{heading}</h1>}
      <span className="visually-hidden">Loading {what}…</span>
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars have no identity
        <span className="sk" key={i} aria-hidden="true" />
      ))}
    </div>
  );
}

interface NothingProps {
  title: string;
  mark?: LucideIcon;
  children?: ReactNode;
}

/** Nothing exists, or nothing matches: the children say the next step. */
export const Empty = ({ title, mark = SearchX, children }: NothingProps) => (
  <Face kind="empty" mark={mark} title={title}>
    {children}
  </Face>
);

/** The thing exists, but no value of it is there (yet). */
export const NoData = ({ title, children }: NothingProps) => (
  <Face kind="nodata" mark={CircleDashed} title={title}>
    {children}
  </Face>
);

export function Failed({
  error,
  retry,
  what,
}: {
  error: unknown;
  retry?: (() => void) | undefined;
  what: string;
}) {
  const problem = error instanceof ApiError ? error : null;
  if (problem?.status === 403) {
    return (
      <Face kind="forbidden" mark={Ban} title={`You may not see ${what}`}>
        <p>{problem.message}</p>
        <p>Ask an administrator for the permission.</p>
      </Face>
    );
  }
  if (problem?.status === 404) {
    return (
      <Face kind="empty" mark={SearchX} title={`Not found: ${what}`}>
        <p>{problem.message}</p>
        <p>It may have been deleted.</p>
      </Face>
    );
  }
  return (
    <Face kind="error" mark={CircleX} title={`Could not load ${what}`}>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {retry && <Button onClick={retry}>Try again</Button>}
    </Face>
  );
}

/** Something to know about, above what it is about. */
export function Warning({ role, children }: { role?: "alert" | "status"; children: ReactNode }) {
  return (
    <p className="warn-line" role={role}>
      <TriangleAlert className="icon" aria-hidden="true" />
      <span>{children}</span>
    </p>
  );
}

/** What is shown is older than it should be. */
export function NotUpToDate({ error, retry }: { error: unknown; retry: () => unknown }) {
  return (
    <Warning role="status">
      Not up to date: {error instanceof Error ? error.message : "no answer"}{" "}
      <Button variant="link" onClick={() => retry()}>
        Try again
      </Button>
    </Warning>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Loading, failed or there. Old data stays in view when a later question fails. */
export function Answer<T>({
  query,
  what,
  rows,
  heading,
  children,
}: {
  query: Asked<T>;
  what: string;
  rows?: number;
  /** Of a page whose heading is among the children. */
  heading?: string;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error ? <NotUpToDate error={query.error} retry={() => query.refetch()} /> : null}
        {children(query.data)}
      </>
    );
  }
  if (query.error) {
    return (
      <>
        {heading && <h1 className="visually-hidden">{heading}</h1>}
        <Failed error={query.error} what={what} retry={() => query.refetch()} />
      </>
    );
  }
  return <Loading what={what} heading={heading} {...(rows && { rows })} />;
}

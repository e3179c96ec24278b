// What is no longer there: nothing of it can be acted on, and nothing of it is shown as true. Who
// removed it is on record.
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Empty, Failed, Loading } from "../parts/Face";
import { PageHeading } from "../parts/PageHeading";
import { Age } from "../parts/State";
import type { EntityField } from "./fields";
import History from "./History";
import { historyQuery } from "./queries";
import { personName } from "./words";

export const isRemoved = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 404;

interface RemovedProps {
  path: string;
  what: string;
  fields: readonly EntityField[];
  /** Of one that was here a moment ago; otherwise its history knows it, or nobody does. */
  name: string | undefined;
  /** With which it was answered. */
  error: unknown;
  children: ReactNode;
}

export function Removed({ path, what, fields, name, error, children }: RemovedProps) {
  const query = useInfiniteQuery(historyQuery(path));
  const last = query.data?.pages[0]?.items[0];
  const known = name ?? last?.name;
  const heading = what.charAt(0).toUpperCase() + what.slice(1);
  if (known === undefined) {
    if (query.isPending) return <Loading what={`the ${what}`} heading={heading} rows={6} />;
    return (
      <>
        <PageHeading title={heading} hidden />
        <Failed error={error} what={`this ${what}`} />
      </>
    );
  }
  return (
    <>
      <PageHeading title={known} />
      <Empty title={`This ${what} was removed`}>
        {last && !last.present && (
          <p>
            By {personName(last.by)}, <Age at={last.at} />.
          </p>
        )}
        {children}
      </Empty>
      {last && <History path={path} what={what} fields={fields} />}
    </>
  );
}

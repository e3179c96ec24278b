// Warnings and errors of all processes, newest first, as they come.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useMemo, useState } from "react";
import { useCalm } from "../../lib/calm";
import { plural } from "../../lib/format";
import { useWatchLog } from "../../live/live";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading, NotUpToDate } from "../../parts/Face";
import { SearchField } from "../../parts/Field";
import { Link } from "../../parts/Link";
import { Choice } from "../../parts/Menu";
import { PageHeading } from "../../parts/PageHeading";
import { LogTable } from "./LogTable";
import { rowsOf } from "./lines";
import { PERIODS, periodOf } from "./periods";
import { logQuery, newestLines, systemQuery } from "./queries";
import "./system.css";

const route = getRouteApi("/system/log");

/** Rounded, so that the question stays the same from one second to the next. */
const startOf = (ms: number): number => Math.floor((Date.now() - ms) / 600_000) * 600_000;

export default function LogPage() {
  const { process, component, level, q, period } = route.useSearch();
  const filter = { process, component, level, q, from: startOf(periodOf(period).ms) };
  const filtered = Boolean(process || component || level || q);
  const client = useQueryClient();
  const query = useInfiniteQuery(logQuery(filter));
  const pages = query.data?.pages;
  const rows = useMemo(() => rowsOf(pages?.flatMap(({ items }) => items) ?? []), [pages]);
  const calm = useCalm(rows);
  // Who reads older lines is left alone: all that is loaded would be asked for with each new line.
  const following = (pages?.length ?? 1) === 1;
  useWatchLog(following);
  return (
    <>
      <div className="section-head">
        <PageHeading title="Log" className="grow" />
        <Filters />
      </div>
      {!following ? (
        <Button className="notice" onClick={() => void newestLines(client, filter)}>
          New lines are not added while older ones are open: show the newest
        </Button>
      ) : (
        calm.waiting > 0 && (
          <Button className="notice" onClick={calm.show}>
            {plural(calm.waiting, "line")} held while you look: show
          </Button>
        )
      )}
      {query.error && rows.length > 0 && (
        <NotUpToDate error={query.error} retry={() => query.refetch()} />
      )}
      {query.error && rows.length === 0 ? (
        <Failed error={query.error} what="the log" retry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading what="the log" rows={10} />
      ) : rows.length === 0 ? (
        <Nothing filtered={filtered} period={periodOf(period).label} />
      ) : (
        <LogTable rows={calm.items} hold={calm.hold} />
      )}
      {query.hasNextPage && (
        <p>
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {query.isFetchingNextPage ? "Loading…" : "Show older lines"}
          </Button>
        </p>
      )}
    </>
  );
}

const ALL = { value: "", label: "all" };
const LEVELS = [
  { value: "", label: "warnings and errors" },
  { value: "error", label: "errors" },
] as const;

function Filters() {
  const { process = "", component, level, q: inUrl = "", period } = route.useSearch();
  const navigate = route.useNavigate();
  const status = useQuery(systemQuery);
  // What is typed is ahead of the URL for a moment; otherwise the URL leads (Back, a link).
  const [draft, setDraft] = useState<string | null>(null);
  if (draft === inUrl) setDraft(null);
  const names = new Set(status.data?.processes.map(({ instance }) => instance));
  if (process) names.add(process);
  return (
    <div className="filters">
      {component && (
        <Button
          onClick={() =>
            void navigate({ to: ".", search: (old) => ({ ...old, component: undefined }) })
          }
        >
          {component} <X className="icon" aria-hidden="true" />
          <span className="visually-hidden">remove the filter</span>
        </Button>
      )}
      <SearchField
        label="Filter lines"
        placeholder="Filter by text"
        maxLength={200}
        value={draft ?? inUrl}
        onChange={(q) => {
          setDraft(q);
          void navigate({
            to: ".",
            search: (old) => ({ ...old, q: q || undefined }),
            replace: true,
            resetScroll: false,
          });
        }}
      />
      <Choice
        label="Process"
        value={process}
        options={[ALL, ...[...names].sort().map((name) => ({ value: name, label: name }))]}
        onChoose={(value) =>
          void navigate({ to: ".", search: (old) => ({ ...old, process: value || undefined }) })
        }
      />
      <Choice
        label="Level"
        value={level ?? ""}
        options={LEVELS}
        onChoose={(value) =>
          void navigate({ to: ".", search: (old) => ({ ...old, level: value || undefined }) })
        }
      />
      <Choice
        label="Period"
        value={periodOf(period).name}
        options={PERIODS.map(({ name, label }) => ({ value: name, label }))}
        onChoose={(value) =>
          void navigate({ to: ".", search: (old) => ({ ...old, period: value }) })
        }
      />
    </div>
  );
}

function Nothing({ filtered, period }: { filtered: boolean; period: string }) {
  return filtered ? (
    <Empty title="No line matches">
      <p>
        <Link to="/system/log">Clear the filter</Link>, or search for part of a message.
      </p>
    </Empty>
  ) : (
    <Empty title={`No warning and no error in the ${period}`}>
      What any process warns of is listed here as it comes, and kept for seven days.
    </Empty>
  );
}

// The groups of devices, by name.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Group, Plus } from "lucide-react";
import type { DeviceGroup } from "../../api/types";
import { personName } from "../../entities/words";
import { count } from "../../lib/format";
import { Button, buttonClass } from "../../parts/Button";
import { type Column, DataTable } from "../../parts/DataTable";
import { Answer, Empty } from "../../parts/Face";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";
import { Age } from "../../parts/State";
import { groupsQuery } from "../inventory/queries";
import { ruleOf } from "./draft";

export function GroupsPage() {
  const query = useInfiniteQuery(groupsQuery);
  const items = query.data?.pages.flatMap((page) => page.items);
  const total = query.data?.pages[0]?.total ?? 0;
  return (
    <>
      <div className="section-head">
        <PageHeading title="Device groups" className="grow" />
        <Link className={buttonClass("primary")} to="/device-groups/new">
          <Plus className="icon" aria-hidden="true" />
          Add group
        </Link>
        <p className="muted whole">
          Devices that are looked at together: listed one by one, or by site and tags.
        </p>
      </div>
      <Answer query={{ ...query, data: items }} what="the groups">
        {(all) =>
          all.length === 0 ? (
            <Empty title="No group yet" mark={Group}>
              <p>
                Such as all routers of a site, or what one customer uses. The list of devices can
                then be narrowed down to it.
              </p>
              <Link to="/device-groups/new">Add the first group</Link>
            </Empty>
          ) : (
            <>
              <DataTable
                label="Device groups"
                columns={COLUMNS}
                rows={all}
                rowId={({ id }) => id}
              />
              {query.hasNextPage && (
                <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {query.isFetchingNextPage
                    ? "Loading…"
                    : `Show more: ${count(all.length)} of ${count(total)} are shown`}
                </Button>
              )}
            </>
          )
        }
      </Answer>
    </>
  );
}

const COLUMNS: readonly Column<DeviceGroup>[] = [
  {
    id: "name",
    head: "Name",
    className: "c-wide",
    cell: ({ id, name }) => (
      <Link to="/device-groups/$id" params={{ id }} data-step="" className="row-link" title={name}>
        {name}
      </Link>
    ),
  },
  {
    id: "members",
    head: "Devices",
    className: "num c-tight",
    cell: ({ members }) => count(members),
  },
  {
    id: "rule",
    head: "By site and tags",
    wide: true,
    cell: (group) => {
      const rule = ruleOf(group);
      return rule ? <span title={rule}>{rule}</span> : <span className="muted">–</span>;
    },
  },
  {
    id: "listed",
    head: "Listed",
    className: "num c-tight",
    wide: true,
    cell: ({ devices }) => count(devices.length),
  },
  {
    id: "changed",
    head: "Changed",
    className: "c-wide",
    wide: true,
    cell: ({ updated_at, updated_by }) => (
      <>
        <Age at={updated_at} /> <span className="muted">by {personName(updated_by)}</span>
      </>
    ),
  },
];

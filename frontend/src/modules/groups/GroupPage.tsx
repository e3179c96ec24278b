// A group of devices: what is wrong in it, which devices it has, and who changed it.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import type { DeviceGroup } from "../../api/types";
import { EntityTabs } from "../../entities/EntityTabs";
import { isRemoved } from "../../entities/Removed";
import { personName } from "../../entities/words";
import { useNow } from "../../lib/clock";
import { count, duration } from "../../lib/format";
import { seenAt } from "../../lib/fresh";
import { Button, buttonClass } from "../../parts/Button";
import { Empty, Failed, Loading, NotUpToDate } from "../../parts/Face";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";
import { Age } from "../../parts/State";
import { DeviceList } from "../inventory/DevicesPage";
import { devicesQuery } from "../inventory/queries";
import { DeleteGroup } from "./DeleteGroup";
import { ruleOf } from "./draft";
import { LINKED_FIELDS } from "./fields";
import { groupPath, groupQuery } from "./queries";
import { RemovedGroup } from "./RemovedGroup";
import { verdictOf } from "./verdict";
import "../inventory/inventory.css";
import "./groups.css";

const route = getRouteApi("/device-groups/$id");

export function GroupPage() {
  const { id } = route.useParams();
  const group = useQuery(groupQuery(id));
  if (isRemoved(group.error)) {
    return <RemovedGroup id={id} name={group.data?.name} error={group.error} />;
  }
  if (!group.data) {
    return group.error ? (
      <>
        <PageHeading title="Device group" hidden />
        <Failed error={group.error} what="this group" retry={() => void group.refetch()} />
      </>
    ) : (
      <Loading what="the group" heading="Device group" rows={6} />
    );
  }
  return (
    <>
      {group.error && <NotUpToDate error={group.error} retry={() => group.refetch()} />}
      <Head group={group.data} />
      <Faces group={group.data} />
    </>
  );
}

function Head({ group }: { group: DeviceGroup }) {
  const [deleting, setDeleting] = useState(false);
  const rule = ruleOf(group);
  return (
    <section className="device-head" aria-label="Device group">
      <div className="title">
        <PageHeading title={group.name} />
        <div className="actions">
          <Link className={buttonClass()} to="/device-groups/$id/edit" params={{ id: group.id }}>
            <Pencil className="icon" aria-hidden="true" />
            Edit
          </Link>
          <Button variant="danger" icon={Trash2} onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </div>
      </div>
      <Verdict id={group.id} />
      {group.description && <p className="description">{group.description}</p>}
      <dl className="pairs">
        <div>
          <dt>By site and tags</dt>
          <dd>{rule ?? "none"}</dd>
        </div>
        <div>
          <dt>Listed one by one</dt>
          <dd>{count(group.devices.length)}</dd>
        </div>
        <div>
          <dt>Changed</dt>
          <dd>
            <Age at={group.updated_at} /> by {personName(group.updated_by)}
          </dd>
        </div>
      </dl>
      {deleting && <DeleteGroup group={group} onClose={() => setDeleting(false)} />}
    </section>
  );
}

/** The worst first: what is wrong stands among the first rows. */
function Verdict({ id }: { id: string }) {
  const { data } = useInfiniteQuery(devicesQuery({ group: id, sort: undefined }));
  const now = useNow();
  const first = data?.pages[0];
  if (!data || !first) return null;
  const rows = data.pages.flatMap((page) => page.items);
  const worst = rows.find(({ enabled }) => enabled);
  return (
    <p className="lead">
      {verdictOf(rows, first.total, seenAt(first.asked_at ?? 0, now))}.{" "}
      {worst && worst.state !== "up" && worst.since > 0 && (
        <span className="muted">
          Worst:{" "}
          <Link to="/devices/$id" params={{ id: worst.id }}>
            {worst.name}
          </Link>
          , {worst.state} for {duration(now - worst.since)}
          {worst.reason && `: ${worst.reason}`}.
        </span>
      )}
    </p>
  );
}

function Faces({ group }: { group: DeviceGroup }) {
  return (
    <EntityTabs
      path={groupPath(group.id)}
      what="group"
      fields={LINKED_FIELDS}
      open={route.useSearch().tab}
      first={{ value: "devices", label: "Devices", content: <Members group={group} /> }}
    />
  );
}

function Members({ group }: { group: DeviceGroup }) {
  const { sort } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <DeviceList
      filter={{ group: group.id }}
      sort={sort}
      onSort={(sort) =>
        void navigate({ to: ".", search: (old) => ({ ...old, sort }), resetScroll: false })
      }
      tools={() => (
        <Link to="/" search={{ group: group.id }}>
          Filter in Devices
        </Link>
      )}
      none={
        <Empty title="No device belongs to it">
          <p>
            {ruleOf(group)
              ? `None has ${ruleOf(group)}, and none is listed.`
              : "It lists no device and has neither site nor tags."}
          </p>
          <Link to="/device-groups/$id/edit" params={{ id: group.id }}>
            Edit the group
          </Link>
        </Empty>
      }
    />
  );
}

// Add a group, or edit one: the address says which.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { FRESH, useOpened } from "../../entities/opened";
import { isRemoved } from "../../entities/Removed";
import { Answer } from "../../parts/Face";
import { devicesQuery } from "../inventory/queries";
import { GroupForm } from "./GroupForm";
import { groupQuery } from "./queries";

export function GroupFormPage() {
  const { id } = useParams({ strict: false });
  return id === undefined ? <GroupForm /> : <Edit id={id} />;
}

function Edit({ id }: { id: string }) {
  const query = useQuery({ ...groupQuery(id), ...FRESH });
  const opened = useOpened(query);
  // They know the names of what is listed.
  const members = useInfiniteQuery(devicesQuery({ group: id, sort: undefined }));
  return opened && !members.isPending ? (
    // What was typed stays in view, also when what it is about goes.
    <GroupForm opened={opened} latest={query.data} removed={isRemoved(query.error)} />
  ) : (
    <Answer query={{ ...query, data: undefined }} what="the group" heading="Edit group" rows={6}>
      {() => null}
    </Answer>
  );
}

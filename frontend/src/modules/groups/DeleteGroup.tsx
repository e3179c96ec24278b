import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { DeviceGroup } from "../../api/types";
import { Removal } from "../../entities/Removal";
import { plural } from "../../lib/format";
import { toast } from "../../lib/toast";
import { GROUP_FIELDS } from "./fields";
import { deleteGroup, forgetGroups, groupQuery } from "./queries";

export function DeleteGroup({ group, onClose }: { group: DeviceGroup; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return (
    <Removal
      seen={group}
      fields={GROUP_FIELDS}
      send={(revision) => deleteGroup(group.id, revision)}
      current={() => client.fetchQuery({ ...groupQuery(group.id), staleTime: 0 })}
      onRemoved={async () => {
        await navigate({ to: "/device-groups" });
        toast({ title: `${group.name} was deleted` });
        client.removeQueries({ queryKey: groupQuery(group.id).queryKey });
        forgetGroups(client, group.id);
      }}
      onClose={onClose}
    >
      <p>
        {group.members > 0 ? `Its ${plural(group.members, "device")} stay` : "Its devices stay"} and
        are polled as before: only the group goes.
      </p>
    </Removal>
  );
}

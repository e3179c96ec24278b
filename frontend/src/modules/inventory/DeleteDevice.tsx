import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { DeviceDetail } from "../../api/types";
import { Removal } from "../../entities/Removal";
import { announce } from "../../lib/tabs";
import { toast } from "../../lib/toast";
import { DEVICE_FIELDS } from "./fields";
import { deleteDevice, deviceQuery, forgetInventory } from "./queries";

export function DeleteDevice({ device, onClose }: { device: DeviceDetail; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return (
    <Removal
      seen={device}
      fields={DEVICE_FIELDS}
      send={(revision) => deleteDevice(device.id, revision)}
      current={() => client.fetchQuery({ ...deviceQuery(device.id), staleTime: 0 })}
      onRemoved={async () => {
        forgetInventory(client);
        await navigate({ to: "/" });
        toast({ title: `${device.name} was deleted` });
        // Back must not bring it to life again.
        client.removeQueries({ queryKey: ["device", device.id] });
        announce({ kind: "removed", device: device.id });
      }}
      onClose={onClose}
    >
      <p>
        Then it is no longer polled, and leaves the lists and groups. Samples already stored stay
        until their retention ends.
      </p>
    </Removal>
  );
}

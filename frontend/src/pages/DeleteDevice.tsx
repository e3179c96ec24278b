import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteDevice, forgetInventory } from "../api/queries";
import type { DeviceSummary } from "../api/types";
import { navigate } from "../lib/router";
import { announce } from "../lib/session";
import { Confirm } from "../ui/Dialog";

export function DeleteDevice({ device, onClose }: { device: DeviceSummary; onClose: () => void }) {
  const client = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteDevice(device.id),
    onSuccess: () => {
      forgetInventory(client);
      navigate("/");
      // Back must not bring it to life again.
      client.removeQueries({ queryKey: ["device", device.id] });
      announce({ kind: "removed", device: device.id });
    },
  });
  return (
    <Confirm
      title={`Delete ${device.name}?`}
      action="Delete"
      busy={removal.isPending}
      error={removal.error?.message ?? null}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>
        It is no longer polled and leaves the lists. Samples already stored stay until their
        retention ends.
      </p>
    </Confirm>
  );
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { DeviceSummary } from "../../api/types";
import { announce } from "../../lib/tabs";
import { toast } from "../../lib/toast";
import { Confirm } from "../../parts/Dialog";
import { deleteDevice, forgetInventory } from "./queries";

export function DeleteDevice({ device, onClose }: { device: DeviceSummary; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const removal = useMutation({
    mutationFn: () => deleteDevice(device.id),
    onSuccess: async () => {
      forgetInventory(client);
      await navigate({ to: "/" });
      toast({ title: `${device.name} was deleted` });
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

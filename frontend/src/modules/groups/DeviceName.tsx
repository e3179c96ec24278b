// A device that is known by its id.
import { type InfiniteData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { get } from "../../api/client";
import { minute } from "../../api/timing";
import type { DeviceSummary, Page } from "../../api/types";
import { isRemoved } from "../../entities/Removed";
import { Link } from "../../parts/Link";
import { devicePath } from "../inventory/queries";

export type Named = Pick<DeviceSummary, "id" | "name" | "address" | "site">;

/** Lists that are shown know many devices; only what they do not know is asked for. */
const nameQuery = (id: string) =>
  queryOptions({
    queryKey: ["device-name", id],
    queryFn: ({ client, signal }): Promise<Named> | Named => {
      const lists = client.getQueriesData<InfiniteData<Page<DeviceSummary>>>({
        queryKey: ["devices"],
      });
      for (const [, list] of lists) {
        for (const page of list?.pages ?? []) {
          const found = page.items.find((device) => device.id === id);
          if (found) return found;
        }
      }
      return get<Named>(devicePath(id), undefined, signal);
    },
    staleTime: 5 * minute,
  });

export const useDevice = (id: string) => useQuery(nameQuery(id));

/** Remembers the name of a device that was just seen somewhere. */
export function useKnow(): (device: Named) => void {
  const client = useQueryClient();
  return (device) => client.setQueryData(nameQuery(device.id).queryKey, device);
}

function nameOf(id: string, { data, error }: ReturnType<typeof useDevice>): string {
  if (data) return data.name;
  if (isRemoved(error)) return `a removed device (${id.slice(0, 8)}…)`;
  return error ? id : "…";
}

export function DeviceName({ id }: { id: string }) {
  return <span>{nameOf(id, useDevice(id))}</span>;
}

/** Its page also says of a removed one who removed it. */
export function DeviceLink({ id }: { id: string }) {
  return (
    <Link to="/devices/$id" params={{ id }}>
      {nameOf(id, useDevice(id))}
    </Link>
  );
}

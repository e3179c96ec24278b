// The search among groups.
import { linkOptions } from "@tanstack/react-router";
import type { Hit } from "../../app/module";
import { plural } from "../../lib/format";
import { findGroups } from "./queries";

const MOST = 4;

export async function find(q: string, signal: AbortSignal): Promise<Hit[]> {
  const { items } = await findGroups(q, MOST, signal);
  return items.map(({ id, name, members }) => ({
    label: name,
    detail: `group of ${plural(members, "device")}`,
    link: linkOptions({ to: "/device-groups/$id", params: { id } }),
  }));
}

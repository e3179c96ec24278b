// Between what is typed into the form of a group and what the API takes.
import type { DeviceGroup, DeviceGroupDraft } from "../../api/types";

export interface Typed {
  name: string;
  description: string;
  site: string;
  tags: string;
  devices: string[];
}

export const EMPTY: Typed = { name: "", description: "", site: "", tags: "", devices: [] };

/** As many as the API takes. */
export const MOST_DEVICES = 10_000;

export const typedOf = (group: DeviceGroup): Typed => ({
  name: group.name,
  description: group.description,
  site: group.site ?? "",
  tags: group.tags.join(", "),
  devices: group.devices,
});

/** The form's name of a field of the API: of a list, also of one in it (`devices[2]`). */
export const formField = (field: string): string => field.replace(/\[.*$/, "");

export function draftOf(typed: Typed): {
  draft: Required<DeviceGroupDraft>;
  wrong: Partial<Record<keyof Typed, string>>;
} {
  const name = typed.name.trim();
  return {
    draft: {
      name,
      description: typed.description.trim(),
      site: typed.site.trim() || null,
      tags: typed.tags
        .split(",")
        .map((tag) => tag.trim())
        .filter(Boolean),
      devices: typed.devices,
    },
    wrong: {
      ...(!name && { name: "A name is needed." }),
      ...(typed.devices.length > MOST_DEVICES && {
        devices: `At most ${MOST_DEVICES} devices can be listed: give them a tag instead.`,
      }),
    },
  };
}

/** Which devices belong to it by what they are: `site ber-1 and tag core`. */
export function ruleOf({ site, tags }: Pick<DeviceGroup, "site" | "tags">): string | null {
  const parts = [
    site && `site ${site}`,
    tags.length > 0 && `${tags.length === 1 ? "tag" : "tags"} ${tags.join(", ")}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(" and ") : null;
}

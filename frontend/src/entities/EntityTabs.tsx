// The faces of an entity's page: how it is now, and how it came to be that; the address says which.
import { useNavigate } from "@tanstack/react-router";
import { type Tab, Tabs } from "../parts/Tabs";
import type { EntityField } from "./fields";
import History from "./History";

interface Props {
  /** Of the entity, in the API. */
  path: string;
  /** `device`. */
  what: string;
  fields: readonly EntityField[];
  /** Which is open, by the address; none: the first. */
  open: "history" | undefined;
  first: Tab;
}

export function EntityTabs({ path, what, fields, open, first }: Props) {
  const navigate = useNavigate();
  return (
    <Tabs
      label={`Of this ${what}`}
      value={open ?? first.value}
      onChange={(next) =>
        void navigate({
          to: ".",
          search: (old) => ({ ...old, tab: next === "history" ? next : undefined }),
          resetScroll: false,
        })
      }
      tabs={[
        first,
        {
          value: "history",
          label: "History",
          content: <History path={path} what={what} fields={fields} />,
        },
      ]}
    />
  );
}

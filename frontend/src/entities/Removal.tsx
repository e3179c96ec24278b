// Asks before an entity is removed, and once more when it is not as it was seen.
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Revised } from "../api/types";
import { Confirm } from "../parts/Dialog";
import { Age } from "../parts/State";
import { Changes } from "./Changes";
import { changesOf, type EntityField } from "./fields";
import { isConflict, outcomeOf, personName } from "./words";

interface RemovalProps<Known extends Revised> {
  /** As it was seen when the button was pressed. */
  seen: Known;
  fields: readonly EntityField[];
  send: (revision: number) => Promise<void>;
  current: () => Promise<Known>;
  onRemoved: () => void | Promise<void>;
  onClose: () => void;
  children: ReactNode;
}

export function Removal<Known extends Revised>(props: RemovalProps<Known>) {
  const { fields, send, current, onRemoved, onClose, children } = props;
  const [seen] = useState(props.seen);
  const [now, setNow] = useState<Known | null>(null);
  const removal = useMutation({
    mutationFn: async () => {
      try {
        return await send((now ?? seen).revision);
      } catch (refused) {
        if (isConflict(refused)) setNow(await current());
        throw refused;
      }
    },
    onSuccess: onRemoved,
  });
  const failed = removal.error && !(now && isConflict(removal.error)) ? removal.error : null;
  return (
    <Confirm
      title={`Delete ${seen.name}?`}
      action={now ? "Delete it all the same" : "Delete"}
      busy={removal.isPending}
      error={failed && outcomeOf(failed, "deleted")}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      {now && <Meanwhile seen={seen} now={now} fields={fields} />}
      {children}
    </Confirm>
  );
}

function Meanwhile({
  seen,
  now,
  fields,
}: {
  seen: Revised;
  now: Revised;
  fields: readonly EntityField[];
}) {
  const names = new Set(fields.map(({ name }) => name));
  const changes = changesOf(fields, seen, now).filter(({ field }) => names.has(field.name));
  return (
    <div role="alert" className="stack">
      <p>
        Not deleted: <b>{personName(now.updated_by)}</b> changed it <Age at={now.updated_at} />,
        after you opened this page.
      </p>
      {changes.length > 0 ? (
        <Changes changes={changes} />
      ) : (
        <p className="muted">No field is another one than you saw.</p>
      )}
    </div>
  );
}

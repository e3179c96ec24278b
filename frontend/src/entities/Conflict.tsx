// Two changed the same entity: both versions, field by field, and what can be done.
import type { Revised } from "../api/types";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Age } from "../parts/State";
import { Value } from "./Changes";
import { canMerge, type Difference } from "./fields";
import { personName } from "./words";
import "./entities.css";

interface ConflictProps {
  other: Revised;
  found: readonly Difference[];
  busy: boolean;
  onMine: () => void;
  onBoth: () => void;
  onTheirs: () => void;
  onEdit: () => void;
}

export default function Conflict({ other, found, ...rest }: ConflictProps) {
  const who = personName(other.updated_by);
  return (
    <Dialog wide title={`${other.name} was changed meanwhile`} onClose={rest.onEdit}>
      <div className="stack">
        <p>
          <b>{who}</b> saved another version <Age at={other.updated_at} />, after you opened this
          form. {found.length > 0 && <b>Yours is not saved yet.</b>}
        </p>
        {found.length === 0 ? (
          <p>
            Nothing differs: what you typed is what is there now. There is nothing left to save.
          </p>
        ) : (
          <Versions found={found} who={who} />
        )}
        <Choices found={found} who={who} {...rest} />
      </div>
    </Dialog>
  );
}

function Versions({ found, who }: { found: readonly Difference[]; who: string }) {
  return (
    <table className="grid conflict" aria-label="Both versions">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Yours</th>
          <th scope="col">Now there, by {who}</th>
        </tr>
      </thead>
      <tbody>
        {found.map(({ field, before, mine, theirs, by }) => (
          <tr key={field.name}>
            <th scope="row">{field.label}</th>
            <td className={by === "them" ? "wrap muted" : "wrap"}>
              <Value field={field} before={before} value={mine} />
              {by === "them" && !field.Item && <small>as you found it</small>}
            </td>
            <td className={by === "me" ? "wrap muted" : "wrap"}>
              <Value field={field} before={before} value={theirs} />
              {by === "me" && !field.Item && <small>as you found it</small>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const names = (found: readonly Difference[]): string =>
  found.map(({ field }) => field.label).join(", ");

function Choices({
  found,
  who,
  busy,
  onMine,
  onBoth,
  onTheirs,
  onEdit,
}: Omit<ConflictProps, "other"> & { who: string }) {
  if (found.length === 0) {
    return (
      <div className="row end">
        <Button variant="primary" onClick={onTheirs}>
          Close
        </Button>
      </div>
    );
  }
  const undone = found.filter(({ by }) => by !== "me");
  const both = canMerge(found);
  return (
    <>
      <ul className="hint choices">
        {both && (
          <li>
            <b>Keep both</b>: your changes are saved and those of {who} stay; they do not touch each
            other.
          </li>
        )}
        <li>
          <b>Keep mine</b>: your version is saved as you typed it
          {undone.length > 0 && `; what ${who} changed is undone: ${names(undone)}`}.
        </li>
        <li>
          <b>Take theirs</b>: the form shows their version, yours is dropped. Nothing is saved.
        </li>
      </ul>
      <div className="row end">
        <Button onClick={onEdit}>Go on editing</Button>
        <Button disabled={busy} onClick={onTheirs}>
          Take theirs
        </Button>
        <Button variant={both ? "plain" : "primary"} busy={busy} onClick={onMine}>
          Keep mine
        </Button>
        {both && (
          <Button variant="primary" busy={busy} onClick={onBoth}>
            Keep both
          </Button>
        )}
      </div>
    </>
  );
}

// What a form says above its fields when it could not be saved, or when somebody else saved.
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import type { Revised } from "../api/types";
import { Button } from "../parts/Button";
import { Warning } from "../parts/Face";
import { Age } from "../parts/State";
import { isConflict, outcomeOf, personName } from "./words";

interface TroubleProps {
  /** Of the last try. */
  error: Error | null;
  /** What is wrong is said at fields; `settled`: all of them were changed since. */
  atField: boolean;
  settled: boolean;
  /** The version that somebody else saved meanwhile. */
  other: Revised | null;
  onCompare: () => void;
  removed: boolean;
  /** Where it is on record who removed it. */
  record: ReactNode;
}

export function Trouble({
  error,
  atField,
  settled,
  other,
  onCompare,
  removed,
  record,
}: TroubleProps) {
  if (removed || (error instanceof ApiError && error.status === 404)) {
    return (
      <Warning role="alert">
        It was deleted meanwhile and cannot be saved. What you typed stays here; to have it again,
        add it anew. {record}
      </Warning>
    );
  }
  if (other) {
    return (
      <Warning role="alert">
        {isConflict(error) && "Not saved: "}
        {personName(other.updated_by)} changed it <Age at={other.updated_at} />, after you opened
        this form.{" "}
        <Button variant="link" onClick={onCompare}>
          Compare both versions
        </Button>
      </Warning>
    );
  }
  if (!error || settled) return null;
  return (
    <Warning role="alert">
      {atField ? "Not saved: see the marked fields." : outcomeOf(error, "saved")}
    </Warning>
  );
}

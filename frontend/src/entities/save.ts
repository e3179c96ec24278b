// Saves a version that was opened, and finds out when another one is there by then.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/client";
import type { FieldError, Revised } from "../api/types";
import { isConflict } from "./words";

interface Saving<Draft, Known extends Revised, Made> {
  /** Answers 412 when the revision is another one by now; none: whatever is there. */
  send: (draft: Draft, revision: number | undefined) => Promise<Made>;
  /** What is there now. */
  current: () => Promise<Known>;
  onSaved: (made: Made) => void;
}

interface Attempt<Draft> {
  draft: Draft;
  revision: number | undefined;
  /** What is wrong already before it is sent. */
  wrong: Partial<Record<string, string>>;
}

export function useSave<Draft, Known extends Revised, Made>({
  send,
  current,
  onSaved,
}: Saving<Draft, Known, Made>) {
  /** The version that somebody else wrote meanwhile. */
  const [other, setOther] = useState<Known | null>(null);
  const [comparing, setComparing] = useState(false);
  const compare = (version: Known) => {
    setOther(version);
    setComparing(true);
  };
  const { mutate, error, isPending, isSuccess, reset } = useMutation({
    mutationFn: async ({ draft, revision, wrong }: Attempt<Draft>) => {
      const errors: FieldError[] = Object.entries(wrong).map(([field, detail]) => ({
        field,
        detail: detail ?? "",
      }));
      if (errors.length > 0) {
        throw new ApiError({ title: "Something is not right yet", status: 422, errors });
      }
      try {
        return await send(draft, revision);
      } catch (refused) {
        if (isConflict(refused)) compare(await current());
        throw refused;
      }
    },
    onSuccess: onSaved,
    // What it says of a field is to be seen at the field.
    onError: (refused) => {
      if (!isConflict(refused)) setComparing(false);
    },
  });
  return {
    save: mutate,
    error,
    isPending,
    isSuccess,
    other,
    comparing,
    compare,
    /** Back to the form, as it is. */
    edit: () => setComparing(false),
    /** Begins anew, from another version. */
    restart: () => {
      setComparing(false);
      setOther(null);
      reset();
    },
  };
}

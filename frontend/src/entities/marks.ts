// Which fields of a form are wrong: as the server said at the last try, until they are changed.
import { useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";

export function useMarks(
  failure: Error | null,
  /** The form's name of a field of the API. */
  nameOf: (field: string) => string,
) {
  const form = useRef<HTMLFormElement>(null);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const problem = failure instanceof ApiError ? failure : null;
  const marks = problem?.problem.errors ?? [];
  // At every try: the same field may be wrong once more.
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problem]);
  return {
    form,
    problem,
    error: (name: string): string | undefined =>
      touched.has(name) ? undefined : marks.find((mark) => nameOf(mark.field) === name)?.detail,
    atField: marks.length > 0,
    /** All that was wrong was changed since. */
    settled: marks.length > 0 && marks.every((mark) => touched.has(nameOf(mark.field))),
    touch: (names: readonly string[]) => setTouched((old) => new Set([...old, ...names])),
    reset: () => setTouched(new Set()),
  };
}

// The state of a component or a process, and since when where it does not run.
import type { ComponentProps } from "react";
import { Age, StateShape } from "../../parts/State";

export const RUNNING = "running";

interface StateSinceProps {
  state: string;
  since: number;
  shape: ComponentProps<typeof StateShape>["state"];
}

export function StateSince({ state, since, shape }: StateSinceProps) {
  return (
    <span className="state-mark">
      <StateShape state={shape} />
      <span>
        {state}
        {state !== RUNNING && (
          <span className="muted">
            {" "}
            <Age at={since} />
          </span>
        )}
      </span>
    </span>
  );
}

import { ApiError } from "../api/client";
import { Link } from "../lib/router";
import { Empty } from "./Face";

export const isRemoved = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 404;

/** It was here a moment ago: nothing of it can be acted on, and nothing of it is shown as true. */
export function Removed({ name }: { name: string }) {
  return (
    <>
      <h1>{name}</h1>
      <Empty title="This device was removed">
        <p>It is no longer polled. Samples already stored stay until their retention ends.</p>
        <p>
          <Link to="/">See the devices</Link>
        </p>
      </Empty>
    </>
  );
}

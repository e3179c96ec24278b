import { ApiError } from "../../api/client";
import { Empty } from "../../parts/Face";
import { Link } from "../../parts/Link";
import { PageHeading } from "../../parts/PageHeading";

export const isRemoved = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 404;

/** It was here a moment ago: nothing of it can be acted on, and nothing of it is shown as true. */
export function Removed({ name }: { name: string }) {
  return (
    <>
      <PageHeading title={name} />
      <Empty title="This device was removed">
        <p>It is no longer polled. Samples already stored stay until their retention ends.</p>
        <p>
          <Link to="/">See the devices</Link>
        </p>
      </Empty>
    </>
  );
}

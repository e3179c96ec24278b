import { Removed } from "../../entities/Removed";
import { Link } from "../../parts/Link";
import { LINKED_FIELDS } from "./fields";
import { groupPath } from "./queries";

export function RemovedGroup(props: { id: string; name?: string | undefined; error: unknown }) {
  return (
    <Removed
      path={groupPath(props.id)}
      what="group"
      fields={LINKED_FIELDS}
      name={props.name}
      error={props.error}
    >
      <p>Its devices are still there, and polled as before.</p>
      <p>
        <Link to="/device-groups">See the groups</Link>
      </p>
    </Removed>
  );
}

import { Removed } from "../../entities/Removed";
import { Link } from "../../parts/Link";
import { DEVICE_FIELDS } from "./fields";
import { devicePath } from "./queries";

export function RemovedDevice(props: { id: string; name?: string | undefined; error: unknown }) {
  return (
    <Removed
      path={devicePath(props.id)}
      what="device"
      fields={DEVICE_FIELDS}
      name={props.name}
      error={props.error}
    >
      <p>It is no longer polled. Samples already stored stay until their retention ends.</p>
      <p>
        <Link to="/">See the devices</Link>
      </p>
    </Removed>
  );
}

import { DeviceForm } from "./DeviceForm";
import { EMPTY } from "./draft";

export default function AddDevicePage() {
  return <DeviceForm start={EMPTY} />;
}

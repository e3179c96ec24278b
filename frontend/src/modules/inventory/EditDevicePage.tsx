import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Answer } from "../../parts/Face";
import { DeviceForm } from "./DeviceForm";
import { typedOf } from "./draft";
import { deviceQuery } from "./queries";
import { isRemoved, Removed } from "./Removed";

const route = getRouteApi("/devices/$id/edit");

export default function EditDevicePage() {
  const { id } = route.useParams();
  const device = useQuery({ ...deviceQuery(id), refetchInterval: false });
  if (device.data && isRemoved(device.error)) return <Removed name={device.data.name} />;
  return (
    <Answer query={device} what="the device" heading="Edit device" rows={6}>
      {(data) => <DeviceForm key={data.id} start={typedOf(data)} id={id} name={data.name} />}
    </Answer>
  );
}

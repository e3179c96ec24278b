// Add a device, or edit one: the address says which.
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { FRESH, useOpened } from "../../entities/opened";
import { isRemoved } from "../../entities/Removed";
import { Answer } from "../../parts/Face";
import { DeviceForm } from "./DeviceForm";
import { deviceQuery } from "./queries";

export default function DeviceFormPage() {
  const { id } = useParams({ strict: false });
  return id === undefined ? <DeviceForm /> : <Edit id={id} />;
}

function Edit({ id }: { id: string }) {
  const query = useQuery({ ...deviceQuery(id), ...FRESH });
  const opened = useOpened(query);
  return opened ? (
    // What was typed stays in view, also when what it is about goes.
    <DeviceForm opened={opened} latest={query.data} removed={isRemoved(query.error)} />
  ) : (
    <Answer query={{ ...query, data: undefined }} what="the device" heading="Edit device" rows={6}>
      {() => null}
    </Answer>
  );
}

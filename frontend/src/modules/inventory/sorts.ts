// The orders that a URL may ask for.

/** The server's orders of devices; the first is the usual one: worst first. */
export const DEVICE_SORTS = ["state", "name", "anomalies", "last_sample", "site"] as const;
export type DeviceSort = (typeof DEVICE_SORTS)[number];

/** Columns of the ports by which they are sorted; without one they stand as the device has them. */
export const PORT_SORTS = ["name", "alias", "oper", "speed", "in", "out", "errors"] as const;
export type PortSort = (typeof PORT_SORTS)[number];

// What a metric is, by its name.

/** States are written on change and once an hour: silence is no gap. */
export const isState = (metric: string): boolean => /_(status|state|speed_bps|mtu)$/.test(metric);

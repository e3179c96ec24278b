-- When each protocol was last answered, and how long the interval between polls was at any time,
-- as the polls said: what is stale and what is a gap follow from these.
ALTER TABLE device_latest
    ADD COLUMN snmp_at     timestamptz,
    ADD COLUMN icmp_at     timestamptz,
    ADD COLUMN interval_ms bigint;

-- One row for each change.
CREATE TABLE device_interval (
    device      uuid        NOT NULL,
    since       timestamptz NOT NULL,
    tenant      text        NOT NULL DEFAULT 'default',
    interval_ms bigint      NOT NULL,
    PRIMARY KEY (device, since)
);

-- The newest set of texts that came in several records, by device.
CREATE TABLE fact_set (
    device uuid        PRIMARY KEY,
    tenant text        NOT NULL DEFAULT 'default',
    at     timestamptz NOT NULL
);

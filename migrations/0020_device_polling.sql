-- How a device is polled where it is not as all others: null means as the pollers are configured.
ALTER TABLE device
    ADD COLUMN any_source      boolean NOT NULL DEFAULT false,
    ADD COLUMN icmp_echoes     integer,
    ADD COLUMN icmp_spacing_ms bigint,
    ADD COLUMN icmp_timeout_ms bigint;

COMMENT ON COLUMN device.any_source IS 'Whether answers by SNMP from another address than the one asked are taken.';
COMMENT ON COLUMN device.icmp_echoes IS 'Echo requests a poll; null: as the pollers are configured.';
COMMENT ON COLUMN device.icmp_spacing_ms IS 'Time between two echo requests, ms; null: as the pollers are configured.';
COMMENT ON COLUMN device.icmp_timeout_ms IS 'How long the reply to the last echo request is waited for, ms; null: as the pollers are configured.';

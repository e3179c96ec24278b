-- How a device is polled where it is not as all others: null means as the pollers are configured.
ALTER TABLE device
    ADD COLUMN any_source      boolean NOT NULL DEFAULT false,
    ADD COLUMN icmp_echoes     integer,
    ADD COLUMN icmp_spacing_ms bigint,
    ADD COLUMN icmp_timeout_ms bigint;

-- The contract for dashboards and other readers: these views and the tables device
-- and anomaly. Columns are added, never renamed, retyped or removed. Tables that are
-- not named here may change in any release.

CREATE VIEW metric_raw WITH (security_invoker = true) AS
SELECT s.tenant, s.device, d.name AS device_name, d.site, s.metric, s.instance, s.unit,
       s.id AS series_id, x.ts, x.value, x.flags
FROM sample x
JOIN series s ON s.id = x.series_id
LEFT JOIN device d ON d.id = s.device;

CREATE VIEW metric_5m WITH (security_invoker = true) AS
SELECT s.tenant, s.device, d.name AS device_name, d.site, s.metric, s.instance, s.unit,
       s.id AS series_id, x.bucket, x.count, x.sum / nullif(x.count, 0) AS avg, x.sum, x.min, x.max, x.last
FROM rollup_5m x
JOIN series s ON s.id = x.series_id
LEFT JOIN device d ON d.id = s.device;

CREATE VIEW metric_1h WITH (security_invoker = true) AS
SELECT s.tenant, s.device, d.name AS device_name, d.site, s.metric, s.instance, s.unit,
       s.id AS series_id, x.bucket, x.count, x.sum / nullif(x.count, 0) AS avg, x.sum, x.min, x.max, x.last
FROM rollup_1h x
JOIN series s ON s.id = x.series_id
LEFT JOIN device d ON d.id = s.device;

CREATE VIEW metric_1d WITH (security_invoker = true) AS
SELECT s.tenant, s.device, d.name AS device_name, d.site, s.metric, s.instance, s.unit,
       s.id AS series_id, x.bucket, x.count, x.sum / nullif(x.count, 0) AS avg, x.sum, x.min, x.max, x.last
FROM rollup_1d x
JOIN series s ON s.id = x.series_id
LEFT JOIN device d ON d.id = s.device;

-- The lookup goes down the primary key of the two or three newest chunks: nothing
-- is written for it, which would double the cost of every sample.
CREATE VIEW series_latest WITH (security_invoker = true) AS
SELECT s.id AS series_id, s.tenant, s.device, s.metric, s.instance, s.unit, s.state, x.ts, x.value
FROM series s
LEFT JOIN LATERAL (
    SELECT ts, value FROM sample
    WHERE series_id = s.id AND ts > now() - interval '2 days'
    ORDER BY ts DESC LIMIT 1
) x ON true;

CREATE FUNCTION interface_status(value double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE value
        WHEN 1 THEN 'up' WHEN 2 THEN 'down' WHEN 3 THEN 'testing' WHEN 4 THEN 'unknown'
        WHEN 5 THEN 'dormant' WHEN 6 THEN 'not_present' WHEN 7 THEN 'lower_layer_down' END
$$;

CREATE VIEW interface WITH (security_invoker = true) AS
SELECT f.tenant, f.device, d.name AS device_name, f.instance AS name, f.alias, f.if_index, f.mac,
       interface_status(admin.value) AS admin_status,
       interface_status(oper.value) AS oper_status,
       speed.value AS speed_bps,
       greatest(admin.ts, oper.ts, speed.ts) AS at
FROM (
    SELECT tenant, device, instance,
           max(value) FILTER (WHERE name = 'if_alias') AS alias,
           max(value) FILTER (WHERE name = 'if_index' AND value ~ '^[0-9]{1,10}$')::bigint AS if_index,
           max(value) FILTER (WHERE name IN ('if_mac', 'if_phys_address')) AS mac
    FROM fact
    WHERE instance <> ''
    GROUP BY tenant, device, instance
    HAVING bool_or(name LIKE 'if\_%')
) f
LEFT JOIN device d ON d.id = f.device
LEFT JOIN series_latest admin ON admin.device = f.device AND admin.instance = f.instance
    AND admin.metric = 'if_admin_status' AND admin.tenant = f.tenant
LEFT JOIN series_latest oper ON oper.device = f.device AND oper.instance = f.instance
    AND oper.metric = 'if_oper_status' AND oper.tenant = f.tenant
LEFT JOIN series_latest speed ON speed.device = f.device AND speed.instance = f.instance
    AND speed.metric = 'if_speed_bps' AND speed.tenant = f.tenant;

COMMENT ON VIEW metric_raw IS 'Every sample as measured. Filter by device, metric and instance (or series_id) and by ts. Kept 30 days unless configured otherwise. Near-constant metrics (series.state) have a sample on change and once an hour only.';
COMMENT ON VIEW metric_5m IS 'Samples in 5-minute buckets. Filter by device, metric and instance (or series_id) and by bucket. A bucket appears when it closes and may be repaired for an hour after. Kept 90 days unless configured otherwise.';
COMMENT ON VIEW metric_1h IS 'As metric_5m, in 1-hour buckets. Kept 2 years unless configured otherwise.';
COMMENT ON VIEW metric_1d IS 'As metric_5m, in 1-day buckets of UTC. Kept for ever.';
COMMENT ON VIEW series_latest IS 'The newest sample of every series within the last 2 days; ts and value are null when there is none. Always filter by device or series_id.';
COMMENT ON VIEW interface IS 'Interfaces (ports) of devices with their texts and newest states. Filter by device when there are many.';

DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.view, v.name, v.text
        FROM (VALUES
            ('tenant', 'Owner of the row.'),
            ('device', 'Identity of the device for life (device.id).'),
            ('device_name', 'Display name of the device; null once it was removed.'),
            ('site', 'Site of the device; null when it has none.'),
            ('metric', 'Name of the metric, its unit last: if_in_bps, cpu_percent.'),
            ('instance', 'What of the device is measured, e.g. the name of a port; empty for the device itself.'),
            ('unit', 'Unit of value, sum, min, max and last.'),
            ('series_id', 'Identity of (tenant, device, metric, instance).'),
            ('ts', 'When the answer arrived (UTC).'),
            ('value', 'The gauge, or the rate per second of a counter, in unit.'),
            ('flags', 'Sum of 1: a 32-bit counter wrapped within the interval; 2: an unchanged state, repeated.'),
            ('bucket', 'Start of the bucket, a multiple of its width in UTC.'),
            ('count', 'How many samples the bucket holds.'),
            ('avg', 'Mean of the samples.'),
            ('sum', 'Sum of the samples.'),
            ('min', 'Smallest sample.'),
            ('max', 'Largest sample.'),
            ('last', 'Newest sample of the bucket.'),
            ('state', 'True for a metric that is kept on change and once an hour.')
        ) AS t (name, text)
        CROSS JOIN (VALUES ('metric_raw'), ('metric_5m'), ('metric_1h'), ('metric_1d'), ('series_latest')) AS w (view)
        JOIN LATERAL (SELECT w.view, t.name, t.text) v ON true
        JOIN information_schema.columns i
            ON i.table_schema = current_schema() AND i.table_name = v.view AND i.column_name = v.name
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', c.view, c.name, c.text);
    END LOOP;
END
$$;

COMMENT ON COLUMN interface.tenant IS 'Owner of the row.';
COMMENT ON COLUMN interface.device IS 'Identity of the device for life (device.id).';
COMMENT ON COLUMN interface.device_name IS 'Display name of the device; null once it was removed.';
COMMENT ON COLUMN interface.name IS 'Name of the port (ifName, RFC 2863): the instance of its series.';
COMMENT ON COLUMN interface.alias IS 'What the operator called it (ifAlias).';
COMMENT ON COLUMN interface.if_index IS 'Present number of the port (ifIndex); it may change at a restart.';
COMMENT ON COLUMN interface.mac IS 'Hardware address (ifPhysAddress).';
COMMENT ON COLUMN interface.admin_status IS 'Wanted state: up, down, testing (ifAdminStatus).';
COMMENT ON COLUMN interface.oper_status IS 'Real state: up, down, testing, unknown, dormant, not_present, lower_layer_down (ifOperStatus).';
COMMENT ON COLUMN interface.speed_bps IS 'Speed in bits per second (ifHighSpeed, ifSpeed).';
COMMENT ON COLUMN interface.at IS 'Time of the newest of the three states.';

COMMENT ON TABLE device IS 'Devices as the inventory has them. A removed device leaves; its history stays until its time is over.';
COMMENT ON COLUMN device.id IS 'Identity for life, whatever name and address become.';
COMMENT ON COLUMN device.tenant IS 'Owner of the row.';
COMMENT ON COLUMN device.name IS 'Display name.';
COMMENT ON COLUMN device.address IS 'IP address.';
COMMENT ON COLUMN device.port IS 'UDP port of SNMP.';
COMMENT ON COLUMN device.profile IS 'Polling profile; auto chooses by sysObjectID.';
COMMENT ON COLUMN device.credential IS 'Name of the credential in the vault; null when none.';
COMMENT ON COLUMN device.site IS 'Site; null when none.';
COMMENT ON COLUMN device.tags IS 'Free words.';
COMMENT ON COLUMN device.interval_ms IS 'Time between two polls in ms.';
COMMENT ON COLUMN device.snmp IS 'Polled by SNMP.';
COMMENT ON COLUMN device.icmp IS 'Measured by ICMP: loss and round-trip time.';
COMMENT ON COLUMN device.enabled IS 'False: kept, not polled.';
COMMENT ON COLUMN device.source IS 'Who maintains it: api, file, demo, netbox.';
COMMENT ON COLUMN device.updated_at IS 'When the inventory last changed it.';

COMMENT ON TABLE anomaly IS 'One row an anomaly, as its last transition left it. Kept 2 years after it cleared unless configured otherwise.';
COMMENT ON COLUMN anomaly.id IS 'The same from onset to clear.';
COMMENT ON COLUMN anomaly.tenant IS 'Owner of the row.';
COMMENT ON COLUMN anomaly.device IS 'Identity of the device (device.id).';
COMMENT ON COLUMN anomaly.device_name IS 'Name of the device at the last transition.';
COMMENT ON COLUMN anomaly.series_id IS 'Identity of the series (series.id).';
COMMENT ON COLUMN anomaly.metric IS 'Name of the metric.';
COMMENT ON COLUMN anomaly.instance IS 'What of the device; empty for the device itself.';
COMMENT ON COLUMN anomaly.unit IS 'Unit of value, expected, lower and upper.';
COMMENT ON COLUMN anomaly.onset_at IS 'Time of the sample that opened it.';
COMMENT ON COLUMN anomaly.cleared_at IS 'Time of the sample that closed it; null while it is open.';
COMMENT ON COLUMN anomaly.at IS 'Time of the sample of the last transition.';
COMMENT ON COLUMN anomaly.value IS 'The sample of the last transition.';
COMMENT ON COLUMN anomaly.expected IS 'Expected value then.';
COMMENT ON COLUMN anomaly.lower IS 'Lower edge of the band then.';
COMMENT ON COLUMN anomaly.upper IS 'Upper edge of the band then.';
COMMENT ON COLUMN anomaly.score IS 'Distance from expected in units of the band''s scale, the highest so far.';
COMMENT ON COLUMN anomaly.method IS 'Name and version of the method.';
COMMENT ON COLUMN anomaly.version IS 'Logic version of the processor.';

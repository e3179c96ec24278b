-- What dashboards ask for beside samples: the band, states of devices, since when and for how long,
-- and availability by month. Names of columns are those of the other views; `interface` and
-- `series_latest` get the ones they lacked.

CREATE VIEW metric_band WITH (security_invoker = true) AS
SELECT s.tenant, s.device, d.name AS device_name, d.site, s.metric, s.instance, s.unit,
       s.id AS series_id, x.bucket, x.expected, x.lower, x.upper
FROM baseline x
JOIN series s ON s.id = x.series_id
LEFT JOIN device d ON d.id = s.device;

CREATE VIEW device_state WITH (security_invoker = true) AS
SELECT d.tenant, d.id AS device, d.name AS device_name, d.site, d.address, d.profile, d.enabled,
       coalesce(x.state, 'unknown') AS state, x.since, coalesce(x.reason, '') AS reason,
       l.last_sample_at
FROM device d
LEFT JOIN device_status x ON x.device = d.id
LEFT JOIN device_latest l ON l.device = d.id;

-- The present state is in both tables, unless it is older than the history is kept.
CREATE VIEW device_state_history WITH (security_invoker = true) AS
SELECT x.tenant, x.device, d.name AS device_name, d.site, x.state, x.reason, x.since,
       CASE WHEN x.next IS NOT NULL THEN x.next
            WHEN now_there.device IS NULL THEN greatest(x.at, x.since) END AS until
FROM (
    SELECT tenant, device, state, reason, since, at,
           lead(since) OVER (PARTITION BY device ORDER BY since, at) AS next
    FROM (
        SELECT tenant, device, state, reason, since, at FROM device_status_history
        UNION
        SELECT tenant, device, state, reason, since, at FROM device_status
    ) states
) x
LEFT JOIN device_status now_there ON now_there.device = x.device
LEFT JOIN device d ON d.id = x.device;

CREATE VIEW availability_1mo WITH (security_invoker = true) AS
SELECT tenant, device, device_name, site, bucket, up_s, degraded_s, down_s, unknown_s,
       (up_s + degraded_s) / nullif(up_s + degraded_s + down_s, 0) AS availability
FROM (
    SELECT h.tenant, h.device, h.device_name, h.site, m.bucket,
           coalesce(sum(part.s) FILTER (WHERE h.state = 'up'), 0) AS up_s,
           coalesce(sum(part.s) FILTER (WHERE h.state = 'degraded'), 0) AS degraded_s,
           coalesce(sum(part.s) FILTER (WHERE h.state = 'down'), 0) AS down_s,
           coalesce(sum(part.s) FILTER (WHERE h.state = 'unknown'), 0) AS unknown_s
    FROM device_state_history h
    CROSS JOIN LATERAL (
        SELECT month AT TIME ZONE 'UTC' AS bucket,
               (month + interval '1 month') AT TIME ZONE 'UTC' AS next
        FROM generate_series(date_trunc('month', h.since AT TIME ZONE 'UTC'),
                             coalesce(h.until, now()) AT TIME ZONE 'UTC',
                             interval '1 month') month
    ) m
    CROSS JOIN LATERAL (
        SELECT greatest(0, extract(epoch FROM
            least(coalesce(h.until, now()), m.next) - greatest(h.since, m.bucket)
        ))::double precision AS s
    ) part
    GROUP BY h.tenant, h.device, h.device_name, h.site, m.bucket
) months;

CREATE OR REPLACE VIEW series_latest WITH (security_invoker = true) AS
SELECT s.id AS series_id, s.tenant, s.device, s.metric, s.instance, s.unit, s.state, x.ts, x.value,
       d.name AS device_name, d.site
FROM series s
LEFT JOIN LATERAL (
    SELECT ts, value FROM sample
    WHERE series_id = s.id AND ts > now() - interval '2 days'
    ORDER BY ts DESC LIMIT 1
) x ON true
LEFT JOIN device d ON d.id = s.device;

CREATE OR REPLACE VIEW interface WITH (security_invoker = true) AS
SELECT f.tenant, f.device, d.name AS device_name, f.instance AS name, f.alias, f.if_index, f.mac,
       interface_status(admin.value) AS admin_status,
       interface_status(oper.value) AS oper_status,
       CASE WHEN speed.value > 0 AND speed.value <> 4294967295 THEN speed.value END AS speed_bps,
       greatest(admin.ts, oper.ts, speed.ts) AS at,
       oper.value IS DISTINCT FROM 6 AS present,
       f.instance, d.site, greatest(admin.ts, oper.ts, speed.ts) AS ts
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

COMMENT ON VIEW metric_band IS 'Expected value and band of a series in 5-minute buckets. Filter by device, metric and instance (or series_id) and by bucket. Kept as metric_5m.';
COMMENT ON VIEW device_state IS 'Every device of the inventory with its present state and since when.';
COMMENT ON VIEW device_state_history IS 'Every state of every device, with its reason and its time. Filter by device when there are many. Kept 2 years unless configured otherwise.';
COMMENT ON VIEW availability_1mo IS 'How long each device was in which state, by calendar month of UTC. The present month is up to now.';

DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT i.table_name AS view, t.name, t.text
        FROM (VALUES
            ('tenant', 'Owner of the row.'),
            ('device', 'Identity of the device for life (device.id).'),
            ('device_name', 'Display name of the device; null once it was removed.'),
            ('site', 'Site of the device; null when it has none.'),
            ('metric', 'Name of the metric, its unit last: if_in_bps, cpu_percent.'),
            ('instance', 'What of the device is measured, e.g. the name of a port; empty for the device itself.'),
            ('unit', 'Unit of expected, lower and upper.'),
            ('series_id', 'Identity of (tenant, device, metric, instance).'),
            ('expected', 'Expected value.'),
            ('lower', 'Lower edge of the band.'),
            ('upper', 'Upper edge of the band.'),
            ('address', 'IP address or host name.'),
            ('profile', 'Polling profile; auto chooses by sysObjectID.'),
            ('enabled', 'False: kept, not polled.'),
            ('state', 'up, degraded, down or unknown.'),
            ('reason', 'Why it is in that state; empty when it is up.'),
            ('since', 'When the state began.'),
            ('until', 'When it ended; null while it lasts. Of a removed device: when it was last reported.'),
            ('last_sample_at', 'Time of the newest sample; null when there is none.'),
            ('up_s', 'Seconds up.'),
            ('degraded_s', 'Seconds degraded: it answered, not in all.'),
            ('down_s', 'Seconds down.'),
            ('unknown_s', 'Seconds in which nobody could tell.'),
            ('availability', 'Share of the known time, 0 to 1, in which it was up or degraded; null when none is known.')
        ) AS t (name, text)
        JOIN information_schema.columns i
            ON i.table_schema = current_schema() AND i.column_name = t.name
           AND i.table_name IN ('metric_band', 'device_state', 'device_state_history', 'availability_1mo')
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', c.view, c.name, c.text);
    END LOOP;
END
$$;

COMMENT ON COLUMN metric_band.bucket IS 'Start of the 5 minutes, UTC.';
COMMENT ON COLUMN availability_1mo.bucket IS 'Start of the month, UTC.';
COMMENT ON COLUMN series_latest.device_name IS 'Display name of the device; null once it was removed.';
COMMENT ON COLUMN series_latest.site IS 'Site of the device; null when it has none.';
COMMENT ON COLUMN interface.instance IS 'The same as name: the instance of its series in the other views.';
COMMENT ON COLUMN interface.site IS 'Site of the device; null when it has none.';
COMMENT ON COLUMN interface.ts IS 'The same as at.';

-- Ten queries that dashboards make, over the contract in migrations/README.md. They run as they are
-- in psql; in a dashboard the device, the site and the times are variables. The test
-- sinks/src/tests/dashboards.rs runs each over 3 million samples within a limit of time.

-- one port: traffic of the last day, 5-minute buckets
SELECT bucket, avg, max FROM metric_5m
WHERE device_name = 'device-7' AND metric = 'if_in_bps' AND instance = 'port-3'
  AND bucket > now() - interval '1 day'
ORDER BY bucket;

-- the same with the expected band
SELECT m.bucket, m.avg, b.expected, b.lower, b.upper
FROM metric_5m m
LEFT JOIN metric_band b ON b.series_id = m.series_id AND b.bucket = m.bucket
    AND b.bucket > now() - interval '1 day'
WHERE m.device_name = 'device-7' AND m.metric = 'if_in_bps' AND m.instance = 'port-3'
  AND m.bucket > now() - interval '1 day'
ORDER BY m.bucket;

-- one port: raw samples of the last hour
SELECT ts, value FROM metric_raw
WHERE device_name = 'device-7' AND metric = 'if_in_bps' AND instance = 'port-3'
  AND ts > now() - interval '1 hour'
ORDER BY ts;

-- ten busiest ports of the last hour
SELECT device_name, instance, sum(sum) / sum(count) AS avg, max(max) AS max
FROM metric_5m
WHERE metric = 'if_in_bps' AND bucket > now() - interval '1 hour'
GROUP BY device_name, instance
ORDER BY avg DESC LIMIT 10;

-- traffic of a site by hour
SELECT bucket, sum(avg) AS bps FROM metric_1h
WHERE site = 'site-2' AND metric = 'if_in_bps' AND bucket > now() - interval '1 day'
GROUP BY bucket ORDER BY bucket;

-- everything that is known of a device right now
SELECT metric, instance, value, unit, ts FROM series_latest
WHERE device_name = 'device-7' ORDER BY metric, instance;

-- down since when
SELECT device_name, site, since, now() - since AS down_for, reason FROM device_state
WHERE state = 'down' ORDER BY since;

-- outages of the last 30 days
SELECT device_name, since, until, coalesce(until, now()) - since AS lasted, reason
FROM device_state_history
WHERE state = 'down' AND coalesce(until, now()) > now() - interval '30 days'
ORDER BY since DESC;

-- availability by month
SELECT device_name, bucket, round(availability::numeric * 100, 3) AS percent, down_s
FROM availability_1mo
WHERE site = 'site-2' ORDER BY bucket, device_name;

-- anomalies of the last day, the open ones first
SELECT device_name, metric, instance, onset_at, cleared_at, value, expected, lower, upper
FROM anomaly
WHERE onset_at > now() - interval '1 day'
ORDER BY cleared_at IS NULL DESC, onset_at DESC LIMIT 100;

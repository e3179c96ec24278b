-- A port whose row is gone is not present, and a speed that the agent does not know is none.
CREATE OR REPLACE VIEW interface WITH (security_invoker = true) AS
SELECT f.tenant, f.device, d.name AS device_name, f.instance AS name, f.alias, f.if_index, f.mac,
       interface_status(admin.value) AS admin_status,
       interface_status(oper.value) AS oper_status,
       CASE WHEN speed.value > 0 AND speed.value <> 4294967295 THEN speed.value END AS speed_bps,
       greatest(admin.ts, oper.ts, speed.ts) AS at,
       oper.value IS DISTINCT FROM 6 AS present
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

COMMENT ON COLUMN interface.oper_status IS 'Real state: up, down, testing, unknown, dormant, not_present, lower_layer_down (ifOperStatus). not_present, too, when its row has been gone from the device''s tables for two polls.';
COMMENT ON COLUMN interface.speed_bps IS 'Speed in bits per second (ifHighSpeed, ifSpeed); null when the device does not know it.';
COMMENT ON COLUMN interface.present IS 'False when the port is not present: its card or its row is gone.';
COMMENT ON COLUMN metric_raw.flags IS 'Sum of 1: a 32-bit counter wrapped within the interval; 2: an unchanged state, repeated; 4: above the stated speed, which was exceeded poll after poll and is not believed; 8: mean since the device last refreshed the counter.';

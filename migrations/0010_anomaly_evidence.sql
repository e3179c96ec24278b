-- An anomaly keeps what opened it, the worst of it and what closed it. Until now each transition
-- overwrote the value and the band of the one before; the events have them still.
ALTER TABLE anomaly
    ADD COLUMN peak_at        timestamptz,
    ADD COLUMN peak_value     double precision,
    ADD COLUMN peak_expected  double precision,
    ADD COLUMN peak_lower     double precision,
    ADD COLUMN peak_upper     double precision,
    ADD COLUMN clear_value    double precision,
    ADD COLUMN clear_expected double precision,
    ADD COLUMN clear_lower    double precision,
    ADD COLUMN clear_upper    double precision;

UPDATE anomaly a
SET clear_value = e.value, clear_expected = e.expected, clear_lower = e.lower, clear_upper = e.upper
FROM anomaly_event e
WHERE e.anomaly_id = a.id AND e.transition = 'clear' AND e.at = a.cleared_at;

UPDATE anomaly a
SET peak_at = e.at, peak_value = e.value, peak_expected = e.expected, peak_lower = e.lower,
    peak_upper = e.upper
FROM (
    SELECT DISTINCT ON (anomaly_id) anomaly_id, at, value, expected, lower, upper
    FROM anomaly_event WHERE transition <> 'clear' ORDER BY anomaly_id, score DESC, at
) e
WHERE e.anomaly_id = a.id;

UPDATE anomaly a
SET value = e.value, expected = e.expected, lower = e.lower, upper = e.upper
FROM anomaly_event e
WHERE e.anomaly_id = a.id AND e.transition = 'onset' AND e.at = a.onset_at;

COMMENT ON TABLE anomaly IS 'One row an anomaly: the sample that opened it with its band, the worst one so far, and the one that closed it. Kept 2 years after it cleared unless configured otherwise.';
COMMENT ON COLUMN anomaly.value IS 'The sample that opened it.';
COMMENT ON COLUMN anomaly.expected IS 'Expected value at the onset.';
COMMENT ON COLUMN anomaly.lower IS 'Lower edge of the band at the onset.';
COMMENT ON COLUMN anomaly.upper IS 'Upper edge of the band at the onset.';
COMMENT ON COLUMN anomaly.peak_at IS 'Time of the sample with the highest score so far; null where an older version kept none.';
COMMENT ON COLUMN anomaly.peak_value IS 'That sample.';
COMMENT ON COLUMN anomaly.peak_expected IS 'Expected value at peak_at.';
COMMENT ON COLUMN anomaly.peak_lower IS 'Lower edge of the band at peak_at.';
COMMENT ON COLUMN anomaly.peak_upper IS 'Upper edge of the band at peak_at.';
COMMENT ON COLUMN anomaly.clear_value IS 'The sample that closed it; null while it is open.';
COMMENT ON COLUMN anomaly.clear_expected IS 'Expected value at cleared_at.';
COMMENT ON COLUMN anomaly.clear_lower IS 'Lower edge of the band at cleared_at.';
COMMENT ON COLUMN anomaly.clear_upper IS 'Upper edge of the band at cleared_at.';

-- Anomalies, and how far each sink has come.

-- One row an anomaly, as its last transition left it.
CREATE TABLE anomaly (
    id          text             PRIMARY KEY,
    tenant      text             NOT NULL DEFAULT 'default',
    device      uuid             NOT NULL,
    device_name text             NOT NULL,
    series_id   bigint           NOT NULL,
    metric      text             NOT NULL,
    instance    text             NOT NULL,
    unit        text             NOT NULL,
    onset_at    timestamptz      NOT NULL,
    cleared_at  timestamptz,
    at          timestamptz      NOT NULL,
    value       double precision NOT NULL,
    expected    double precision NOT NULL,
    lower       double precision NOT NULL,
    upper       double precision NOT NULL,
    score       double precision NOT NULL,
    method      text             NOT NULL,
    version     integer          NOT NULL
);
CREATE INDEX anomaly_onset ON anomaly (onset_at DESC, id);
CREATE INDEX anomaly_open ON anomaly (onset_at DESC, id) WHERE cleared_at IS NULL;
CREATE INDEX anomaly_open_device ON anomaly (device) WHERE cleared_at IS NULL;
CREATE INDEX anomaly_device ON anomaly (device, onset_at DESC);
CREATE INDEX anomaly_series ON anomaly (series_id, onset_at DESC);

CREATE TABLE anomaly_event (
    anomaly_id text             NOT NULL,
    transition text             NOT NULL,
    at         timestamptz      NOT NULL,
    tenant     text             NOT NULL DEFAULT 'default',
    device     uuid             NOT NULL,
    series_id  bigint           NOT NULL,
    value      double precision NOT NULL,
    expected   double precision NOT NULL,
    lower      double precision NOT NULL,
    upper      double precision NOT NULL,
    score      double precision NOT NULL,
    method     text             NOT NULL,
    version    integer          NOT NULL,
    PRIMARY KEY (anomaly_id, transition, at)
);
CREATE INDEX anomaly_event_at ON anomaly_event (at);

-- Moves by compare-and-set in the transaction that writes the rows.
CREATE TABLE log_position (
    log_id     text        NOT NULL,
    sink       text        NOT NULL,
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    next       bigint      NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_id, sink, topic, partition)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

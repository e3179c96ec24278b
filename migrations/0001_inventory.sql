-- What is polled and what is known of it. Rows come from compacted topics, each
-- from its own, in no order between topics: hence no foreign keys.

CREATE TABLE device (
    id          uuid        PRIMARY KEY,
    tenant      text        NOT NULL DEFAULT 'default',
    name        text        NOT NULL,
    address     text        NOT NULL,
    port        integer     NOT NULL,
    profile     text        NOT NULL,
    credential  text,
    site        text,
    tags        text[]      NOT NULL DEFAULT '{}',
    interval_ms bigint      NOT NULL,
    snmp        boolean     NOT NULL,
    icmp        boolean     NOT NULL,
    enabled     boolean     NOT NULL,
    source      text        NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX device_name ON device (tenant, name, id);
CREATE INDEX device_credential ON device (credential) WHERE credential IS NOT NULL;

CREATE TABLE series (
    id       bigint  PRIMARY KEY,
    tenant   text    NOT NULL DEFAULT 'default',
    device   uuid    NOT NULL,
    metric   text    NOT NULL,
    instance text    NOT NULL,
    unit     text    NOT NULL,
    state    boolean NOT NULL DEFAULT false
);
-- Finds a device's series, and refuses a second id for one identity.
CREATE UNIQUE INDEX series_identity ON series (device, instance, metric, tenant);

-- One row a device, rewritten at every poll: room on the page and no further
-- index keep the rewrite in place.
CREATE TABLE device_latest (
    device         uuid        PRIMARY KEY,
    tenant         text        NOT NULL DEFAULT 'default',
    last_sample_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.5, autovacuum_vacuum_threshold = 1000);

CREATE TABLE device_status (
    device uuid        PRIMARY KEY,
    tenant text        NOT NULL DEFAULT 'default',
    state  text        NOT NULL,
    since  timestamptz NOT NULL,
    at     timestamptz NOT NULL,
    reason text        NOT NULL DEFAULT ''
) WITH (fillfactor = 80);

CREATE TABLE device_status_history (
    device uuid        NOT NULL,
    tenant text        NOT NULL DEFAULT 'default',
    state  text        NOT NULL,
    since  timestamptz NOT NULL,
    at     timestamptz NOT NULL,
    reason text        NOT NULL DEFAULT '',
    PRIMARY KEY (device, since, state)
);
CREATE INDEX device_status_history_at ON device_status_history USING brin (at);

CREATE TABLE fact (
    device   uuid        NOT NULL,
    instance text        NOT NULL,
    name     text        NOT NULL,
    value    text        NOT NULL,
    at       timestamptz NOT NULL,
    tenant   text        NOT NULL DEFAULT 'default',
    PRIMARY KEY (device, instance, name)
);

-- Time series. The primary key is the only index: it serves every read (series,
-- then time) and trips over a sample that comes a second time.

CREATE TABLE sample (
    series_id bigint           NOT NULL,
    ts        timestamptz      NOT NULL,
    value     double precision NOT NULL,
    flags     smallint         NOT NULL DEFAULT 0,
    PRIMARY KEY (series_id, ts)
);

CREATE TABLE sample_gap (
    series_id bigint      NOT NULL,
    ts        timestamptz NOT NULL,
    reason    text        NOT NULL,
    PRIMARY KEY (series_id, ts)
);

CREATE TABLE rollup_5m (
    series_id bigint           NOT NULL,
    bucket    timestamptz      NOT NULL,
    count     integer          NOT NULL,
    sum       double precision NOT NULL,
    min       double precision NOT NULL,
    max       double precision NOT NULL,
    last      double precision NOT NULL,
    PRIMARY KEY (series_id, bucket)
);
CREATE TABLE rollup_1h (LIKE rollup_5m INCLUDING ALL);
CREATE TABLE rollup_1d (LIKE rollup_5m INCLUDING ALL);

CREATE TABLE baseline (
    series_id bigint           NOT NULL,
    bucket    timestamptz      NOT NULL,
    expected  double precision NOT NULL,
    lower     double precision NOT NULL,
    upper     double precision NOT NULL,
    PRIMARY KEY (series_id, bucket)
);

-- With TimescaleDB these are hypertables, and old data leaves by whole chunks.
-- Without, a block range index finds what is old: rows arrive in order of time.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT * FROM (VALUES
            ('sample',     'ts',     interval '1 day'),
            ('sample_gap', 'ts',     interval '7 days'),
            ('rollup_5m',  'bucket', interval '7 days'),
            ('rollup_1h',  'bucket', interval '30 days'),
            ('rollup_1d',  'bucket', interval '365 days'),
            ('baseline',   'bucket', interval '7 days')
        ) AS v (name, time_column, chunk)
    LOOP
        IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
            PERFORM create_hypertable(t.name::regclass, t.time_column::name,
                chunk_time_interval => t.chunk, create_default_indexes => false);
        ELSE
            EXECUTE format('CREATE INDEX %I ON %I USING brin (%I)',
                t.name || '_' || t.time_column, t.name, t.time_column);
        END IF;
    END LOOP;
END
$$;

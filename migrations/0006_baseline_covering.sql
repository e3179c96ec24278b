-- Rows of one series lie apart, as they arrive by time: 30 days of a band were 8,640 pages of
-- the table. With the values in the index they are some 80 of the index.
ALTER TABLE baseline
    DROP CONSTRAINT baseline_pkey,
    ADD PRIMARY KEY (series_id, bucket) INCLUDE (expected, lower, upper);

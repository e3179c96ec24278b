-- Warnings and errors of all processes.
CREATE TABLE process_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    instance   text        NOT NULL,
    level      text        NOT NULL CHECK (level IN ('warn', 'error')),
    component  text        NOT NULL,
    target     text        NOT NULL,
    message    text        NOT NULL,
    fields     jsonb       NOT NULL,
    suppressed bigint      NOT NULL
);
CREATE INDEX process_log_at ON process_log (at DESC, id DESC);

COMMENT ON TABLE process_log IS 'Warnings and errors of all processes, kept for seven days.';
COMMENT ON COLUMN process_log.id IS 'In the order in which lines arrived.';
COMMENT ON COLUMN process_log.at IS 'When it was said, by the clock of the process.';
COMMENT ON COLUMN process_log.instance IS 'Roles and name of the process, e.g. connect@host-1.';
COMMENT ON COLUMN process_log.level IS 'warn or error.';
COMMENT ON COLUMN process_log.component IS 'The component that it is about, else the thread that said it.';
COMMENT ON COLUMN process_log.target IS 'The module that said it.';
COMMENT ON COLUMN process_log.message IS 'What was said.';
COMMENT ON COLUMN process_log.fields IS 'What it was said with: an object of texts.';
COMMENT ON COLUMN process_log.suppressed IS 'Lines of the same place that were left out before this one.';

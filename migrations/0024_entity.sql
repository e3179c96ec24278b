-- What is configured, and every version of it.
CREATE TABLE entity (
    tenant   text        NOT NULL,
    kind     text        NOT NULL,
    id       text        NOT NULL,
    revision bigint      NOT NULL,
    name     text        NOT NULL,
    body     jsonb       NOT NULL,
    by       text        NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

COMMENT ON TABLE entity IS 'What is configured: the last version of every entity.';
COMMENT ON COLUMN entity.tenant IS 'Owner.';
COMMENT ON COLUMN entity.kind IS 'device, device_group or credential.';
COMMENT ON COLUMN entity.id IS 'Unique within tenant and kind: a UUID, of a credential its name.';
COMMENT ON COLUMN entity.revision IS 'Rises with every change: ms since the epoch, or later where changes are that close.';
COMMENT ON COLUMN entity.name IS 'Display name.';
COMMENT ON COLUMN entity.body IS 'All that is configured, by kind; never a secret.';
COMMENT ON COLUMN entity.by IS 'Who made this version: a user, or a source such as file or demo.';
COMMENT ON COLUMN entity.at IS 'When this version was made, by the clock of the log.';

CREATE TABLE entity_history (
    tenant   text        NOT NULL,
    kind     text        NOT NULL,
    id       text        NOT NULL,
    revision bigint      NOT NULL,
    name     text        NOT NULL,
    present  boolean     NOT NULL,
    body     jsonb,
    by       text        NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (tenant, kind, id, revision)
);
CREATE INDEX entity_history_at ON entity_history (at);

COMMENT ON TABLE entity_history IS 'Every version of every entity, removals among them, kept for 400 days; the last version of what there is stays.';
COMMENT ON COLUMN entity_history.tenant IS 'Owner.';
COMMENT ON COLUMN entity_history.kind IS 'device, device_group or credential.';
COMMENT ON COLUMN entity_history.id IS 'Unique within tenant and kind: a UUID, of a credential its name.';
COMMENT ON COLUMN entity_history.revision IS 'Rises with every change: ms since the epoch, or later where changes are that close.';
COMMENT ON COLUMN entity_history.name IS 'Display name; of a removal the last one.';
COMMENT ON COLUMN entity_history.present IS 'False: this is its removal.';
COMMENT ON COLUMN entity_history.body IS 'All that was configured, by kind; never a secret. Null: it was removed.';
COMMENT ON COLUMN entity_history.by IS 'Who made this version: a user, or a source such as file or demo.';
COMMENT ON COLUMN entity_history.at IS 'When this version was made, by the clock of the log.';

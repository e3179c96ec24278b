-- Who may come in, and the vault's sealed secrets. Written by the API only.

CREATE TABLE credential (
    name       text        PRIMARY KEY,
    tenant     text        NOT NULL DEFAULT 'default',
    kind       text        NOT NULL,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_user (
    username      text        PRIMARY KEY,
    tenant        text        NOT NULL DEFAULT 'default',
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- A token itself is never stored.
CREATE TABLE api_session (
    token_sha256 bytea       PRIMARY KEY,
    username     text        NOT NULL REFERENCES api_user ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX api_session_expires ON api_session (expires_at);

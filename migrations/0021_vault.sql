-- The vault's master key: its public half, which seals; the private one lies with the processes that
-- poll, in a file. One row: what is sealed is sealed for this key.
CREATE TABLE vault_key (
    single boolean     PRIMARY KEY DEFAULT true CHECK (single),
    id     text        NOT NULL,
    public bytea       NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vault_key IS 'The public half of the master key that credentials are sealed for.';
COMMENT ON COLUMN vault_key.id IS 'The first bytes of SHA-256 of the public key, in hexadecimal digits.';
COMMENT ON COLUMN vault_key.since IS 'When credentials began to be sealed for this key.';

-- Rises with every change of any credential, also over a removal.
CREATE SEQUENCE credential_version;
ALTER TABLE credential
    ADD COLUMN version bigint NOT NULL DEFAULT nextval('credential_version');

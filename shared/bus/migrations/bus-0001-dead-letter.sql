-- bus.dead_letter: messages that could not be processed, exactly as they came.
--
-- One row for one message, however often it comes: the digest is of route, headers and body.

CREATE SCHEMA IF NOT EXISTS bus;

CREATE TABLE IF NOT EXISTS bus.dead_letter (
    id          uuid PRIMARY KEY, -- UUIDv7: ordered by the first time it came
    digest      bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    received_at timestamptz NOT NULL,
    route       text NOT NULL,    -- the subject it was published on, or the HTTP route
    headers     text[] NOT NULL,  -- name, value, name, value …
    body        bytea NOT NULL,   -- the exact bytes
    reason      text NOT NULL,
    rule        text NOT NULL,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'retried', 'discarded')),
    times       bigint NOT NULL DEFAULT 1 CHECK (times > 0),
    note        text,
    settled_at  timestamptz
);

COMMENT ON TABLE bus.dead_letter IS 'Messages that could not be processed, exactly as they came';

CREATE INDEX IF NOT EXISTS dead_letter_open ON bus.dead_letter (id) WHERE state = 'open';

-- bus.admit(role): lets a service's role keep, read and settle dead letters; nobody deletes them.
CREATE OR REPLACE FUNCTION bus.admit(p_role name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA bus TO %I', p_role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON bus.dead_letter TO %I', p_role);
END
$$;

REVOKE ALL ON FUNCTION bus.admit(name) FROM PUBLIC;

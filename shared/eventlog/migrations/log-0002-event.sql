-- log.event: the log. One row for each entry, own and received alike, written once.
-- depends: log-0001-head

CREATE TABLE IF NOT EXISTS log.event (
    position    bigint PRIMARY KEY,        -- 1, 2, 3 ...; the index of the leaf is one less
    sequence    bigint,                    -- its author's number; null if it is not published
    recorded_at timestamptz NOT NULL,      -- here; never decreases along positions
    version     integer NOT NULL,          -- 1, 2, 3 ... in the stream
    epoch       integer NOT NULL,          -- its author's
    id          uuid NOT NULL,
    stream      text COLLATE "C" NOT NULL,
    type        text COLLATE "C" NOT NULL,
    source      text COLLATE "C" NOT NULL, -- its author
    entry       bytea NOT NULL,            -- the exact bytes; never serialised again
    leaf        bytea NOT NULL CHECK (octet_length(leaf) = 32), -- SHA-256(0x00 || entry)
    CONSTRAINT event_id UNIQUE (id),
    CONSTRAINT event_stream_version UNIQUE (stream, version)
) WITH (
    -- Only inserts: vacuum after 2 % more rows, to keep the visibility map (index-only scans) and
    -- to freeze rows while their pages are still in memory.
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_freeze_min_age = 0
);

COMMENT ON TABLE log.event IS 'The log: every entry, own and received, in commit order';

-- What an author published: the log is its own inbox, so this is also what "received twice" means.
-- Numbers go on through epochs, hence their place before the epoch.
CREATE UNIQUE INDEX IF NOT EXISTS event_source_sequence ON log.event (source, sequence, epoch)
    WHERE sequence IS NOT NULL;

CREATE OR REPLACE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.event ENABLE ALWAYS TRIGGER event_is_append_only;

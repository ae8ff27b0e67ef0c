-- log.head: how far the log has come. One row, held by whoever appends until the commit is done.
--
-- That is what makes positions dense and readers safe: position n + 1 cannot become visible
-- before position n, and a transaction that is rolled back leaves no hole. A sequence would give
-- numbers in the order of asking, and a reader would pass over those that commit later.

CREATE SCHEMA IF NOT EXISTS log;

CREATE TABLE IF NOT EXISTS log.head (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    log         uuid NOT NULL,
    epoch       integer NOT NULL DEFAULT 1,
    position    bigint NOT NULL DEFAULT 0,
    sequence    bigint NOT NULL DEFAULT 0,
    leaf        bytea NOT NULL DEFAULT '', -- of the last entry, and so of no other log's
    recorded_at timestamptz                -- of the last entry
) WITH (fillfactor = 50); -- room for each new version of the row on the same page

COMMENT ON TABLE log.head IS 'How far the log has come; one row, held by an append until it commits';

-- Refuses what would change history. ENABLE ALWAYS: not even a session that plays a replica
-- (session_replication_role) gets past it. A superuser can drop it; that is found out by others.
CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of log.% is refused: the log is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- A function and not a WHEN: that would be parsed anew for each append, and so would CHECKs.
CREATE OR REPLACE FUNCTION log.refuse_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.log <> OLD.log OR NEW.epoch < OLD.epoch OR NEW.position < OLD.position
        OR NEW.sequence < OLD.sequence OR NEW.sequence > NEW.position
        OR NEW.recorded_at < OLD.recorded_at
    THEN
        RAISE EXCEPTION 'the head of a log never goes back' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON log.head
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE OR REPLACE TRIGGER head_never_goes_back BEFORE UPDATE ON log.head
    FOR EACH ROW EXECUTE FUNCTION log.refuse_going_back();
ALTER TABLE log.head ENABLE ALWAYS TRIGGER head_stays;
ALTER TABLE log.head ENABLE ALWAYS TRIGGER head_never_goes_back;

-- log.epoch: where each epoch but the first begins. A restored log begins another one.
-- depends: log-0009-admit
--
-- Numbers of published events go on through epochs: those behind `after` are of this epoch, until
-- the next one. What an earlier epoch said under such a number was lost with the database.

CREATE TABLE IF NOT EXISTS log.epoch (
    epoch integer PRIMARY KEY CHECK (epoch > 1),
    after bigint NOT NULL CHECK (after >= 0)
);

COMMENT ON TABLE log.epoch IS 'Behind which published number each epoch but the first begins';

CREATE OR REPLACE TRIGGER epoch_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.epoch
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.epoch ENABLE ALWAYS TRIGGER epoch_is_append_only;

-- Begins an epoch, in the transaction of the append that is its first. Like log.append it refuses
-- (LG001) if the log is not at the tip assumed, and under the same lock, held until the commit.
CREATE OR REPLACE FUNCTION log.begin_epoch(
    p_log uuid, p_epoch integer, p_position bigint, p_leaf bytea, -- the tip assumed
    p_next integer                                                -- the epoch to begin
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7225121);
    UPDATE log.head SET epoch = p_next
    WHERE log = p_log AND epoch = p_epoch AND position = p_position AND leaf = p_leaf
        AND epoch < p_next;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the head is another one'
            USING ERRCODE = 'LG001', DETAIL = (SELECT row_to_json(h) FROM log.head AS h);
    END IF;
    INSERT INTO log.epoch (epoch, after) SELECT p_next, sequence FROM log.head;
    -- Counters come back from the streams, with room for the numbers that were lost.
    DELETE FROM log.counter;
END
$$;

-- As before, and in a log that was restored: leaves out the numbers that may have been given out
-- and are lost with what they named. Nobody can tell how many; see LOST_NUMBERS_MAX in port.py. Once
-- for each restore: what was named after the first may be lost by the second.
CREATE OR REPLACE FUNCTION log.next_number(p_prefix text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    n bigint;
BEGIN
    UPDATE log.counter SET last = last + 1 WHERE prefix = p_prefix RETURNING last INTO n;
    IF FOUND THEN
        RETURN n;
    END IF;
    INSERT INTO log.counter (prefix, last)
    SELECT p_prefix, coalesce(max(number::bigint), 0)
        + (SELECT (epoch - 1) * 100000 FROM log.head)
    FROM log.event, substr(stream, length(p_prefix) + 2) AS number
    WHERE version = 1
      AND stream > p_prefix || '-' AND stream < p_prefix || '.' -- '.' follows '-' in "C"
      AND number ~ '^[0-9]{1,18}$'
    ON CONFLICT (prefix) DO NOTHING;
    UPDATE log.counter SET last = last + 1 WHERE prefix = p_prefix RETURNING last INTO n;
    RETURN n;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;

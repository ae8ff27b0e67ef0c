-- log.counter: the last number given out for the streams <prefix>-<n>. It may be lost: it is made
-- anew from the streams that exist.
-- depends: log-0003-key

CREATE TABLE IF NOT EXISTS log.counter (
    prefix text COLLATE "C" PRIMARY KEY,
    last   bigint NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE log.counter IS 'Last number given out for each prefix; can be rebuilt from log.event';

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
    FROM log.event, substr(stream, length(p_prefix) + 2) AS number
    WHERE version = 1
      AND stream > p_prefix || '-' AND stream < p_prefix || '.' -- '.' follows '-' in "C"
      AND number ~ '^[0-9]{1,18}$'
    ON CONFLICT (prefix) DO NOTHING;
    UPDATE log.counter SET last = last + 1 WHERE prefix = p_prefix RETURNING last INTO n;
    RETURN n;
END
$$;

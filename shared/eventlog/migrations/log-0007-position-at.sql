-- log.position_at(moment): the last position recorded at or before a moment, 0 if there is none.
-- depends: log-0006-append
--
-- recorded_at never decreases along positions, so the primary key is searched by halves: some 30
-- probes in a billion entries, and no index of its own.

CREATE OR REPLACE FUNCTION log.position_at(p_moment timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    low    bigint := 0; -- recorded at or before the moment, or 0
    high   bigint;      -- recorded after it, or past the end
    middle bigint;
BEGIN
    SELECT position + 1 INTO high FROM log.head;
    WHILE coalesce(high, 1) - low > 1 LOOP
        middle := (low + high) / 2;
        IF (SELECT recorded_at <= p_moment FROM log.event WHERE position = middle) THEN
            low := middle;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- log.open(): the head; gives the log its identity on first use.
-- depends: log-0004-counter

CREATE OR REPLACE FUNCTION log.open() RETURNS log.head
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_head log.head;
BEGIN
    INSERT INTO log.head (log) VALUES (gen_random_uuid()) ON CONFLICT (one) DO NOTHING;
    SELECT * INTO STRICT found_head FROM log.head;
    RETURN found_head;
END
$$;

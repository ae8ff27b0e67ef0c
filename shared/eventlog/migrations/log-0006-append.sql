-- log.append(...): commits one group of entries. The only way into log.event.
-- depends: log-0005-open
--
-- The caller made the entries for the tip it assumes; if the log is elsewhere, nothing is written.
-- Row n of the arrays gets position p_position + n. Where p_sources and p_epochs are shorter, the
-- rest is as their first.
--
--   LG001  the log is elsewhere; DETAIL: the row of log.head as JSON
--   LG002  rows are refused; DETAIL: {"streams": [n...], "ids": [n...], "sequences": [n...]},
--          the rows whose (stream, version), id or (source, epoch, sequence) the log has already;
--          "unproven" and "keys": those elements that are refused, a key with its holder's value

CREATE OR REPLACE FUNCTION log.append(
    p_log uuid, p_epoch integer, p_position bigint, p_leaf bytea, -- the tip assumed
    p_sequence bigint, p_recorded_at timestamptz,                 -- of the tip it becomes
    p_streams text[], p_versions integer[], p_ids uuid[], p_types text[], p_sources text[],
    p_epochs integer[], p_sequences bigint[], p_entries bytea[],
    p_leaves bytea,  -- 32 bytes for each row
    p_unproven json, -- [[request, stream, version]...] that must be in the log, or null
    p_keys json      -- [[request, scope, key, value]...] to take, or null
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused json;
BEGIN
    -- First of all the lock, held until the commit: a group behind another one waits here, and then
    -- sees the new head. (Without it, an UPDATE would compare with the old one and not wait. Locking
    -- the row costs more than this, as it writes.)
    PERFORM pg_advisory_xact_lock(7225121);
    -- The position alone is not enough: another process may have appended as many entries as the
    -- group that this one was to follow.
    UPDATE log.head
    SET position = p_position + cardinality(p_ids), sequence = p_sequence,
        leaf = substring(p_leaves FROM octet_length(p_leaves) - 31), recorded_at = p_recorded_at
    WHERE log = p_log AND epoch = p_epoch AND position = p_position AND leaf = p_leaf;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the head is another one'
            USING ERRCODE = 'LG001', DETAIL = (SELECT row_to_json(h) FROM log.head AS h);
    END IF;

    IF p_unproven IS NOT NULL THEN
        SELECT json_build_object('unproven', json_agg(u)) INTO refused
        FROM json_array_elements(p_unproven) AS u
        WHERE NOT EXISTS (
            SELECT FROM log.event AS e
            WHERE e.stream = u ->> 1 AND e.version = (u ->> 2)::integer
        )
        HAVING count(*) > 0;
        IF FOUND THEN
            RAISE EXCEPTION 'refused' USING ERRCODE = 'LG002', DETAIL = refused;
        END IF;
    END IF;

    BEGIN
        INSERT INTO log.event (position, sequence, recorded_at, version, epoch, id, stream, type,
                               source, entry, leaf)
        SELECT p_position + n, sequence, p_recorded_at, version, coalesce(epoch, p_epochs[1]), id,
               stream, type, coalesce(source, p_sources[1]), entry,
               substring(p_leaves FROM 32 * n::integer - 31 FOR 32)
        FROM unnest(p_streams, p_versions, p_ids, p_types, p_sources, p_epochs, p_sequences,
                    p_entries)
            WITH ORDINALITY AS g (stream, version, id, type, source, epoch, sequence, entry, n);
        IF p_keys IS NOT NULL THEN
            INSERT INTO log.key (scope, key, value, taken_at)
            SELECT k ->> 1, k ->> 2, k ->> 3, p_recorded_at
            FROM json_array_elements(p_keys) AS k
            ORDER BY k ->> 1, k ->> 2; -- like log.keep: two at once lock in the same order
        END IF;
    EXCEPTION WHEN unique_violation THEN
        WITH given AS (
            SELECT stream, version, id, coalesce(source, p_sources[1]) AS source,
                   coalesce(epoch, p_epochs[1]) AS epoch, sequence, n
            FROM unnest(p_streams, p_versions, p_ids, p_sources, p_epochs, p_sequences)
                WITH ORDINALITY AS g (stream, version, id, source, epoch, sequence, n)
        )
        SELECT json_build_object(
            'streams', (SELECT json_agg(n) FROM given JOIN log.event USING (stream, version)),
            'ids', (SELECT json_agg(n) FROM given JOIN log.event USING (id)),
            'sequences', (
                SELECT json_agg(n) FROM given AS g JOIN log.event AS e
                USING (source, epoch, sequence) WHERE g.id <> e.id),
            'keys', (
                SELECT json_agg(json_build_array(k -> 0, held.scope, held.key, held.value))
                FROM json_array_elements(p_keys) AS asked (k)
                JOIN log.key AS held ON held.scope = k ->> 1 AND held.key = k ->> 2))
        INTO refused;
        RAISE EXCEPTION 'refused' USING ERRCODE = 'LG002', DETAIL = refused;
    END;
END
$$;

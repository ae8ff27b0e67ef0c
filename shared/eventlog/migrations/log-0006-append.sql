-- log.append(...): commits one group of entries. The only way into log.event.
-- depends: log-0005-open
--
-- The caller made the entries for the head it assumes; if the log is elsewhere, nothing is written.
-- Row i of the arrays gets position p_position + i. p_requests says to which request of the group a
-- row belongs, so that a refusal can name the requests that are guilty.
--
--   LG001  the head is another one; DETAIL: the row of log.head as JSON
--   LG002  requests are refused; DETAIL: {"conflicts": [[request, stream]...],
--          "ids": [[request, id]...], "sequences": [[request, source, epoch, sequence]...],
--          "keys": [[request, scope, key, value of the holder]...]}

CREATE OR REPLACE FUNCTION log.append(
    p_log uuid, p_epoch integer, p_position bigint, p_leaf bytea, -- the tip assumed
    p_sequence bigint, p_recorded_at timestamptz,                 -- of the one it becomes
    p_requests integer[], p_streams text[], p_versions integer[], p_ids uuid[], p_types text[],
    p_sources text[], p_epochs integer[], p_sequences bigint[], p_entries bytea[], p_leaves bytea[],
    -- versions that must exist: the caller has not seen them itself
    p_unproven_requests integer[], p_unproven_streams text[], p_unproven_versions integer[],
    p_key_requests integer[], p_key_scopes text[], p_keys text[], p_key_values text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused json;
BEGIN
    -- First of all the lock: a group behind another one waits here, and then sees the new head. The
    -- last leaf is compared because the position is not enough: another process may have appended
    -- as many entries as the group that this one was to follow.
    UPDATE log.head
    SET position = p_position + cardinality(p_ids), sequence = p_sequence,
        leaf = p_leaves[cardinality(p_leaves)], recorded_at = p_recorded_at
    WHERE log = p_log AND epoch = p_epoch AND position = p_position AND leaf = p_leaf;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the head is another one' USING ERRCODE = 'LG001',
            DETAIL = (SELECT row_to_json(h) FROM log.head AS h);
    END IF;

    IF cardinality(p_unproven_streams) > 0 THEN
        SELECT json_build_object('conflicts', json_agg(json_build_array(request, stream)))
        INTO refused
        FROM unnest(p_unproven_requests, p_unproven_streams, p_unproven_versions)
            AS u (request, stream, version)
        WHERE NOT EXISTS (
            SELECT FROM log.event AS e WHERE e.stream = u.stream AND e.version = u.version
        )
        HAVING count(*) > 0;
        IF FOUND THEN
            RAISE EXCEPTION 'refused' USING ERRCODE = 'LG002', DETAIL = refused;
        END IF;
    END IF;

    BEGIN
        INSERT INTO log.event (position, sequence, recorded_at, version, epoch, id, stream, type,
                               source, entry, leaf)
        SELECT p_position + n, sequence, p_recorded_at, version, epoch, id, stream, type, source,
               entry, leaf
        FROM unnest(p_streams, p_versions, p_ids, p_types, p_sources, p_epochs, p_sequences,
                    p_entries, p_leaves)
            WITH ORDINALITY AS g (stream, version, id, type, source, epoch, sequence, entry, leaf, n);
        IF cardinality(p_keys) > 0 THEN
            INSERT INTO log.key (scope, key, value, taken_at)
            SELECT scope, key, value, p_recorded_at
            FROM unnest(p_key_scopes, p_keys, p_key_values) AS k (scope, key, value)
            ORDER BY scope, key;
        END IF;
    EXCEPTION WHEN unique_violation THEN
        WITH given AS (
            SELECT * FROM unnest(p_requests, p_streams, p_versions, p_ids, p_sources, p_epochs,
                                 p_sequences)
                AS g (request, stream, version, id, source, epoch, sequence)
        )
        SELECT json_build_object(
            'conflicts', (
                SELECT json_agg(json_build_array(g.request, g.stream))
                FROM given AS g JOIN log.event AS e USING (stream, version)),
            'ids', (
                SELECT json_agg(json_build_array(g.request, g.id))
                FROM given AS g JOIN log.event AS e USING (id)),
            'sequences', (
                SELECT json_agg(json_build_array(g.request, g.source, g.epoch, g.sequence))
                FROM given AS g JOIN log.event AS e USING (source, epoch, sequence)
                WHERE g.id <> e.id),
            'keys', (
                SELECT json_agg(json_build_array(g.request, k.scope, k.key, k.value))
                FROM unnest(p_key_requests, p_key_scopes, p_keys) AS g (request, scope, key)
                JOIN log.key AS k USING (scope, key)))
        INTO refused;
        RAISE EXCEPTION 'refused' USING ERRCODE = 'LG002', DETAIL = refused;
    END;
END
$$;

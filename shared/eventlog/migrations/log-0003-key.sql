-- log.key: names that one append alone may take, written in the transaction of its entries.
-- depends: log-0002-event

CREATE TABLE IF NOT EXISTS log.key (
    scope    text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    value    text NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);

COMMENT ON TABLE log.key IS 'Names that only one append may take: idempotency, uniqueness';

CREATE INDEX IF NOT EXISTS key_age ON log.key (scope, taken_at);

-- Takes keys without an entry; one that is taken stays as it is.
CREATE OR REPLACE FUNCTION log.keep(p_scopes text[], p_keys text[], p_values text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO log.key (scope, key, value, taken_at)
    SELECT scope, key, value, clock_timestamp()
    FROM unnest(p_scopes, p_keys, p_values) AS given (scope, key, value)
    ORDER BY scope, key -- two at once lock in the same order
    ON CONFLICT (scope, key) DO NOTHING
$$;

-- Frees at most p_limit keys taken before a moment; how many.
CREATE OR REPLACE FUNCTION log.forget(p_scope text, p_before timestamptz, p_limit integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT scope, key FROM log.key
        WHERE scope = p_scope AND taken_at < p_before
        ORDER BY taken_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), freed AS (
        DELETE FROM log.key USING old
        WHERE log.key.scope = old.scope AND log.key.key = old.key RETURNING 1
    )
    SELECT count(*) FROM freed
$$;

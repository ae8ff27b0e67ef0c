-- log.admit(role): lets a service's role read the log, append to it by the functions, and keep its
-- projections. Nobody else may do anything.
-- depends: log-0008-projection

CREATE OR REPLACE FUNCTION log.admit(p_role name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA log TO %I', p_role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA log TO %I', p_role);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA log TO %I', p_role);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION log.admit(name) FROM %I', p_role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON log.projection TO %I', p_role);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;

-- log.projection: the generations of each read model and how far each has read.
-- depends: log-0007-position-at
--
-- The tables of a generation lie in a schema of their own, <name>_<generation>, made by the service
-- itself. All of it can be deleted: it comes back from the log.

CREATE TABLE IF NOT EXISTS log.projection (
    name       text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,40}$'),
    generation integer NOT NULL CHECK (generation > 0),
    version    integer NOT NULL,              -- of the code that fills it
    position   bigint NOT NULL DEFAULT 0,     -- read so far; written with the rows that follow from it
    live       boolean NOT NULL DEFAULT false, -- readers use this one
    made_at    timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,                   -- when another one became live in its place
    PRIMARY KEY (name, generation)
) WITH (fillfactor = 50);

CREATE UNIQUE INDEX IF NOT EXISTS projection_live ON log.projection (name) WHERE live;

COMMENT ON TABLE log.projection IS 'Generations of the read models and their checkpoints';

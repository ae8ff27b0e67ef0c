-- The read model of boards: engineering issues, cases, teams, and each team's queue.
--
-- A generation's tables lie in a schema of their own, first on the search path. All of it can be
-- deleted: it comes back from the log. Filters and orders are columns, all else is in the state.

CREATE TABLE issue (
    begun      bigint PRIMARY KEY,              -- position of its first event; lists are in this order
    key        text NOT NULL UNIQUE,
    team       text NOT NULL,
    status     text NOT NULL,
    ops_issues text[] NOT NULL,                 -- those it serves
    state      bytea NOT NULL,                  -- the folded issue, as JSON
    version    bigint NOT NULL,                 -- of its stream
    position   bigint NOT NULL                  -- of its last event
) WITH (fillfactor = 80);

CREATE INDEX issue_team ON issue (team, begun);
CREATE INDEX issue_status ON issue (status, begun);
CREATE INDEX issue_ops_issues ON issue USING gin (ops_issues);

CREATE TABLE ops_issue (
    key      text PRIMARY KEY,
    begun    bigint NOT NULL,                   -- position of its first event here
    state    bytea NOT NULL,                    -- the folded case without its long texts, as JSON
    version  bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 80);

-- "Customer Support tickets - [Team]": open ops issues that the team is asked to look at and has
-- neither claimed nor rejected, then those it owns.
CREATE TABLE queued (
    team      text NOT NULL,
    ops_issue text NOT NULL,
    owned     boolean NOT NULL,
    severity  text NOT NULL,
    opened_at timestamptz NOT NULL,
    begun     bigint NOT NULL,                  -- of the ops issue: it breaks ties
    PRIMARY KEY (ops_issue, team)
);

CREATE UNIQUE INDEX queued_in_order ON queued (team, owned, severity, opened_at, begun);

CREATE TABLE team (
    key      text PRIMARY KEY,
    state    bytea NOT NULL,                    -- the team, as JSON
    version  bigint NOT NULL,
    position bigint NOT NULL
);

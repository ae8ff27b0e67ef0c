-- The read model of teams, as Engineering defined them last.

CREATE TABLE team (
    key   text PRIMARY KEY,
    state bytea NOT NULL                        -- the folded team, as JSON
);

-- The read model of issues: one row for each, and one for each comment that can be searched.
--
-- A generation's tables lie in a schema of their own, first on the search path. All of it can be
-- deleted: it comes back from the log. Filters are columns, all else is in the encoded state.

-- English word stems, and no stop words: "down", "off" and "not" are what customers write about.
CREATE TEXT SEARCH DICTIONARY stems (TEMPLATE = snowball, LANGUAGE = english);
CREATE TEXT SEARCH CONFIGURATION searched (COPY = english);
ALTER TEXT SEARCH CONFIGURATION searched
    ALTER MAPPING FOR asciiword, asciihword, hword_asciipart, word, hword, hword_part WITH stems;

CREATE TABLE issue (
    number          bigint PRIMARY KEY,         -- 17 of OPS-17; lists are in this order
    status          text NOT NULL,
    is_open         boolean NOT NULL,
    acknowledged    boolean NOT NULL,
    awaits_customer boolean NOT NULL,
    severity        text NOT NULL,
    assignee        text,
    source_case     text,                       -- <system>:<number>
    teams           text[] NOT NULL,            -- Team(s)
    state           bytea NOT NULL,             -- the folded issue, as JSON
    version         bigint NOT NULL,            -- of its stream
    position        bigint NOT NULL,            -- of its last event
    opened_position bigint NOT NULL,            -- of its first
    words           tsvector                    -- of summary and description
) WITH (fillfactor = 80);

CREATE INDEX issue_status ON issue (status, number);
CREATE INDEX issue_severity ON issue (severity, number);
CREATE INDEX issue_assignee ON issue (assignee, number) WHERE assignee IS NOT NULL;
CREATE INDEX issue_source_case ON issue (source_case, number) WHERE source_case IS NOT NULL;
CREATE INDEX issue_unacknowledged ON issue (number) WHERE is_open AND NOT acknowledged;
CREATE INDEX issue_awaits_customer ON issue (number) WHERE awaits_customer;
CREATE INDEX issue_teams ON issue USING gin (teams);
CREATE INDEX issue_words ON issue USING gin (words);

CREATE TABLE comment (
    position bigint PRIMARY KEY,                -- of the event that made it
    number   bigint NOT NULL,                   -- of its issue
    words    tsvector NOT NULL
);

CREATE INDEX comment_number ON comment (number);
CREATE INDEX comment_words ON comment USING gin (words);

-- Version 1. Columns `AS (…)` are read out of the hashed JSON, so that they cannot say anything else than it does.
CREATE TABLE meta (version INTEGER NOT NULL) STRICT;
INSERT INTO meta (version) VALUES (1);

CREATE TABLE runs (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    started     TEXT NOT NULL,
    body        TEXT NOT NULL,
    previous    TEXT NOT NULL,
    hash        TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'running',
    ended       TEXT,
    outcome     TEXT,
    exit_code   INTEGER,
    entries     INTEGER,
    head        TEXT,
    playbook    TEXT AS (json_extract(body, '$.playbook')),
    title       TEXT AS (json_extract(body, '$.title')),
    environment TEXT AS (json_extract(body, '$.environment')),
    person      TEXT AS (json_extract(body, '$.person')),
    script_hash TEXT AS (json_extract(body, '$.script')),
    parameters  TEXT AS (json_extract(body, '$.parameters')),
    kind        TEXT AS (json_extract(body, '$.kind')),
    parent_run  TEXT AS (json_extract(body, '$.parent')),
    lock_name   TEXT AS (json_extract(body, '$.lock'))
) STRICT;

-- One key, so that an append touches one page: the run's number in the upper half, the entry's number in the lower.
-- `inverse` is the call that takes an effect back. It holds old values, so it stands beside what people read, and the
-- hash covers it through its own hash in `body`.
CREATE TABLE entries (
    id       INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    body     TEXT NOT NULL,
    hash     TEXT NOT NULL,
    inverse  TEXT,
    run      INTEGER AS (id >> 32),
    seq      INTEGER AS (id & 4294967295),
    word     TEXT AS (CASE WHEN json_valid(body) THEN json_extract(body, '$.event') END),
    position TEXT AS (CASE WHEN json_valid(body) THEN json_extract(body, '$.position') END)
) STRICT;

-- Playbooks and modules as they ran, by SHA-256 of their text.
CREATE TABLE scripts (
    hash TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- Room for what comes next: people deciding at a gate, and leases on an environment.
CREATE TABLE approvals (
    run       TEXT NOT NULL,
    gate      TEXT NOT NULL,
    person    TEXT NOT NULL,
    decision  TEXT NOT NULL,
    comment   TEXT,
    signature TEXT,
    at        TEXT NOT NULL,
    PRIMARY KEY (run, gate, person)
) WITHOUT ROWID, STRICT;

CREATE TABLE locks (
    name        TEXT NOT NULL,
    environment TEXT NOT NULL,
    run         TEXT NOT NULL,
    person      TEXT NOT NULL,
    holder      TEXT NOT NULL,
    step        TEXT,
    taken       TEXT NOT NULL,
    heartbeat   TEXT NOT NULL,
    expires     TEXT NOT NULL,
    PRIMARY KEY (name, environment)
) WITHOUT ROWID, STRICT;

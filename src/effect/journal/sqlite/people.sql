-- Version 3. A lease knows when its run should be over; a decision at a gate is bound to what was decided on.
ALTER TABLE locks ADD COLUMN expected TEXT;
ALTER TABLE runs ADD COLUMN planned TEXT AS (json_extract(body, '$.plan'));

DROP TABLE approvals;
CREATE TABLE approvals (
    run       TEXT NOT NULL,
    gate      TEXT NOT NULL,
    name      TEXT NOT NULL,
    binding   TEXT NOT NULL,
    person    TEXT NOT NULL,
    login     TEXT NOT NULL,
    decision  TEXT NOT NULL,
    comment   TEXT NOT NULL,
    at        TEXT NOT NULL,
    key       TEXT,
    signature TEXT,
    PRIMARY KEY (run, gate, binding, person)
) WITHOUT ROWID, STRICT;

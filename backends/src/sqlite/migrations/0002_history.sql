-- What registrations were before: a row is copied here when it is written over or deleted. What a process of version
-- 0001 writes over is not, so that there may be gaps.

CREATE TABLE history (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    -- The revision that replaced it, and when. A deletion replaces itself.
    replaced_by INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL,
    -- As in registrations; all of them NULL for a deletion.
    version INTEGER,
    status TEXT,
    created_at INTEGER,
    updated_at INTEGER,
    metadata TEXT,
    config TEXT,
    PRIMARY KEY (collection, id, revision)
) STRICT;

CREATE INDEX history_replaced ON history (collection, replaced_by);

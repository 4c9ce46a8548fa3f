-- Migrations only ever add: a process of an older version keeps working on the newer schema.
-- Times are microseconds since 1970, UTC. JSON is text with sorted keys.

CREATE TABLE collections (
    name TEXT NOT NULL PRIMARY KEY,
    -- The newest revision. Stays when every row and the whole log are gone.
    head INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What may be long comes last, so that reading the short columns of a row does not read all of it.
CREATE TABLE registrations (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_accessed_at INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    config TEXT NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT;

-- The log. Its revisions are contiguous up to the head; the table is its own index.
CREATE TABLE changes (
    collection TEXT NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (collection, revision)
) STRICT, WITHOUT ROWID;

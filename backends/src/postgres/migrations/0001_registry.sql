-- Migrations only ever add: a node of an older version keeps working on the newer tables.
-- What stands in braces is filled in with names made from the `table` of the URL.

CREATE TABLE {collections} (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The newest revision. Stays when every row and the whole log are gone. Who writes locks this row first, so
    -- that revisions become visible in their order.
    head BIGINT NOT NULL,
    -- The newest revision that the log no longer tells. From the one after it to the head it tells every one.
    forgotten BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE {registrations} (
    collection TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    version BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    last_accessed_at TIMESTAMPTZ NOT NULL,
    -- JSON and not JSONB: it keeps what was written to the last character.
    metadata JSON NOT NULL,
    config JSON NOT NULL,
    -- The metadata in the form in which containment means what a filter means.
    search JSONB NOT NULL,
    PRIMARY KEY (collection, id)
) WITH (fillfactor = 80);

CREATE INDEX {search} ON {registrations} USING gin (search jsonb_path_ops);

CREATE TABLE {changes} (
    collection TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (collection, revision)
);

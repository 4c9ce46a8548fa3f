-- What registrations were before: a row is copied here when it is written over or deleted. What a node of version 0001
-- writes over is not, so that there may be gaps.

CREATE TABLE {history} (
    collection TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    -- The revision that replaced it, and when. A deletion replaces itself.
    replaced_by BIGINT NOT NULL,
    replaced_at TIMESTAMPTZ NOT NULL,
    -- As in the registrations; all of them NULL for a deletion.
    version BIGINT,
    status TEXT COLLATE "C",
    created_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ,
    metadata JSON,
    config JSON,
    PRIMARY KEY (collection, id, revision)
);

CREATE INDEX {replaced} ON {history} (collection, replaced_by);

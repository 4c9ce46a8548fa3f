//! Every statement on the tables but listings, which depend on the query, and the one that begins a transaction,
//! which depends on the collections.

use super::tables::TableName;
use sqlx::SqlStr;

/// The statements, with the names of the tables filled in.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) get: SqlStr,
    pub(super) head: SqlStr,
    pub(super) heads: SqlStr,
    pub(super) changes: SqlStr,
    pub(super) oldest_since: SqlStr,
    pub(super) history: SqlStr,
    pub(super) replaced: SqlStr,
    pub(super) surplus: SqlStr,
    pub(super) found: SqlStr,
    pub(super) write: SqlStr,
    pub(super) touch: SqlStr,
    pub(super) forget: SqlStr,
    pub(super) forget_past: SqlStr,
    pub(super) new_collections: SqlStr,
}

impl Statements {
    pub(super) fn new(tables: &TableName) -> Self {
        Self {
            get: tables.sql(GET),
            head: tables.sql(HEAD),
            heads: tables.sql(HEADS),
            changes: tables.sql(CHANGES),
            oldest_since: tables.sql(OLDEST_SINCE),
            history: tables.sql(HISTORY),
            replaced: tables.sql(REPLACED),
            surplus: tables.sql(SURPLUS),
            found: tables.sql(FOUND),
            write: tables.sql(WRITE),
            touch: tables.sql(TOUCH),
            forget: tables.sql(FORGET),
            forget_past: tables.sql(FORGET_PAST),
            new_collections: tables.sql(NEW_COLLECTIONS),
        }
    }
}

/// What `row::registration` reads.
macro_rules! columns {
    () => {
        "id, revision, version, status, created_at, updated_at, last_accessed_at, metadata::text, config::text"
    };
}
pub(super) use columns;

const GET: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM {registrations} WHERE collection = $1 AND id = $2"
);

const HEAD: &str = "SELECT head, forgotten FROM {collections} WHERE name = $1";

const HEADS: &str = "\
    SELECT id, revision FROM {registrations}
    WHERE collection = $1 AND id > $2 ORDER BY id LIMIT $3";

/// Head, what is forgotten, and the entries after a revision, as one statement and so as one moment. Without entries
/// it is one row of NULLs beside the head.
const CHANGES: &str = "\
    SELECT head, forgotten, later.revision, later.id, later.kind, later.at
    FROM {collections}
    LEFT JOIN LATERAL (
        SELECT revision, id, kind, at FROM {changes}
        WHERE collection = $1 AND revision > $2 AND $2 BETWEEN forgotten AND head - 1
        ORDER BY revision LIMIT $3
    ) AS later ON true
    WHERE name = $1
    ORDER BY later.revision";

/// The oldest entry of the log that is not too old.
const OLDEST_SINCE: &str = "\
    SELECT revision FROM {changes}
    WHERE collection = $1 AND at >= $2 ORDER BY revision LIMIT 1";

/// The writes of an id before a revision. What stands may have been written by a node that knows no history.
const HISTORY: &str = "\
    SELECT id, revision, version, status, created_at, updated_at, updated_at AS last_accessed_at,
           metadata::text, config::text, replaced_at
    FROM (
        SELECT id, revision, version, status, created_at, updated_at, metadata, config, NULL AS replaced_at
        FROM {registrations} WHERE collection = $1 AND id = $2 AND revision < $3
        UNION ALL (
            SELECT id, revision, version, status, created_at, updated_at, metadata, config, replaced_at
            FROM {history} WHERE collection = $1 AND id = $2 AND revision < $3
            ORDER BY revision DESC LIMIT $4
        )
    ) AS told
    ORDER BY revision DESC LIMIT $4";

/// The versions that were replaced after a revision, in the order in which they were.
const REPLACED: &str = "\
    SELECT id, revision, replaced_by, replaced_at FROM {history}
    WHERE collection = $1 AND replaced_by > $2 ORDER BY replaced_by LIMIT $3";

/// The versions of some ids from the first one that has so many newer ones.
const SURPLUS: &str = "\
    SELECT past.id, past.revision
    FROM unnest($2::text[]) AS given(id)
    CROSS JOIN LATERAL (
        SELECT revision FROM {history} WHERE collection = $1 AND id = given.id
        ORDER BY revision DESC LIMIT 1 OFFSET $3
    ) AS first
    JOIN {history} AS past
        ON past.collection = $1 AND past.id = given.id AND past.revision <= first.revision
    LIMIT $4";

/// What is stored of some ids.
const FOUND: &str = "\
    SELECT id, revision, version, status, created_at, updated_at, last_accessed_at, metadata::text
    FROM {registrations} WHERE collection = $1 AND id = ANY($2)";

/// Everything that a transaction makes of one collection. One statement, since each way to the server and back
/// costs as much as its work; its parts change different rows, and each reads what was there before all of them.
const WRITE: &str = "\
    WITH written AS (
        INSERT INTO {registrations} (collection, id, revision, version, status, created_at, updated_at,
                                     last_accessed_at, metadata, config, search)
        SELECT $1, id, revision, version, status, created_at, updated_at, last_accessed_at,
               metadata::json, config::json, search::jsonb
        FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                    $8::timestamptz[], $9::text[], $10::text[], $11::text[])
            AS given(id, revision, version, status, created_at, updated_at, last_accessed_at,
                     metadata, config, search)
        ON CONFLICT (collection, id) DO UPDATE SET
            revision = excluded.revision, version = excluded.version, status = excluded.status,
            created_at = excluded.created_at, updated_at = excluded.updated_at,
            last_accessed_at = excluded.last_accessed_at, metadata = excluded.metadata,
            config = excluded.config, search = excluded.search
    ), deleted AS (
        DELETE FROM {registrations} WHERE collection = $1 AND id = ANY($12)
    ), told AS (
        INSERT INTO {changes} (collection, revision, id, kind, at)
        SELECT $1, given.* FROM unnest($13::bigint[], $14::text[], $15::text[], $16::timestamptz[]) AS given
    ), replaced AS (
        INSERT INTO {history} (collection, id, revision, replaced_by, replaced_at, version, status, created_at,
                               updated_at, metadata, config)
        SELECT $1, id, revision, given.by, given.at, version, status, created_at, updated_at, metadata, config
        FROM unnest($20::text[], $21::bigint[], $22::timestamptz[]) AS given(stored_id, by, at)
        JOIN {registrations} ON collection = $1 AND id = stored_id
    ), passed AS (
        INSERT INTO {history} (collection, id, revision, replaced_by, replaced_at, version, status, created_at,
                               updated_at, metadata, config)
        SELECT $1, id, revision, by, at, version, status, created_at, updated_at, metadata::json, config::json
        FROM unnest($23::text[], $24::bigint[], $25::bigint[], $26::timestamptz[], $27::bigint[], $28::text[],
                    $29::timestamptz[], $30::timestamptz[], $31::text[], $32::text[])
            AS given(id, revision, by, at, version, status, created_at, updated_at, metadata, config)
    ), counted AS (
        UPDATE {collections} SET head = $17 WHERE name = $1
    )
    SELECT pg_notify($18, $19)";

const TOUCH: &str = "\
    UPDATE {registrations} AS stored SET last_accessed_at = newest.at
    FROM (
        SELECT id, max(at) AS at FROM unnest($2::text[], $3::timestamptz[]) AS given(id, at) GROUP BY id
    ) AS newest
    WHERE collection = $1 AND stored.id = newest.id AND last_accessed_at < newest.at";

/// Forgets the log up to a revision.
const FORGET: &str = "\
    WITH deleted AS (
        DELETE FROM {changes} WHERE collection = $1 AND revision <= $2
    )
    UPDATE {collections} SET forgotten = $2 WHERE name = $1";

const FORGET_PAST: &str = "\
    DELETE FROM {history} AS past
    USING unnest($2::text[], $3::bigint[]) AS given(id, revision)
    WHERE past.collection = $1 AND past.id = given.id AND past.revision = given.revision";

const NEW_COLLECTIONS: &str = "\
    INSERT INTO {collections} (name, head, forgotten)
    SELECT name, 0, 0 FROM unnest($1::text[]) AS given(name)
    ORDER BY name
    ON CONFLICT (name) DO NOTHING";

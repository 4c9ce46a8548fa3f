-- What the nodes on these tables say of themselves, each process in a row of its own. Never read to decide anything, and
-- not worth a flush: a crash of the server empties the table, and the nodes fill it again.

CREATE UNLOGGED TABLE {nodes} (
    incarnation UUID NOT NULL PRIMARY KEY,
    report JSON NOT NULL
);

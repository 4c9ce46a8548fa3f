-- What the nodes on this file say of themselves, each process in a row of its own. Never read to decide anything.

CREATE TABLE nodes (
    incarnation TEXT NOT NULL PRIMARY KEY,
    report TEXT NOT NULL
) STRICT;

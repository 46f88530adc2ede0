-- Calls that were handed in as a batch and whose replies are not written down yet. Both are written before anything is sent, so
-- that whatever ends the program, the batch is found again by its name and nothing in it is asked for a second time.

CREATE TABLE batches (
    name          TEXT PRIMARY KEY, -- of the file that is sent, and in the batch's metadata
    created       REAL NOT NULL,    -- seconds since 1970
    writer        TEXT NOT NULL,    -- host:pid of who hands it in
    endpoint_name TEXT NOT NULL,
    endpoint      TEXT NOT NULL,
    judge         TEXT NOT NULL,
    mode          TEXT NOT NULL,
    parameters    TEXT NOT NULL CHECK (json_valid(parameters)),
    rubric        TEXT NOT NULL,
    rubric_sha256 TEXT NOT NULL,
    file          TEXT NOT NULL,    -- the other side's name of the file; empty: not known to be there; or that it was taken away
    batch         TEXT NOT NULL     -- the other side's name of the batch; empty: not known to be there
) STRICT;

CREATE TABLE handed_in (
    key         TEXT    PRIMARY KEY, -- of the verdict
    batch       TEXT    NOT NULL REFERENCES batches (name),
    instruction TEXT    NOT NULL,
    input       TEXT    NOT NULL,
    response    TEXT    NOT NULL,
    repeat      INTEGER NOT NULL,
    usual       REAL    NOT NULL,    -- dollars that it will cost by all that is known
    most        REAL    NOT NULL     -- dollars that it can cost at most
) STRICT;

CREATE INDEX handed_in_by_batch ON handed_in (batch);

-- Why a verdict that was wanted could not be had: told until it is bought.

CREATE TABLE failures (
    key     TEXT PRIMARY KEY, -- of the verdict
    created REAL NOT NULL,
    reason  TEXT NOT NULL
) STRICT;

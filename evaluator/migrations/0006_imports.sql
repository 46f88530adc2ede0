-- Verdicts that somebody else had bought: from which file they came. What is not here was bought from here.

CREATE TABLE imports (
    key     TEXT PRIMARY KEY,    -- of the verdict, in `verdicts`
    created REAL NOT NULL,       -- seconds since 1970; when it was brought in
    file    TEXT NOT NULL,
    sha256  TEXT NOT NULL        -- of the whole file
) STRICT;

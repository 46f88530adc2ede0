-- What people gave to answers, by content: an answer that comes up in two runs is rated once.

CREATE TABLE ratings (
    key           TEXT PRIMARY KEY, -- sha256 of rater, rubric and the three texts
    created       REAL NOT NULL,    -- seconds since 1970
    rater         TEXT NOT NULL,
    rubric        TEXT NOT NULL,
    rubric_sha256 TEXT NOT NULL,
    instruction   TEXT NOT NULL,
    input         TEXT NOT NULL,
    response      TEXT NOT NULL,
    scores        TEXT NOT NULL CHECK (json_valid(scores)) -- criterion → score
) STRICT;

CREATE INDEX ratings_by_rubric ON ratings (rubric_sha256);

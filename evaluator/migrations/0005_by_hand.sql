-- Scores that a person read in a judge's words where the reader could not. They stand beside the verdict, never in its place.

CREATE TABLE by_hand (
    key     TEXT PRIMARY KEY,    -- of the verdict, in `verdicts`
    created REAL NOT NULL,       -- seconds since 1970
    reader  TEXT NOT NULL,       -- who read it
    scores  TEXT NOT NULL CHECK (json_valid(scores)) -- criterion → score
) STRICT;

-- What was paid for: judges' replies word for word, and models' answers. Scores are read from the words each time.

CREATE TABLE verdicts (
    key               TEXT    PRIMARY KEY, -- sha256 of everything that decides the reply
    created           REAL    NOT NULL,    -- seconds since 1970
    judge             TEXT    NOT NULL,
    endpoint          TEXT    NOT NULL,
    settings          TEXT    NOT NULL CHECK (json_valid(settings)),
    rubric            TEXT    NOT NULL,
    rubric_sha256     TEXT    NOT NULL,
    instruction       TEXT    NOT NULL,
    input             TEXT    NOT NULL,
    response          TEXT    NOT NULL,
    repeat            INTEGER NOT NULL,
    text              TEXT    NOT NULL,
    finish_reason     TEXT    NOT NULL,
    refusal           TEXT    NOT NULL,
    model             TEXT    NOT NULL,    -- as the server named what answered
    fingerprint       TEXT    NOT NULL,
    prompt_tokens     INTEGER,
    completion_tokens INTEGER,
    cost              REAL                 -- dollars; NULL: the price was not known
) STRICT;

-- Calls that were sent and not answered yet, so that nobody sends them a second time.
CREATE TABLE under_way (
    key     TEXT PRIMARY KEY,
    writer  TEXT NOT NULL,                 -- host:pid
    started REAL NOT NULL
) STRICT;

CREATE TABLE answers (
    key               TEXT    PRIMARY KEY, -- sha256 of the system and the question
    created           REAL    NOT NULL,
    system            TEXT    NOT NULL,    -- the model as the user named it, or the name given to imported answers
    source            TEXT    NOT NULL CHECK (json_valid(source)), -- model, adapter, template, decoding; or the file
    response          TEXT    NOT NULL,
    finish_reason     TEXT    NOT NULL,
    prompt_sha256     TEXT    NOT NULL,
    completion_tokens INTEGER
) STRICT;

CREATE TABLE runs (
    id      INTEGER PRIMARY KEY,
    created REAL    NOT NULL,
    plan    TEXT    NOT NULL CHECK (json_valid(plan))
) STRICT;

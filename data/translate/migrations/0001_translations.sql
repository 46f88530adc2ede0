-- What was paid for: each text as it was sent, and what came back, word for word. Whether a translation is whole is read from it each time.

CREATE TABLE translations (
    key        TEXT    PRIMARY KEY, -- sha256 of the text and of everything that decides its translation
    created    REAL    NOT NULL,    -- seconds since 1970
    translator TEXT    NOT NULL,
    rules      TEXT    NOT NULL,    -- sha256 of how it was asked: languages, glossary, options, the masking's version
    source     TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    characters INTEGER NOT NULL     -- that were charged, or were to be
) STRICT;

CREATE INDEX translations_by_rules ON translations (rules, translator);

-- Texts that were sent and not answered yet, so that nobody sends them a second time.
CREATE TABLE under_way (
    key     TEXT PRIMARY KEY,
    writer  TEXT NOT NULL,          -- host:pid
    started REAL NOT NULL
) STRICT;

-- Conversations are trees: a message hangs under the one it follows, and regenerating or editing adds a sibling.

CREATE TABLE conversations (
    id      INTEGER PRIMARY KEY,
    title   TEXT    NOT NULL,
    created REAL    NOT NULL,              -- seconds since 1970
    updated REAL    NOT NULL,
    pinned  INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
) STRICT;

CREATE INDEX conversations_by_update ON conversations (updated);

CREATE TABLE messages (
    id                INTEGER PRIMARY KEY,
    conversation_id   INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id         INTEGER,
    role              TEXT    NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
    content           TEXT    NOT NULL,
    input             TEXT    NOT NULL DEFAULT '',
    created           REAL    NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('complete', 'cancelled', 'failed', 'streaming')),
    error             TEXT,
    writer            TEXT,                -- host:pid of the program that writes a streaming reply
    model             TEXT,
    adapter           TEXT,
    template          TEXT,
    parameters        TEXT    CHECK (parameters IS NULL OR json_valid(parameters)),
    prompt_sha256     TEXT,
    prompt_tokens     INTEGER,
    completion_tokens INTEGER,
    timings           TEXT    CHECK (timings IS NULL OR json_valid(timings)),
    UNIQUE (conversation_id, id),
    -- A parent belongs to the same conversation.
    FOREIGN KEY (conversation_id, parent_id) REFERENCES messages (conversation_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id);
CREATE INDEX streaming_messages ON messages (state) WHERE state = 'streaming';

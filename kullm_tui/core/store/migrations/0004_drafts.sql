-- What was begun in the prompt and not sent: one a conversation and program; without a conversation, for one that does not exist yet.

CREATE TABLE drafts (
    id              INTEGER PRIMARY KEY,
    conversation_id INTEGER REFERENCES conversations (id) ON DELETE CASCADE,
    text            TEXT NOT NULL,
    input           TEXT NOT NULL,
    edits           INTEGER REFERENCES messages (id) ON DELETE SET NULL,    -- the question that it is to take the place of
    writer          TEXT NOT NULL          -- host:pid of the program in whose prompt it stands
) STRICT;
CREATE INDEX drafts_by_conversation ON drafts (conversation_id);
CREATE INDEX drafts_by_question ON drafts (edits);

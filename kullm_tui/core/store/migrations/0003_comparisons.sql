-- Comparisons: columns of conversations that answer the same questions, and the votes on their replies.

CREATE TABLE comparisons (
    id      INTEGER PRIMARY KEY,
    title   TEXT    NOT NULL,
    created REAL    NOT NULL,              -- seconds since 1970
    blind   INTEGER NOT NULL CHECK (blind IN (0, 1)),
    deleted REAL                           -- when; it can be restored until it is purged
) STRICT;

-- A conversation that is a column stands in no list, search or export of conversations.
ALTER TABLE conversations ADD COLUMN comparison_id INTEGER REFERENCES comparisons (id) ON DELETE CASCADE;
CREATE INDEX conversations_of_comparison ON conversations (comparison_id, recency) WHERE comparison_id IS NOT NULL;
DROP INDEX conversations_listed;
CREATE INDEX conversations_listed
    ON conversations (pinned, recency, id, title, created, updated, leaf_id, model, adapter, deleted, comparison_id)
    WHERE deleted IS NULL AND comparison_id IS NULL;

CREATE TABLE comparison_columns (
    comparison_id   INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    place           INTEGER NOT NULL,      -- as shown, from the left; in a blind comparison the shuffle
    model           TEXT    NOT NULL,
    adapter         TEXT    NOT NULL,
    conversation_id INTEGER NOT NULL UNIQUE REFERENCES conversations (id) ON DELETE CASCADE,
    PRIMARY KEY (comparison_id, place)
) STRICT;

CREATE TABLE votes (
    id            INTEGER PRIMARY KEY,
    comparison_id INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    created       REAL    NOT NULL,
    blind         INTEGER NOT NULL CHECK (blind IN (0, 1)),    -- nobody had been told the names yet
    outcome       TEXT    NOT NULL CHECK (outcome IN ('best', 'tie', 'bad')),
    winner        INTEGER,                                     -- a place
    CHECK ((outcome = 'best') = (winner IS NOT NULL))
) STRICT;
CREATE INDEX votes_of_comparison ON votes (comparison_id);

CREATE TABLE vote_replies (
    vote_id  INTEGER NOT NULL REFERENCES votes (id) ON DELETE CASCADE,
    place    INTEGER NOT NULL,
    reply_id INTEGER REFERENCES messages (id) ON DELETE SET NULL,    -- none: this column had nothing to vote on
    PRIMARY KEY (vote_id, place)
) STRICT;
CREATE INDEX vote_replies_by_reply ON vote_replies (reply_id);

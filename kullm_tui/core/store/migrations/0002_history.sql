-- What a list of ten thousand conversations and a search in Korean need.

ALTER TABLE conversations ADD COLUMN key TEXT;          -- the conversation's name in exported files
ALTER TABLE conversations ADD COLUMN leaf_id INTEGER;   -- the branch that was looked at last
ALTER TABLE conversations ADD COLUMN model TEXT;        -- what answered there; a list of thousands has no time to look it up
ALTER TABLE conversations ADD COLUMN adapter TEXT;
ALTER TABLE conversations ADD COLUMN deleted REAL;      -- when; it can be restored until it is purged
-- What the list is ordered by: the time, but never going backwards when the clock does.
ALTER TABLE conversations ADD COLUMN recency REAL NOT NULL DEFAULT 0;

UPDATE conversations SET
    key = lower(hex(randomblob(16))),
    leaf_id = (SELECT max(id) FROM messages WHERE conversation_id = conversations.id),
    recency = updated;
UPDATE conversations SET
    model = (SELECT model FROM messages WHERE id = conversations.leaf_id),
    adapter = (SELECT adapter FROM messages WHERE id = conversations.leaf_id);

CREATE UNIQUE INDEX conversations_by_key ON conversations (key);
-- It holds all that the list shows: the rows themselves lie scattered among the messages.
CREATE INDEX conversations_listed
    ON conversations (pinned, recency, id, title, created, updated, leaf_id, model, adapter, deleted)
    WHERE deleted IS NULL;
CREATE INDEX conversations_by_newest ON conversations (recency);
DROP INDEX conversations_by_update;

CREATE TRIGGER conversation_gets_key AFTER INSERT ON conversations WHEN new.key IS NULL BEGIN
    UPDATE conversations SET key = lower(hex(randomblob(16))) WHERE id = new.id;
END;

-- Decomposed text, so that three letters of Hangul are enough; neither copies nor positions. The function `decomposed`
-- is the program's own. A reply is indexed when it ends.
CREATE VIRTUAL TABLE message_words USING fts5 (text, content = '', columnsize = 0, detail = none, tokenize = 'trigram');
CREATE VIRTUAL TABLE title_words USING fts5 (text, content = '', columnsize = 0, detail = none, tokenize = 'trigram');

INSERT INTO message_words (rowid, text)
    SELECT id, decomposed(content, input) FROM messages WHERE state <> 'streaming' AND role <> 'system';
INSERT INTO title_words (rowid, text) SELECT id, decomposed(title, '') FROM conversations;

CREATE TRIGGER message_is_indexed AFTER INSERT ON messages
WHEN new.state <> 'streaming' AND new.role <> 'system' BEGIN
    INSERT INTO message_words (rowid, text) VALUES (new.id, decomposed(new.content, new.input));
END;

CREATE TRIGGER reply_is_indexed AFTER UPDATE OF content, state ON messages
WHEN old.state = 'streaming' AND new.state <> 'streaming' AND new.role <> 'system' BEGIN
    INSERT INTO message_words (rowid, text) VALUES (new.id, decomposed(new.content, new.input));
END;

CREATE TRIGGER message_is_indexed_anew AFTER UPDATE OF content, state ON messages
WHEN old.state <> 'streaming' AND new.state <> 'streaming' AND new.role <> 'system' BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES ('delete', old.id, decomposed(old.content, old.input));
    INSERT INTO message_words (rowid, text) VALUES (new.id, decomposed(new.content, new.input));
END;

CREATE TRIGGER message_leaves_the_index AFTER DELETE ON messages
WHEN old.state <> 'streaming' AND old.role <> 'system' BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES ('delete', old.id, decomposed(old.content, old.input));
END;

CREATE TRIGGER title_is_indexed AFTER INSERT ON conversations BEGIN
    INSERT INTO title_words (rowid, text) VALUES (new.id, decomposed(new.title, ''));
END;

CREATE TRIGGER title_is_indexed_anew AFTER UPDATE OF title ON conversations BEGIN
    INSERT INTO title_words (title_words, rowid, text) VALUES ('delete', old.id, decomposed(old.title, ''));
    INSERT INTO title_words (rowid, text) VALUES (new.id, decomposed(new.title, ''));
END;

CREATE TRIGGER title_leaves_the_index AFTER DELETE ON conversations BEGIN
    INSERT INTO title_words (title_words, rowid, text) VALUES ('delete', old.id, decomposed(old.title, ''));
END;

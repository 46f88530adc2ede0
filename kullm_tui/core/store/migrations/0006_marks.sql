-- What a person says of a reply: that it is good as it is, or not for training; and which one it stands for, where they wrote it or prefer it.

ALTER TABLE messages ADD COLUMN mark TEXT CHECK (mark IN ('keep', 'never'));
ALTER TABLE messages ADD COLUMN corrects INTEGER REFERENCES messages (id) ON DELETE SET NULL;    -- beside it, under the same question
CREATE INDEX marked_messages ON messages (mark) WHERE mark IS NOT NULL;
CREATE INDEX corrections ON messages (corrects) WHERE corrects IS NOT NULL;

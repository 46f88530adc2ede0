-- What a model thought before it answered: beside the reply, so that neither the search nor the next question reads it.

ALTER TABLE messages ADD COLUMN thinking TEXT NOT NULL DEFAULT '';

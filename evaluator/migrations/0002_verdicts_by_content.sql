-- A response's verdicts are found by what was judged. The texts are not written a second time: length and beginning lead to the
-- few rows that could be meant, and those are compared whole.

CREATE INDEX verdicts_by_content ON verdicts (length(response), substr(response, 1, 32));

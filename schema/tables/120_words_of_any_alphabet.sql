-- Words with letters other than A to Z are found however their case is mixed: the
-- indexes over lower() fold A to Z only. Of a text of ASCII, as most are, this one
-- holds nothing and costs nothing but to see that; of others all words, without the
-- quotes, dashes and colons of their alphabets, which are letters to the tokenizer.
-- Statements must name these expressions exactly so: queries/catalog/words.go.
ALTER TABLE {{local "events"}}{{onCluster}}
    ADD INDEX IF NOT EXISTS ix_text_fold if(isValidASCII(concat(title, ' ', message)), '', lowerUTF8(replaceRegexpAll(concat(title, ' ', message), '[\\p{P}\\p{Z}]+', ' '))) TYPE text(tokenizer = splitByNonAlpha);
ALTER TABLE {{local "logs"}}{{onCluster}}
    ADD INDEX IF NOT EXISTS ix_body_fold if(isValidASCII(body), '', lowerUTF8(replaceRegexpAll(body, '[\\p{P}\\p{Z}]+', ' '))) TYPE text(tokenizer = splitByNonAlpha);
-- In the background, for which the server has to be told since 26.7: 22 s for 20 million
-- events. Parts that it has not reached are read as a whole.
ALTER TABLE {{local "events"}}{{onCluster}} MATERIALIZE INDEX ix_text_fold SETTINGS mutations_sync = 0;
ALTER TABLE {{local "logs"}}{{onCluster}} MATERIALIZE INDEX ix_body_fold SETTINGS mutations_sync = 0;

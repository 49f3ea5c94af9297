-- name: insert_message
-- Keep the letter in the deed's transaction.
INSERT INTO tallystick.mail (id, to_address, subject, body_text, body_html, created_at)
VALUES (%(id)s, %(to_address)s, %(subject)s, %(body_text)s, %(body_html)s, %(created_at)s);

-- name: read
-- The newest letters; to one address, or the one with this id, where they are given.
SELECT
    mail.id,
    mail.to_address,
    mail.subject,
    mail.body_text,
    mail.body_html,
    mail.state,
    mail.created_at,
    mail.sent_at
FROM tallystick.mail
WHERE
    (%(to_address)s::text IS NULL OR mail.to_address = %(to_address)s)
    AND (%(message_id)s::uuid IS NULL OR mail.id = %(message_id)s)
ORDER BY mail.id DESC
LIMIT %(most)s;

-- name: finish
-- Record what became of a letter that was still pending.
UPDATE tallystick.mail
SET
    state = %(state)s,
    error = NULL,
    sent_at = CASE WHEN %(state)s = 'sent' THEN clock_timestamp() END
WHERE
    mail.id = %(id)s
    AND mail.state = 'pending';

-- name: note_trouble
-- Record why a pending letter was not sent; it fails once its tries are spent.
UPDATE tallystick.mail
SET
    attempts = mail.attempts + 1,
    error = %(error)s,
    state = CASE WHEN mail.attempts + 1 >= %(attempts_max)s THEN 'failed' ELSE 'pending' END
WHERE
    mail.id = %(id)s
    AND mail.state = 'pending';

-- A claimed idempotency key is held by one request, for as long as its server keeps it up.
ALTER TABLE idempotency ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE idempotency ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0;

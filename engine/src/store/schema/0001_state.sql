-- One schema for both stores: text, and whole numbers. Instants are microseconds since 1970-01-01T00:00Z, documents
-- are JSON text, yes and no are 1 and 0.

CREATE TABLE migrations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    source_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    -- Grows with each save: compare-and-set.
    version BIGINT NOT NULL,
    record TEXT NOT NULL,
    -- The last number given to an event of this migration.
    event_seq BIGINT NOT NULL,
    -- When its schedule wants to be asked again.
    wake_at BIGINT,
    -- Which server drives it, and until when nobody else may.
    owner TEXT,
    lease_until BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX migrations_by_creation ON migrations (created_at);
CREATE INDEX migrations_by_status ON migrations (status);

CREATE TABLE plans (
    migration_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    plan TEXT NOT NULL,
    PRIMARY KEY (migration_id, version)
);

CREATE TABLE decisions (
    migration_id TEXT NOT NULL,
    mapping_id TEXT NOT NULL,
    plan_version BIGINT NOT NULL,
    decision TEXT NOT NULL,
    PRIMARY KEY (migration_id, mapping_id)
);

CREATE TABLE events (
    migration_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- Of a log line: 0 debug, 1 info, 2 warning, 3 error.
    level BIGINT NOT NULL,
    phase TEXT,
    data TEXT NOT NULL,
    PRIMARY KEY (migration_id, seq)
);

CREATE TABLE progress (
    migration_id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE metrics (
    migration_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (migration_id, at)
);

CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    connector TEXT NOT NULL,
    -- What is no secret.
    config TEXT NOT NULL,
    -- What is, sealed.
    secrets TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- SHA-256 of the key, in hexadecimal.
    hash TEXT NOT NULL UNIQUE,
    -- How the key begins, to tell it from others.
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE idempotency (
    key_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- What was asked: method, path and body, hashed.
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The answer; none while the first request is at work.
    status BIGINT,
    body TEXT,
    PRIMARY KEY (key_id, idempotency_key)
);

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    -- JSON list; empty: all events.
    events TEXT NOT NULL,
    description TEXT,
    -- Sealed.
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    migration_id TEXT,
    webhook_id TEXT,
    -- Where to: JSON.
    route TEXT NOT NULL,
    notification TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- pending, delivered, given_up
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL
);
CREATE INDEX outbox_by_due ON outbox (state, next_at);

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    outbox_id TEXT NOT NULL,
    webhook_id TEXT,
    at BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    -- HTTP status, where there was one.
    status BIGINT,
    milliseconds BIGINT NOT NULL,
    -- None: delivered.
    error TEXT
);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, at);

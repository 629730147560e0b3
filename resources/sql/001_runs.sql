-- Runs and what they produced. Lists read `runs` and `metrics` alone; large texts live in run_documents.

-- Repeated texts (metric names, layer names, units, environment values), stored once. Rows are never removed.
CREATE TABLE words (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- AUTOINCREMENT: the id of a removed run is never given to another one.
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL,
    recipe_name TEXT NOT NULL,
    model_path  TEXT NOT NULL,
    group_id    TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    seed        INTEGER NOT NULL,  -- the 64 bits of an unsigned seed
    threads     INTEGER NOT NULL,
    started_ms  INTEGER NOT NULL,  -- milliseconds since 1970-01-01 UTC
    finished_ms INTEGER,           -- NULL while running
    elapsed_ms  REAL NOT NULL DEFAULT 0,
    error       TEXT NOT NULL DEFAULT '',
    model_hash  TEXT NOT NULL,
    data_hash   TEXT NOT NULL,
    config_hash TEXT NOT NULL
);
CREATE INDEX runs_by_group ON runs (group_id);
CREATE INDEX runs_by_status ON runs (status);

CREATE TABLE run_documents (
    run_id      INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    recipe_json TEXT NOT NULL,
    config_json TEXT NOT NULL
);

-- Who is working on a running row; the row here goes when the run is closed.
CREATE TABLE running_processes (
    run_id        INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    process_id    INTEGER NOT NULL,
    process_start INTEGER NOT NULL,  -- clock ticks since boot: tells a reused process id apart
    boot_id       TEXT NOT NULL
);

CREATE TABLE metrics (
    run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name_id INTEGER NOT NULL REFERENCES words (id),
    value   REAL,                    -- NULL: not a number
    unit_id INTEGER NOT NULL REFERENCES words (id),
    samples INTEGER NOT NULL,
    lower95 REAL,
    upper95 REAL,
    PRIMARY KEY (run_id, name_id)
) WITHOUT ROWID;
CREATE INDEX metrics_by_value ON metrics (name_id, value, run_id);

CREATE TABLE layer_statistics (
    run_id   INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,       -- keeps the order they were written in
    layer_id INTEGER NOT NULL REFERENCES words (id),
    site_id  INTEGER NOT NULL REFERENCES words (id),
    name_id  INTEGER NOT NULL REFERENCES words (id),
    value    REAL,
    PRIMARY KEY (run_id, position)
) WITHOUT ROWID;

CREATE TABLE artefacts (
    id         INTEGER PRIMARY KEY,
    run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    path       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    size_bytes INTEGER NOT NULL
);
CREATE INDEX artefacts_by_run ON artefacts (run_id);

CREATE TABLE environment (
    run_id   INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name_id  INTEGER NOT NULL REFERENCES words (id),
    value_id INTEGER NOT NULL REFERENCES words (id),
    PRIMARY KEY (run_id, name_id)
) WITHOUT ROWID;

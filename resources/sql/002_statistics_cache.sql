-- Calibration results by model and data, so that the data is read once. A cache: any row may be removed.

CREATE TABLE statistics_sets (
    id         INTEGER PRIMARY KEY,
    model_hash TEXT NOT NULL,
    data_hash  TEXT NOT NULL,
    used_ms    INTEGER NOT NULL,     -- last stored or found; the least recently used go first
    UNIQUE (model_hash, data_hash)
);

CREATE TABLE site_statistics (
    set_id INTEGER NOT NULL REFERENCES statistics_sets (id) ON DELETE CASCADE,
    layer  TEXT NOT NULL,
    site   TEXT NOT NULL CHECK (site IN ('weight', 'output')),
    data   BLOB NOT NULL,            -- encoding: experiments/store/statistics_codec.h
    UNIQUE (set_id, layer, site)
);

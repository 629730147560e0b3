-- What quantizing one site alone does to a model, by model, data and grid, so that nothing is measured twice.
-- A cache: any row may be removed.

CREATE TABLE sensitivity_sets (
    id            INTEGER PRIMARY KEY,
    model_hash    TEXT NOT NULL,
    data_hash     TEXT NOT NULL,
    samples       INTEGER NOT NULL,
    float_loss    REAL NOT NULL,
    float_correct INTEGER NOT NULL,
    used_ms       INTEGER NOT NULL,  -- last stored or found; the least recently used go first
    UNIQUE (model_hash, data_hash)
);

CREATE TABLE sensitivities (
    set_id        INTEGER NOT NULL REFERENCES sensitivity_sets (id) ON DELETE CASCADE,
    layer         TEXT NOT NULL,
    site          TEXT NOT NULL CHECK (site IN ('weight', 'output')),
    bits          INTEGER NOT NULL,
    grid_hash     TEXT NOT NULL,     -- of the site's scales, zero points and levels
    loss          REAL NOT NULL,
    kl_divergence REAL NOT NULL,
    sqnr_db       REAL,              -- NULL: infinite, nothing changed
    correct       INTEGER NOT NULL,
    PRIMARY KEY (set_id, layer, site, bits, grid_hash)
) WITHOUT ROWID;

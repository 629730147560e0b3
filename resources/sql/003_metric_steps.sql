-- Numbers a run produces again and again: one point an epoch or a step of a training. Lists never read them.

CREATE TABLE metric_steps (
    run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name_id INTEGER NOT NULL REFERENCES words (id),
    step    REAL NOT NULL,           -- what the series counts in: epochs, with fractions within one
    value   REAL,                    -- NULL: not a number
    PRIMARY KEY (run_id, name_id, step)
) WITHOUT ROWID;

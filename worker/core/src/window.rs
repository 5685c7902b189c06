//! Event-time windows in two halves that only share bytes: the process role folds each epoch's events into *delta
//! partials* and forgets them; the aggregate role merges partials and issues windows as the watermark passes.

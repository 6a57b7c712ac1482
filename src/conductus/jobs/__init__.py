"""Work that is done after the answer: errands of the outbox, at least once each."""

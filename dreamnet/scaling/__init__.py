"""Night scaling over both clouds: what runs is remembered, put to sleep, woken, and proven to be as it was."""

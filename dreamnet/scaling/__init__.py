"""Night scaling over both clouds: what runs is saved, put to sleep, woken, and proven to be as it was."""

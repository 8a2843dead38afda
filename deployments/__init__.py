"""What stands around the flows: automations, and the rehearsal as one command."""

"""When issues go: wall clocks, the recurring slot, appointments, and what the owner is told about them."""

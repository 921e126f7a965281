"""From a campaign to outcomes: planning, claiming, sending, recording."""

"""What ``newsletter init`` copies: settings, and (in an installed wheel) the templates of the repository."""

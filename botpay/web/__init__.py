"""The web server of an installation: the routes of its adapters, and whether it is alive."""

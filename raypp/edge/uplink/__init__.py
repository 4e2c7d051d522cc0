"""The way to the service: connections, sessions, and when to try again."""

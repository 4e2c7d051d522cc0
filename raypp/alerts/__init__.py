"""Alerts by webhook and MQTT: their form, their channels, and the sender."""

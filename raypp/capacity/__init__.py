"""Capacity: from rates that were measured on a machine to what a service of many sites needs."""

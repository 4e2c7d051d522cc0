"""Executions of procedures: found in the uses of tools, and compared with what is prescribed."""

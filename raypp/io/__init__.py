"""Reading what others wrote: bounded in size, depth and number, with one line for what is wrong."""

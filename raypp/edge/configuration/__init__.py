"""What the owner signs for a device, and what an agent makes of it; whoever carries it is not trusted."""

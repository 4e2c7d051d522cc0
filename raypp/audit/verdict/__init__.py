"""What the rows of an audit come to: gates, verdict, certificate."""

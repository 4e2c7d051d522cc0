"""The verdict on the rows of an audit: gates, verdict, certificate."""

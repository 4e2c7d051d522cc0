"""Facts for a data protection impact assessment, each with where it comes from; judgement is left blank."""

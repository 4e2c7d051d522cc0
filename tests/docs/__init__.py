"""The docs site: what is generated is whole, and pages keep to the style."""

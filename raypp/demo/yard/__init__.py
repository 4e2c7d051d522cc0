"""A yard with people and safety equipment, and the exact truth of who wore what; without rendering an image."""

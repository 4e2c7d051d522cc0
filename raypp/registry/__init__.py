"""Models on their way into service: added with their evidence, judged by gates, promoted and rolled back."""

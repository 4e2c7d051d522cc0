"""Utility against leakage: what veils cost a detector, beside what attacks get out of them."""

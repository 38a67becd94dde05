"""What the pages are made of: labels, styles, charts and components."""

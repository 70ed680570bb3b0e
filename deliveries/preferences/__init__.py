"""The page behind each reader's own link, and what is known of them."""

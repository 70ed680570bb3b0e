from deliveries.admin import mailings, readers

__all__ = ["mailings", "readers"]
